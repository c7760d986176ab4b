// Responsible for: requests that outlive their coordinator's process, as its shell keeps them. Must not know: how a journal is
// written, how answers are computed.
//
// The real thing is shell code: `Journal`, `ResumedAnswers` and `ClientSessions`. Records, their bytes and what follows from
// them are the production's.

import Cluster
import Sequences
import Wire

extension World {
    private static let patience: UInt64 = 2_500

    /// A request is written down; it goes on when that is safe.
    func admit(_ message: Generate, of client: ClientID) {
        guard keepsJournal, message.identity != nil, message.request.scoringStart == nil else {
            return begin(message, number: nil, known: nil, of: client)
        }
        let known = takeResumed(message)
        coordinator.lastNumber += 1
        let number = coordinator.lastNumber
        disk.write(.admission(JournalAdmission(number: number, owner: nil, request: message)))
        if bug == .earlyAcceptance { return begin(message, number: number, known: known, of: client) }
        queue.plan(
            .atCoordinator(.admitted(message, number: number, known: known, client), life: coordinator.life),
            at: now + random.milliseconds(0...6))
    }

    /// It is safe.
    func admitted(_ message: Generate, number: UInt64, known: [SampledToken]?, of client: ClientID) {
        disk.sync()
        begin(message, number: number, known: known, of: client)
    }

    /// A plan serves. It need not be safe.
    func record(_ plan: JournalPlan) {
        if coordinator.isRecalling {
            coordinator.isRecalling = false
            let earlier = coordinator.configuration.recalledPlans.last?.stages ?? []
            if earlier.map(\.layers) == plan.stages.map(\.layers), earlier.map(\.cache) == plan.stages.map(\.cache) {
                happened(.planRecalled)
            }
        }
        if keepsJournal { disk.write(.plan(plan)) }
    }

    /// A token is about to be told.
    func writeDown(_ token: SampledToken, _ session: SimulatedSessions.Session) {
        if let number = session.number { disk.write(.progress(number: number, first: session.told, tokens: [token])) }
    }

    func writeEnd(_ session: SimulatedSessions.Session) {
        guard let number = session.number else { return }
        disk.write(.end(number: number))
        if let identity = session.identity { journal.end(identity) }
    }

    // MARK: After a restart

    /// What the process before had accepted goes on.
    func resume() {
        guard keepsJournal, let model = coordinator.configuration.modelHash else { return }
        let entries = disk.begin(model: model)
        note(journal.begin(with: entries))
        coordinator.lastNumber = entries.last?.admission.number ?? 0
        coordinator.resumed = []
        if entries.isEmpty { return }
        queue.plan(.atCoordinator(.nobodyComes, life: coordinator.life), at: now + Self.patience)
        for entry in entries {
            var message = entry.admission.request
            guard case .tokens(let prompt) = message.request.prompt, let identity = message.identity,
                let right = asked[identity]
            else {
                note("a journal has a request that nobody asked")
                continue
            }
            // Where a client had asked for it again already, only the last time counts.
            guard entries.last(where: { $0.admission.request.identity == identity }) == entry else {
                disk.write(.end(number: entry.admission.number))
                continue
            }
            if !entry.tokens.isEmpty { happened(.answerResumed) }
            message.request.answered += entry.tokens.map(\.token)
            let session = coordinator.sessions.resume(message)
            coordinator.resumed.append(
                ResumedSession(entry: entry, request: session.request, tokens: entry.tokens))
            var task = GenerationTask(session.request, prompt, message.request)
            task.isAccepted = true
            if task.end(message.request, contextLength: Self.contextLength) != nil {
                coordinator.sessions.close(session.request)
                continue
            }
            answers.submit(task, right: right)
            tell(.submit(task))
        }
    }

    /// What follows the tokens that a client has which asks for one of these.
    private func takeResumed(_ message: Generate) -> [SampledToken]? {
        guard
            let index = coordinator.resumed.firstIndex(where: {
                $0.entry.admission.request.identity == message.identity
            })
        else { return nil }
        let resumed = coordinator.resumed.remove(at: index)
        end(resumed)
        happened(.answerTakenUp)
        var known = resumed.entry.known(to: message.request, resumed.tokens)
        if bug == .repeatedToken, let last = message.request.answered.last {
            known.insert(SampledToken(token: last), at: 0)
        }
        return known
    }

    private func end(_ resumed: ResumedSession) {
        if coordinator.sessions.session(of: resumed.request) != nil { order(.cancel(resumed.request)) }
        disk.write(.end(number: resumed.entry.admission.number))
        if let identity = resumed.entry.admission.request.identity { journal.end(identity) }
    }

    /// Clients that are not back by now do not come.
    func nobodyComes() {
        for resumed in coordinator.resumed { end(resumed) }
        coordinator.resumed = []
    }

    func note(_ token: SampledToken, ofResumed request: RequestID) {
        if let index = coordinator.resumed.firstIndex(where: { $0.request == request }) {
            coordinator.resumed[index].tokens.append(token)
        }
    }
}
