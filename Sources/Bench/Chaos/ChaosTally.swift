// Responsible for: what streams went through under faults: pauses of each fault, wrong tokens, how requests ended.
// Must not know: clocks, sockets, processes, how it is shown.
import Sequences

/// Counts as things happen; times are seconds since the first fault may come.
package struct ChaosTally: Sendable {
    /// How a request ended.
    package enum Ending: Sendable, Equatable {
        case completed
        /// It was accepted, and then given up; why.
        case failed(String)
        /// It was not accepted, and may be asked again; why.
        case unaccepted(String)
        /// Nobody said what became of it.
        case lost(String)
        /// We wanted no more of it.
        case cancelled
    }

    /// A fault that a stream has to get over.
    private struct Watch: Sendable {
        let fault: Int
        /// Since when no token has come, at the earliest since the fault.
        var since: Double
        var longest = 0.0
        /// Another fault has come: it is over with the next token.
        var isSuperseded = false
    }

    /// One request of a stream.
    private struct Stream: Sendable {
        var isAnswering = false
        var watches: [Watch] = []
    }

    private var streams: [Stream]
    package private(set) var faults: [ChaosReport.FaultRecord] = []
    package private(set) var requests = ChaosReport.Requests()
    package private(set) var tokens = ChaosReport.Tokens()
    package private(set) var reasons: [String] = []
    /// Of answers that ended: how many times as long as undisturbed each took.
    package private(set) var answerTimes: [Double] = []
    package private(set) var preparing = PreparingTally()
    private var last: State?

    /// What a coordinator says of itself.
    package struct State: Sendable {
        package var uptimeSeconds: Double
        /// In its whole life.
        package var rebuiltLayerTokens: Int
        /// Of prompts and answers: those whose keys and values stages have.
        package var liveTokens: Int
        /// [stages] process and layers of each.
        package var stages: [(process: Int, layers: Int)]
        package var isPreparing = false

        /// What was said.
        package init(uptimeSeconds: Double, rebuiltLayerTokens: Int, liveTokens: Int, stages: [(Int, Int)]) {
            (self.uptimeSeconds, self.rebuiltLayerTokens) = (uptimeSeconds, rebuiltLayerTokens)
            (self.liveTokens, self.stages) = (liveTokens, stages)
        }
    }

    /// At most so many sentences are kept.
    private static let mostReasons = 20

    /// Streams that have not begun.
    package init(streams: Int) { self.streams = Array(repeating: Stream(), count: streams) }

    // MARK: Faults

    /// A fault begins, about this process if about any. `state`: of the cluster just before; nil: it did not say.
    package mutating func begin(_ fault: Fault, process: Int?, _ state: State?, at time: Double) {
        note(state)
        var record = ChaosReport.FaultRecord(number: fault.number, kind: fault.kind, what: "\(fault)", seconds: time)
        if let state, let process, let stage = state.stages.first(where: { $0.process == process }) {
            (record.liveTokens, record.lostLayers) = (state.liveTokens, stage.layers)
        }
        faults.append(record)
        // What a change that a fault leads to is like is asked of those that are no loss.
        if [.kill, .stop, .cut, .coordinator].contains(fault.kind) { preparing.forget() }
        for stream in streams.indices where streams[stream].isAnswering {
            for index in streams[stream].watches.indices { streams[stream].watches[index].isSuperseded = true }
            streams[stream].watches.append(Watch(fault: faults.count - 1, since: time))
        }
    }

    /// Whether another plan is prepared now; nil: nobody said.
    package mutating func look(isPreparing: Bool?, at time: Double) {
        guard let isPreparing else { return preparing.forget() }
        preparing.note(tokens.received, isPreparing: isPreparing, at: time)
    }

    /// An answer took so long, and undisturbed so long.
    package mutating func noteTime(_ seconds: Double, undisturbed: Double) {
        if undisturbed > 0 { answerTimes.append(seconds / undisturbed) }
    }

    /// What the coordinator has counted since it was asked last belongs to the last fault.
    package mutating func note(_ state: State?) {
        guard let state else { return }
        // One that was started again counts from nothing.
        let before = last.flatMap { $0.uptimeSeconds <= state.uptimeSeconds ? $0.rebuiltLayerTokens : nil } ?? 0
        last = state
        if !faults.isEmpty { faults[faults.count - 1].rebuiltLayerTokens += state.rebuiltLayerTokens - before }
    }

    /// Streams that the last fault struck amid an answer, by whether they have gone on, with the longest pause of those.
    package var outcome: (goneOn: Int, waiting: Int, longest: Double) {
        let watches = streams.flatMap(\.watches).filter { $0.fault == faults.count - 1 }
        let goneOn = watches.filter { $0.longest > 0 }
        let closed = faults.last?.pauses ?? []
        return (
            goneOn.count + closed.count, watches.count - goneOn.count, (goneOn.map(\.longest) + closed).max() ?? 0
        )
    }

    // MARK: Streams

    /// Tokens of an answer have come.
    package mutating func noteTokens(_ count: Int, of stream: Int, at time: Double) {
        guard count > 0 else { return }
        tokens.received += count
        streams[stream].isAnswering = true
        step(stream, at: time)
        for watch in streams[stream].watches where watch.isSuperseded { close(watch) }
        streams[stream].watches.removeAll(where: \.isSuperseded)
    }

    /// A request has ended, with an answer that differs so from the right one.
    package mutating func noteEnd(_ ending: Ending, _ difference: AnswerDifference, of stream: Int, at time: Double) {
        tokens.wrong += difference
        switch ending {
        case .completed:
            requests.completed += 1
            step(stream, at: time)
            for watch in streams[stream].watches { close(watch) }
        case .failed(let why):
            requests.failed += 1
            noteReason("stream \(stream + 1): failed: \(why)")
        case .unaccepted: requests.unaccepted += 1
        case .lost(let why):
            requests.lost += 1
            noteReason("stream \(stream + 1): lost: \(why)")
        case .cancelled: requests.cancelled += 1
        }
        streams[stream] = Stream()
    }

    /// Something is wrong.
    package mutating func noteReason(_ reason: String) {
        if reasons.count < Self.mostReasons { reasons.append(reason) }
    }

    private mutating func step(_ stream: Int, at time: Double) {
        for index in streams[stream].watches.indices {
            let watch = streams[stream].watches[index]
            streams[stream].watches[index].longest = max(watch.longest, time - watch.since)
            streams[stream].watches[index].since = time
        }
    }

    private mutating func close(_ watch: Watch) { faults[watch.fault].pauses.append(watch.longest) }

    /// It is over: what streams have got over by now counts.
    package mutating func end() {
        for stream in streams.indices {
            for watch in streams[stream].watches where watch.longest > 0 { close(watch) }
            streams[stream].watches = []
        }
    }
}
