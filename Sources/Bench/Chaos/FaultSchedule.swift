// Responsible for: which faults happen when: all of it follows from a seed. Must not know: clocks, processes.
import ModelFile

/// Faults one after the other, in the order in which they begin.
package struct FaultSchedule: Sendable, Equatable {
    /// What a schedule is made of.
    package struct Options: Sendable {
        package var kinds: [Fault.Kind]
        /// Workers that are there at the beginning.
        package var workers: Int
        /// No fault begins later.
        package var seconds: Double
        package var seed: UInt64
        /// Faults begin while others last, of other workers.
        package var areTogether = false
        /// Seconds from the beginning of a fault to that of the next one, or until it is over where they are not together; nil:
        /// drawn.
        package var every: Double?

        /// Faults one at a time.
        package init(kinds: [Fault.Kind], workers: Int, seconds: Double, seed: UInt64) {
            (self.kinds, self.workers, self.seconds, self.seed) = (kinds, workers, seconds, seed)
        }
    }

    /// As many may join beside those of the beginning.
    package static let mostNewcomers = 2

    package let faults: [Fault]

    /// The same options give the same faults.
    package init(_ options: Options) {
        var maker = Maker(options)
        faults = maker.all()
    }

    /// The most workers that are there at a time.
    package static func mostWorkers(_ options: Options) -> Int {
        options.workers + (options.kinds.contains(.join) ? mostNewcomers : 0)
    }
}

/// A schedule in the making: what happens to workers, so that each fault finds what it is about.
private struct Maker {
    private let options: FaultSchedule.Options
    private var place: UInt64
    /// [workers] since when each is there and nothing happens to it; nil: it is not there, for now or at all.
    private var freeFrom: [Double?]
    /// [workers] until when each is away, and comes back.
    private var awayUntil: [Double]
    private var coordinatorFreeFrom = 0.0
    /// Newcomers that leave again.
    private var leaving: [(worker: Int, end: Double)] = []
    private var now = Maker.firstPause

    /// Nothing happens before.
    private static let firstPause = 1.0
    /// From the end of a fault to the next one.
    private static let pauses = 1.5...3.5
    /// From the beginning of a fault to the next one, where they may overlap.
    private static let shortPauses = 0.2...2.0

    init(_ options: FaultSchedule.Options) {
        self.options = options
        place = SplitMix64.first(seed: options.seed)
        freeFrom = (0..<FaultSchedule.mostWorkers(options)).map { $0 < options.workers ? 0 : nil }
        awayUntil = freeFrom.map { _ in 0 }
    }

    mutating func all() -> [Fault] {
        var faults: [Fault] = []
        while now < options.seconds {
            leave()
            guard let (event, lasts) = next() else {
                now += 1
                continue
            }
            let end = lasts.map { now + $0 }
            faults.append(Fault(number: faults.count + 1, event: event, begin: now, end: end))
            note(event, until: end)
            let over = options.areTogether ? now : end ?? now
            if let every = options.every {
                now = max(now + every, over)
                continue
            }
            now = over + draw(options.areTogether ? Self.shortPauses : Self.pauses)
        }
        return faults
    }

    // MARK: Chance

    private mutating func draw() -> UInt64 {
        place &+= 1
        return SplitMix64.number(at: place)
    }

    private mutating func draw(_ range: ClosedRange<Double>) -> Double {
        let share = Double(draw() >> 11) / Double(1 << 53)
        return range.lowerBound + share * (range.upperBound - range.lowerBound)
    }

    private mutating func draw<Element>(_ list: [Element]) -> Element? {
        list.isEmpty ? nil : list[Int(draw() % UInt64(list.count))]
    }

    // MARK: What may happen

    /// Workers to whom something may happen now.
    private var free: [Int] { freeFrom.indices.filter { index in freeFrom[index].map { $0 <= now } ?? false } }
    private var absent: [Int] { freeFrom.indices.filter { freeFrom[$0] == nil } }

    private mutating func next() -> (Fault.Event, lasts: Double?)? {
        let present = freeFrom.indices.count { freeFrom[$0] != nil && awayUntil[$0] <= now }
        let possible = options.kinds.filter { kind in
            switch kind {
            case .kill, .stop, .cut: !free.isEmpty
            // Others are there, and unharmed.
            case .drain: free.count > 1 && present >= options.workers
            case .join: !absent.isEmpty
            case .coordinator: coordinatorFreeFrom <= now
            }
        }
        guard let kind = draw(possible) else { return nil }
        guard let worker = draw(kind == .join ? absent : free) ?? (kind == .coordinator ? 0 : nil) else { return nil }
        switch kind {
        // Most come back at once, as where something watches over them; some only after others have taken their place.
        case .kill: return (.kill(worker: worker), draw(draw() % 4 == 0 ? 1.5...4 : 0.05...0.5))
        // Some for less time than it takes to be lost.
        case .stop: return (.stop(worker: worker), draw(0.2...4))
        case .cut:
            let cuts = [.closed] + Fault.Ways.allCases.map { Fault.Cut.silent($0) }
            guard let cut = draw(cuts), let side = draw(Fault.Side.allCases) else { return nil }
            return (.cut(worker: worker, cut, side), draw(0.2...4))
        case .drain: return (.drain(worker: worker), options.kinds.contains(.join) ? nil : draw(2...4))
        case .join: return (.join(worker: worker), options.kinds.contains(.drain) ? nil : draw(3...6))
        case .coordinator: return (.coordinator, draw(0.05...1))
        }
    }

    private mutating func note(_ event: Fault.Event, until end: Double?) {
        switch event {
        case .kill(let worker), .stop(let worker), .cut(let worker, _, _): freeFrom[worker] = end
        case .drain(let worker): (freeFrom[worker], awayUntil[worker]) = (end, end ?? 0)
        // One that joins for good may be struck as any other; one that leaves again is not.
        case .join(let worker): freeFrom[worker] = end == nil ? now + Self.pauses.lowerBound : .infinity
        case .coordinator: coordinatorFreeFrom = end ?? .infinity
        }
        if case .join(let worker) = event, let end { leaving.append((worker, end)) }
    }

    /// Newcomers whose time is over are gone.
    private mutating func leave() {
        for (worker, end) in leaving where end <= now { freeFrom[worker] = nil }
        leaving.removeAll { $0.end <= now }
    }
}
