// Responsible for: what coordinators tell of each request, and that it ends once. Must not know: how the code under test
// works, only what it asks its shells to do; what clients hear of it.

import Cluster
import Sequences
import Wire

/// What the coordinator was told to do with a request.
enum ClientWish { case none, cancelled, stopped }

/// Every request ends exactly once, with the tokens and scores of the single-process answer, unless its coordinator is
/// lost before.
struct AnswerChecker {
    private struct Record {
        let task: GenerationTask
        let right: SingleProcessAnswer
        var tokens: [Int32] = []
        var scores: [Float] = []
        var wish = ClientWish.none
        var hasStarted = false
        var end: FinishReason?
        var hasFailed = false
    }

    private var records: [RequestID: Record] = [:]
    private(set) var open = 0

    mutating func submit(_ task: GenerationTask, right: SingleProcessAnswer) {
        records[task.request] = Record(task: task, right: right, tokens: task.answered)
        open += 1
    }

    /// The coordinator is lost, and all requests with it; the next one numbers them anew.
    mutating func coordinatorIsLost() {
        records = [:]
        open = 0
    }

    mutating func wish(_ wish: ClientWish, _ request: RequestID) { records[request]?.wish = wish }

    /// A violation, or nil.
    mutating func observe(_ action: Coordinator.Action) -> String? {
        switch action {
        case .started(let request, let reused):
            return change(request) { record in
                defer { record.hasStarted = true }
                if reused >= record.task.prompt.count + record.task.answered.count {
                    return "reuses all \(reused) tokens of its prompt"
                }
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
        case .fail(let request, let error):
            open -= 1
            return change(request) { record in
                record.hasFailed = true
                if error.retryAfterMilliseconds == nil { return "failed: \(error)" }
                return record.hasStarted ? "is sent away after it has started" : nil
            }
        case .waiting(let request, _): return change(request) { _ in nil }
        case .send, .connectFirstStage, .disconnectFirstStage, .sayHello, .answerHello, .forward, .forget, .measured,
            .answerDrain, .record, .tellElectors, .cede, .stepDown, .log:
            return nil
        }
    }

    private mutating func change(_ request: RequestID, _ check: (inout Record) -> String?) -> String? {
        guard var record = records[request] else { return "\(request) was never submitted" }
        if record.end != nil || record.hasFailed { return "\(request) goes on after its end" }
        let violation = check(&record)
        records[request] = record
        return violation.map { "\(request): \($0)" }
    }
}
