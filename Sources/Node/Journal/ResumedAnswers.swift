// Responsible for: requests that an earlier process of this coordinator had accepted: they go on, and wait for their clients.
// Must not know: sockets, files.
import Cluster
import Generation
import Sequences
import Synchronization
import Wire

/// What the journal had. Owned by the coordinator's loop thread.
struct ResumedAnswers {
    private var answers: [RequestIdentity: ResumedAnswer] = [:]

    /// Clients that were lost come back within this time, or not at all.
    static let patience = Duration.seconds(120)

    /// All of them begin to go on.
    init(_ journal: Journal?, with service: GenerationService) {
        for entry in journal?.found ?? [] {
            guard let journal, let identity = entry.admission.request.identity else { continue }
            // Where a client had asked for it again already, only the last time counts.
            answers[identity]?.end()
            answers[identity] = ResumedAnswer(entry, with: service, in: journal)
        }
    }

    var count: Int { answers.count }

    /// A client asks for a request: the tokens that follow those it has, as far as they are known; nil: nobody has accepted
    /// it from this client before. It is the client's from now on.
    mutating func take(_ message: Generate, of owner: NodeKey?) -> [SampledToken]? {
        guard let identity = message.identity, let answer = answers[identity], answer.owner == owner else { return nil }
        answers[identity] = nil
        return answer.end(for: message.request)
    }

    /// Nobody else comes.
    mutating func endAll() {
        for answer in answers.values { answer.end() }
        answers = [:]
    }
}

/// One request whose client is not there.
private final class ResumedAnswer: Sendable {
    private let entry: JournalState.Entry
    private let generation: Generation
    /// Since the admission.
    private let tokens: Mutex<[SampledToken]>
    private let answer: JournaledAnswer

    init(_ entry: JournalState.Entry, with service: GenerationService, in journal: Journal) {
        self.entry = entry
        tokens = Mutex([])
        let answer = JournaledAnswer(entry, in: journal)
        self.answer = answer
        let owner = entry.admission.owner
        generation = service.generate(
            entry.admission.request.request, known: entry.tokens, for: owner.map { ClientID(of: $0) } ?? .own,
            named: "resumed")
        Task { [weak self, events = generation.events] in
            var answer = answer
            // What went wrong its client is told when it asks again.
            do {
                for try await event in events {
                    try await answer.note(event)
                    switch event {
                    case .tokens(let samples, _), .reasoning(let samples, _):
                        self?.tokens.withLock { $0 += samples }
                    default: break
                    }
                }
            } catch {}
        }
    }

    var owner: NodeKey? { entry.admission.owner }

    /// It does not go on here.
    func end() {
        generation.cancel()
        Task { [answer] in await answer.end() }
    }

    /// Its client goes on with it, and has some of it: the tokens that follow.
    func end(for request: GenerationRequest) -> [SampledToken] {
        end()
        return entry.known(to: request, tokens.withLock { $0 })
    }
}
