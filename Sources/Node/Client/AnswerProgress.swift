// Responsible for: what a client has of an answer, and what it must ask for to get the rest after its coordinator was
// gone. Must not know: sockets, why it was gone.
import Generation
import Sequences

/// One answer on its way to a client, over any number of connections. The tokens that are there are asked for as the
/// beginning of the answer: what follows them is the same whoever computes it, so nothing is missing and nothing doubled.
struct AnswerProgress {
    private let request: GenerationRequest
    private let arrival: ContinuousClock.Instant
    private var accepted: (model: String, promptTokens: [Int32])?
    private var tokens: [Int32] = []
    private var scoreCount = 0
    /// Text of the token that comes next.
    private var held: [GenerationEvent] = []
    /// Scores to come that are there already.
    private var repeatedScores = 0
    /// What had come when it was lost last, and until when it was worth while to try again; nil: it never was.
    private var countAtLoss = 0
    private var lossEnd: ContinuousClock.Instant?
    private var firstToken: ContinuousClock.Instant?
    private var lastToken: ContinuousClock.Instant?

    /// Nothing of it is there.
    init(_ request: GenerationRequest, now: ContinuousClock.Instant = .now) { (self.request, arrival) = (request, now) }

    /// It has been lost, and goes on.
    private var isResumed: Bool { lossEnd != nil }

    /// The coordinator has begun to answer.
    var hasBegun: Bool { accepted != nil }

    /// What to ask for now.
    var rest: GenerationRequest {
        var rest = request
        if let start = request.scoringStart {
            rest.scoringStart = start + scoreCount - repeatedScores
        } else {
            rest.answered += tokens
        }
        return rest
    }

    /// Its coordinator is gone, or cannot go on with it now: what was not whole is dropped. Until when another attempt is worth
    /// while; nil: it is not, as the answer had not begun, or will not be given.
    mutating func lose(
        _ failure: TandemError, _ patience: Duration, now: ContinuousClock.Instant = .now
    ) -> ContinuousClock.Instant? {
        guard hasBegun else { return nil }
        switch failure.kind {
        case .unavailable: break
        // It came back with more to do than it has room for.
        case .overloaded where isResumed: break
        default: return nil
        }
        let count = tokens.count + scoreCount
        let end = (count > countAtLoss ? nil : lossEnd) ?? now + patience
        guard now < end else { return nil }
        (countAtLoss, lossEnd) = (count, end)
        held = []
        // Something must be left to be scored.
        repeatedScores = min(1, scoreCount)
        return end
    }

    /// What an event adds to what was told before. Throws where another answer has begun than that which is there.
    mutating func take(
        _ event: GenerationEvent, at now: ContinuousClock.Instant = .now
    ) throws(TandemError) -> [GenerationEvent] {
        switch event {
        case .accepted(let model, let promptTokens, _):
            if let accepted {
                guard accepted == (model, promptTokens) else {
                    throw TandemError(
                        "the answer cannot go on: the coordinator now serves another model", kind: .unavailable,
                        hint: "ask again")
                }
                return []
            }
            accepted = (model, promptTokens)
            return [event]
        case .notice: return isResumed ? [] : [event]
        case .waiting: return [event]
        case .reasoning(let samples, _), .tokens(let samples, _):
            // The events of one token end with that which has it: only whole ones are told.
            held.append(event)
            if samples.isEmpty { return [] }
            tokens += samples.map(\.token)
            if firstToken == nil { firstToken = now }
            lastToken = now
            return takeHeld()
        case .scores(let values):
            let new = values.dropFirst(repeatedScores)
            repeatedScores -= values.count - new.count
            scoreCount += new.count
            return new.isEmpty ? [] : [.scores(Array(new))]
        case .finished(let reason, let timings): return takeHeld() + [.finished(reason, completed(timings))]
        }
    }

    /// Its end where nobody wants more of it.
    mutating func cancel() -> [GenerationEvent] {
        takeHeld() + [.finished(.cancelled, completed(GenerationTimings()))]
    }

    private mutating func takeHeld() -> [GenerationEvent] {
        defer { held = [] }
        return held
    }

    /// What the last coordinator measured, and what only we know.
    private func completed(_ timings: GenerationTimings) -> GenerationTimings {
        var timings = timings
        timings.firstTokenSeconds = firstToken.map { arrival.duration(to: $0).seconds } ?? 0
        guard isResumed else { return timings }
        timings.promptTokens = accepted?.promptTokens.count ?? 0
        timings.generatedTokens = tokens.count
        if let firstToken, let lastToken { timings.decodeSeconds = firstToken.duration(to: lastToken).seconds }
        return timings
    }
}
