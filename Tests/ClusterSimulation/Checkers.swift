// Responsible for: what must be true of every run, seen from outside. Must not know: how the code under test works,
// only what it asks its shells to do.

import Cluster
import Sequences
import Wire

/// What a client wants to happen to its request.
enum ClientWish { case none, cancelled, stopped }

/// Every request ends exactly once, with the tokens and scores of the single-process answer.
struct AnswerChecker {
    private struct Record {
        let task: GenerationTask
        let right: SingleProcessAnswer
        var tokens: [Int32] = []
        var scores: [Float] = []
        var wish = ClientWish.none
        var hasStarted = false
        var end: FinishReason?
    }

    let contextLength: Int
    let lengths: ToyModel.Lengths
    private var records: [RequestID: Record] = [:]
    private(set) var open = 0

    init(contextLength: Int, lengths: ToyModel.Lengths) {
        self.contextLength = contextLength
        self.lengths = lengths
    }

    /// The tokens that a request has got so far.
    func tokens(of request: RequestID) -> [Int32] { records[request]?.tokens ?? [] }

    mutating func submit(_ task: GenerationTask) {
        records[task.request] = Record(
            task: task, right: SingleProcessAnswer(task, contextLength: contextLength, lengths: lengths))
        open += 1
    }

    mutating func wish(_ wish: ClientWish, _ request: RequestID) { records[request]?.wish = wish }

    /// A violation, or nil.
    mutating func observe(_ action: Coordinator.Action) -> String? {
        switch action {
        case .started(let request, let reused):
            return change(request) { record in
                defer { record.hasStarted = true }
                if reused >= record.task.prompt.count { return "reuses all \(reused) tokens of its prompt" }
                return record.hasStarted ? "started twice" : nil
            }
        case .emit(let request, let token):
            return change(request) { record in
                record.tokens.append(token.token)
                let index = record.tokens.count - 1
                guard index < record.right.tokens.count else { return "got a token more than its answer has" }
                let right = record.right.tokens[index]
                return token.token == right ? nil : "token \(index) is \(token.token), but must be \(right)"
            }
        case .score(let request, let values):
            return change(request) { record in
                record.scores += values
                return record.right.scores.starts(with: record.scores) ? nil : "got other scores"
            }
        case .finish(let request, let reason):
            open -= 1
            return change(request) { record in
                record.end = reason
                switch reason {
                case .cancelled: return record.wish == .cancelled ? nil : "cancelled by nobody"
                case .stop where record.wish == .stopped: return nil
                case .stop, .length:
                    if record.scores != record.right.scores { return "ended after \(record.scores.count) scores" }
                    if record.tokens != record.right.tokens { return "ended after \(record.tokens.count) tokens" }
                    return reason == record.right.reason ? nil : "ended with \(reason), not \(record.right.reason)"
                }
            }
        case .fail(let request, let message, _, _):
            open -= 1
            return "\(request) failed: \(message)"
        case .waiting(let request, _): return change(request) { _ in nil }
        case .send, .connectFirstStage, .forward, .forget, .log: return nil
        }
    }

    private mutating func change(_ request: RequestID, _ check: (inout Record) -> String?) -> String? {
        guard var record = records[request] else { return "\(request) was never submitted" }
        if record.end != nil { return "\(request) goes on after its end" }
        let violation = check(&record)
        records[request] = record
        return violation.map { "\(request): \($0)" }
    }
}

/// Steps in flight and every queue stay bounded.
struct BoundChecker {
    private var stageCount = 0
    private var epoch = Epoch.none
    private var inFlight = 0
    private(set) var most = 0

    mutating func observe(_ action: Coordinator.Action) -> String? {
        switch action {
        case .send(_, .assign(let assign)):
            if assign.epoch < epoch { return "\(assign.epoch) after \(epoch)" }
            epoch = assign.epoch
            stageCount = assign.stageCount
            inFlight = 0
        case .forward(let forward):
            inFlight += 1
            most = max(most, inFlight)
            if forward.epoch != epoch { return "a step of \(forward.epoch) in \(epoch)" }
            if inFlight > Limits.stepsInFlight(stages: stageCount) {
                return "\(inFlight) steps in flight over \(stageCount) stages"
            }
        default: break
        }
        return nil
    }

    mutating func result(_ result: StepResult) {
        if result.epoch == epoch { inFlight -= 1 }
    }

    /// What a stage has received and not computed.
    func queue(_ count: Int, _ assign: Assign) -> String? {
        count > Limits.stepsInFlight(stages: assign.stageCount) ? "a stage has \(count) steps to compute" : nil
    }
}

/// When nothing is asked any more, nothing is held any more.
struct RestChecker {
    static func violation(_ status: StatusReply, samplers: Int) -> String? {
        if !status.isServing { return "at rest nobody serves: \(status.state)" }
        if status.keyValueBlocksFree != status.keyValueBlocksTotal {
            return "at rest only \(status.keyValueBlocksFree) of \(status.keyValueBlocksTotal) KV blocks are free"
        }
        if !status.requests.isEmpty { return "at rest there are \(status.requests.count) requests" }
        return samplers == 0 ? nil : "at rest the last stage holds \(samplers) sequences"
    }
}
