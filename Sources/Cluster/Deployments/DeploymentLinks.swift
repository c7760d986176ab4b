// Responsible for: which links of one plan are proven, which have failed, and since when both ends of each know that they
// are to prove it. Must not know: how a link is proven, what a failure leads to.

import Wire

/// The links of a plan in the order of its steps: from the coordinator to the first stage, from stage to stage, and from
/// the last one back.
struct DeploymentLinks: Sendable {
    enum State: Sendable, Equatable {
        case unproven
        case proven
        case failed(LinkFailure)
    }

    /// A link that does not carry.
    struct Failure: Sendable, Equatable {
        /// nil: the coordinator.
        let from: WorkerID?
        let to: WorkerID?
        let why: LinkFailure
    }

    /// So long after both ends know of it a link that nobody speaks of has failed.
    private static let silence = LinkProbe.patience * 3
    /// The same of a link on which steps were lost just before: others can do without it soon.
    private static let silenceInDoubt = Duration.milliseconds(500)

    /// Whether steps were lost just now between two nodes; nil: the coordinator.
    typealias Doubts = (WorkerID?, WorkerID?) -> Bool

    private let workers: [WorkerID]
    /// One more than workers.
    private var states: [State]
    /// [workers] when each first spoke of the plan; nil: it has not.
    private var toldAt: [Moment?]
    /// [links]
    private var isInDoubt: [Bool]

    init(_ plan: Plan, _ doubts: Doubts = { _, _ in false }) {
        workers = plan.stages.map(\.worker)
        let nodes = [nil] + workers.map { Optional($0) } + [nil]
        isInDoubt = zip(nodes, nodes.dropFirst()).map { doubts($0, $1) }
        states = Array(repeating: .unproven, count: workers.count + 1)
        toldAt = Array(repeating: nil, count: workers.count)
    }

    var areProven: Bool { states.allSatisfy { $0 == .proven } }

    /// The ends of a link.
    private func ends(_ index: Int) -> (from: WorkerID?, to: WorkerID?) {
        (index == 0 ? nil : workers[index - 1], index == workers.count ? nil : workers[index])
    }

    // MARK: What happens

    /// A worker speaks of the plan, so it knows it.
    mutating func noteTold(_ worker: WorkerID, _ now: Moment) {
        if let index = workers.firstIndex(of: worker), toldAt[index] == nil { toldAt[index] = now }
    }

    /// What became of the link that begins at a worker, or at the coordinator.
    mutating func note(_ outcome: LinkReport.Outcome, from worker: WorkerID?) {
        guard let index = worker.map({ workers.firstIndex(of: $0).map { $0 + 1 } }) ?? 0 else { return }
        switch outcome {
        case .proven: (states[index], isInDoubt[index]) = (.proven, false)
        case .failed(let why): states[index] = .failed(why)
        }
    }

    /// Time in which this process itself did not run is nobody's silence.
    mutating func excuse(_ gap: Duration, _ now: Moment) {
        for index in toldAt.indices { toldAt[index] = toldAt[index].map { min(now, $0 + gap) } }
    }

    // MARK: What follows

    /// Links that do not carry, in order: both ends have known of them for long enough.
    func failures(_ now: Moment) -> [Failure] {
        states.indices.compactMap { index in
            guard let told = bothToldAt(index) else { return nil }
            let (from, to) = ends(index)
            if isInDoubt[index], now - told >= Self.silenceInDoubt {
                return Failure(from: from, to: to, why: .stepsLost)
            }
            switch states[index] {
            case .failed(let why) where now - told >= LinkProbe.patience: return Failure(from: from, to: to, why: why)
            case .unproven where now - told >= Self.silence: return Failure(from: from, to: to, why: .noAnswer)
            case .failed, .unproven, .proven: return nil
            }
        }
    }

    private func bothToldAt(_ index: Int) -> Moment? {
        let ends = [index - 1, index].filter(toldAt.indices.contains)
        let times = ends.compactMap { toldAt[$0] }
        return times.count == ends.count ? times.max() : nil
    }
}
