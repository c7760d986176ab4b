// Responsible for: what each client hears on its connection is the single-process answer, each token once and in order,
// with one end. Must not know: who answers, and what happened on the way.

import Sequences
import Wire

/// All that clients were told, connection by connection.
struct ClientChecker {
    private struct Record {
        let question: Question
        var isAccepted = false
        var isCancelled = false
        var tokens: [Int32] = []
        var scores: [Float] = []
        var hasEnded = false
        /// Tokens that it had before.
        var hadCount = 0
    }

    /// [clients] of the newest connection of each.
    private var records: [Record?] = Array(repeating: nil, count: Place.mostClients)

    /// The tokens that a client has got on its newest connection, and those it came with.
    func tokens(of client: Int) -> [Int32] { records[client]?.tokens ?? [] }

    /// A client asks on a new connection; it has the first tokens of the answer.
    mutating func ask(_ question: Question, client: Int, having tokens: [Int32]) {
        records[client] = Record(question: question, tokens: tokens, hadCount: tokens.count)
    }

    mutating func cancel(client: Int) { records[client]?.isCancelled = true }

    /// A violation, or nil.
    mutating func hear(_ reply: ClientReply, client: Int) -> String? {
        guard var record = records[client] else { return "client \(client) hears something and asked nothing" }
        let violation = Self.hear(reply, &record)
        records[client] = record
        return violation.map { "client \(client): \($0)" }
    }

    private static func hear(_ reply: ClientReply, _ record: inout Record) -> String? {
        switch reply {
        case .status, .measurements, .drain, .planPreview, .pong: return nil
        case .standbyPlace, .elsewhere: return "is told of another coordinator, of which there is none"
        case .refusal(let refusal): return "is refused: \(refusal.reason)"
        case .event(_, let event):
            return record.hasEnded ? "hears \(event) after the end of its answer" : hear(event, &record)
        case .failed(_, let error):
            if record.hasEnded { return "hears \(error) after the end of its answer" }
            record.hasEnded = true
            if error.retryAfterMilliseconds == nil { return "is told of a failure: \(error)" }
            return record.tokens.count == record.hadCount && record.scores.isEmpty
                ? nil : "is sent away in the middle of its answer"
        }
    }

    private static func hear(_ event: GenerationEvent, _ record: inout Record) -> String? {
        let right = record.question.right
        switch event {
        case .accepted(_, let prompt, _):
            defer { record.isAccepted = true }
            if record.isAccepted { return "is accepted twice" }
            return .tokens(prompt) == record.question.message.request.prompt
                ? nil : "is accepted with another prompt"
        case .waiting: return record.isAccepted ? nil : "waits before it is accepted"
        case .notice: return "is told what has no effect"
        case .reasoning: return "hears thoughts of a model that has none"
        case .tokens(let tokens, _):
            if !record.isAccepted { return "hears tokens before it is accepted" }
            record.tokens += tokens.map(\.token)
            return right.tokens.starts(with: record.tokens)
                ? nil : "heard tokens \(record.tokens), which do not begin its answer \(right.tokens)"
        case .scores(let values):
            record.scores += values
            return right.scores.starts(with: record.scores) ? nil : "heard other scores than those of its prompt"
        case .finished(let reason, _):
            record.hasEnded = true
            if reason == .cancelled { return record.isCancelled ? nil : "is told that it cancelled" }
            if record.tokens != right.tokens || record.scores != right.scores {
                return "hears an end after \(record.tokens.count) of \(right.tokens.count) tokens and "
                    + "\(record.scores.count) of \(right.scores.count) scores"
            }
            return reason == right.reason ? nil : "ended with \(reason), not \(right.reason)"
        }
    }
}
