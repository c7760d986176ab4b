// Responsible for: which faults a seed gives, and that each finds what it is about. Must not know: processes.
import Sequences
import Testing

@testable import Bench

@Suite("Schedules of faults")
struct FaultScheduleTests {
    private func options(
        _ kinds: [Fault.Kind] = Fault.Kind.allCases, workers: Int = 3, seconds: Double = 300, seed: UInt64 = 1
    ) -> FaultSchedule.Options {
        FaultSchedule.Options(kinds: kinds, workers: workers, seconds: seconds, seed: seed)
    }

    @Test("A seed gives the same faults again, another one others")
    func replayed() {
        let first = FaultSchedule(options(seed: 7))
        #expect(first == FaultSchedule(options(seed: 7)) && first != FaultSchedule(options(seed: 8)))
        #expect(first.faults.count > 30 && Set(first.faults.map(\.kind)) == Set(Fault.Kind.allCases))
        #expect(first.faults.map(\.number) == Array(1...first.faults.count))
    }

    @Test("Faults come as often as they are asked for, or once the one before is over")
    func every() {
        var options = options([.kill], seconds: 60)
        options.every = 5
        #expect(FaultSchedule(options).faults.map(\.begin) == Array(stride(from: 1.0, to: 60, by: 5)))
        options.every = 0.5
        let faults = FaultSchedule(options).faults
        #expect(zip(faults, faults.dropFirst()).allSatisfy { $1.begin >= max($0.begin + 0.5, $0.end ?? 0) })
        options.areTogether = true
        #expect(FaultSchedule(options).faults.count > faults.count)
    }

    @Test("A longer run begins as a shorter one")
    func prefix() {
        let (short, long) = (FaultSchedule(options(seconds: 30)), FaultSchedule(options(seconds: 90)))
        #expect(Array(long.faults.prefix(short.faults.count)) == short.faults && long.faults.count > short.faults.count)
        #expect(short.faults.allSatisfy { $0.begin < 30 })
    }

    /// Plays a schedule on a list of workers, and says what does not fit.
    private func misfits(_ options: FaultSchedule.Options) -> [String] {
        let faults = FaultSchedule(options).faults
        var isThere = (0..<FaultSchedule.mostWorkers(options)).map { $0 < options.workers }
        /// [workers] until when something happens to each.
        var busyUntil = isThere.map { _ in 0.0 }
        var changes: [(time: Double, worker: Int, isThere: Bool)] = []
        var misfits: [String] = []
        var last = 0.0
        for fault in faults {
            for change in changes.sorted(by: { $0.time < $1.time }) where change.time <= fault.begin {
                isThere[change.worker] = change.isThere
            }
            changes.removeAll { $0.time <= fault.begin }
            let count = isThere.count { $0 }
            if fault.begin < last || fault.end.map({ $0 <= fault.begin }) == true { misfits.append("order: \(fault)") }
            if !options.areTogether, fault.begin < busyUntil.max() ?? 0 { misfits.append("together: \(fault)") }
            if !options.kinds.contains(fault.kind) { misfits.append("kind: \(fault)") }
            last = options.areTogether ? fault.begin : fault.end ?? fault.begin
            guard let worker = fault.worker else { continue }
            if isThere[worker] == (fault.kind == .join) { misfits.append("there: \(fault)") }
            if fault.begin < busyUntil[worker] { misfits.append("busy: \(fault)") }
            busyUntil[worker] = fault.end ?? fault.begin
            switch fault.kind {
            case .drain:
                isThere[worker] = false
                if count < max(2, options.workers) { misfits.append("too few: \(fault)") }
                if let end = fault.end { changes.append((end, worker, true)) }
            case .join:
                isThere[worker] = true
                if let end = fault.end { changes.append((end, worker, false)) }
            default: break
            }
        }
        return misfits
    }

    @Test(
        "Whatever the kinds, each fault is about somebody who is there and to whom nothing else happens",
        arguments: [false, true])
    func fits(areTogether: Bool) {
        let kinds = Fault.Kind.allCases
        for seed: UInt64 in 0..<128 {
            // Every set of kinds, twice.
            let some = kinds.indices.filter { (seed % 64) >> UInt64($0) & 1 == 1 }.map { kinds[$0] }
            let workers = 1 + Int(seed % 4)
            var options = options(some, workers: workers, seconds: 120, seed: seed)
            options.areTogether = areTogether
            #expect(misfits(options) == [], "\(seed): \(some), \(workers) workers")
            let canHappen = !some.isEmpty && (some != [.drain] || workers > 1)
            #expect(FaultSchedule(options).faults.isEmpty == !canHappen)
        }
    }

    @Test("Kinds are read by their names; one that is none is told, with those that there are")
    func names() throws {
        #expect(try Fault.Kind.parse("stop, kill,kill") == [.kill, .stop])
        for bad in ["", "kill,,stop", "flood"] {
            let error = #expect(throws: TandemError.self) { try Fault.Kind.parse(bad) }
            #expect(error?.field == .faults && error?.hint?.description.contains("coordinator") == true)
        }
    }
}
