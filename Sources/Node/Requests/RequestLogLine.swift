// Responsible for: the one line of the log about a request when it has ended: how long it was, how long it took, why it
// ended, and never what it said. Must not know: how answers are made.
import Generation
import Logging
import Sequences
import Wire

/// Sources of log events that whoever writes a log treats apart.
package enum LogSource {
    /// Lines about requests: alike, but each of another one.
    package static let request = "request"
}

/// What becomes of one request, in numbers.
struct RequestLogLine: Sendable {
    /// How it ended.
    private enum Ending {
        case finished(FinishReason)
        case failed(String)
    }

    private let id: RequestID
    private let client: String
    private let arrival: ContinuousClock.Instant
    private var firstToken: ContinuousClock.Instant?
    private var promptTokens = 0
    private var answerTokens = 0
    private var ending: Ending?

    /// A request of `client` has come.
    init(_ id: RequestID, of client: String, at arrival: ContinuousClock.Instant = .now) {
        (self.id, self.client, self.arrival) = (id, client, arrival)
    }

    /// An event of it.
    mutating func note(_ event: GenerationEvent, at now: ContinuousClock.Instant = .now) {
        switch event {
        case .accepted(_, let tokens, _): promptTokens = tokens.count
        case .tokens(let samples, _), .reasoning(let samples, _):
            if firstToken == nil && !samples.isEmpty { firstToken = now }
            answerTokens += samples.count
        case .finished(let reason, let timings):
            answerTokens = max(answerTokens, timings.generatedTokens)
            ending = .finished(reason)
        case .notice, .waiting, .scores: break
        }
    }

    /// It ends with a failure. What is wrong with a request itself may quote it, and is only named.
    mutating func fail(_ error: any Error) {
        guard ending == nil else { return }
        guard let error = error as? TandemError else { return ending = .failed("\(type(of: error))") }
        switch error.kind {
        case .invalid: ending = .failed(error.field.map { "its \($0.name) is refused" } ?? "it is refused")
        default: ending = .failed("\(error.message)")
        }
    }

    /// What is said of it at its end.
    func metadata(at now: ContinuousClock.Instant = .now) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "id": .stringConvertible(id.value), "client": .string(client),
            "prompt_tokens": .stringConvertible(promptTokens), "answer_tokens": .stringConvertible(answerTokens),
            "seconds": .stringConvertible(arrival.duration(to: now).seconds),
        ]
        if let firstToken {
            metadata["first_token_seconds"] = .stringConvertible(arrival.duration(to: firstToken).seconds)
        }
        switch ending {
        case .finished(let reason): metadata["reason"] = .string(reason.rawValue)
        case .failed(let why): (metadata["reason"], metadata["why"]) = (.string("failed"), .string(why))
        case nil: metadata["reason"] = .string("cancelled")
        }
        return metadata
    }

    /// Tells it.
    func tell(_ log: Logger) { log.info("request ended", metadata: metadata(), source: LogSource.request) }
}
