// Responsible for: what each client hears on its connection is the single-process answer, each token once and in order,
// with one end. Must not know: who answers, and what happened on the way.

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
    }

    /// [clients] of the newest connection of each.
    private var records: [Record?] = Array(repeating: nil, count: Place.mostClients)

    /// The tokens that a client has got on its newest connection.
    func tokens(of client: Int) -> [Int32] { records[client]?.tokens ?? [] }

    /// A client asks on a new connection.
    mutating func ask(_ question: Question, client: Int) { records[client] = Record(question: question) }

    mutating func cancel(client: Int) { records[client]?.isCancelled = true }

    /// A violation, or nil.
    mutating func hear(_ reply: ClientReply, client: Int) -> String? {
        guard var record = records[client] else { return "client \(client) hears something and asked nothing" }
        let violation = Self.hear(reply, &record)
        records[client] = record
        return violation.map { "client \(client): \($0)" }
    }

    private static func hear(_ reply: ClientReply, _ record: inout Record) -> String? {
        if case .status = reply { return nil }
        if record.hasEnded { return "hears \(reply) after the end of its answer" }
        let right = record.question.right
        switch reply {
        case .status: return nil
        case .refusal(let refusal): return "is refused: \(refusal.reason)"
        case .accepted(let accepted):
            defer { record.isAccepted = true }
            if record.isAccepted { return "is accepted twice" }
            return .tokens(accepted.promptTokens) == record.question.message.prompt
                ? nil : "is accepted with another prompt"
        case .waiting: return record.isAccepted ? nil : "waits before it is accepted"
        case .tokens(let event):
            if !record.isAccepted { return "hears tokens before it is accepted" }
            record.tokens += event.tokens.map(\.token)
            return right.tokens.starts(with: record.tokens)
                ? nil : "heard tokens \(record.tokens), which do not begin its answer \(right.tokens)"
        case .scores(let event):
            record.scores += event.logProbabilities
            return right.scores.starts(with: record.scores) ? nil : "heard other scores than those of its prompt"
        case .finished(let finished):
            record.hasEnded = true
            if finished.reason == .cancelled { return record.isCancelled ? nil : "is told that it cancelled" }
            if record.tokens != right.tokens || record.scores != right.scores {
                return "hears an end after \(record.tokens.count) of \(right.tokens.count) tokens and "
                    + "\(record.scores.count) of \(right.scores.count) scores"
            }
            return finished.reason == right.reason ? nil : "ended with \(finished.reason), not \(right.reason)"
        case .failed(let failure):
            record.hasEnded = true
            if failure.retryAfterMilliseconds == nil { return "is told of a failure: \(failure.message)" }
            return record.tokens.isEmpty && record.scores.isEmpty ? nil : "is sent away in the middle of its answer"
        }
    }
}
