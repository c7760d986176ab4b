// Responsible for: why nothing is computed, as those who wait and the log are told, and until when a request waits. Must not
// know: plans, who is a member.

import Sequences
import Wire

extension Coordinator {
    /// Why nothing is computed, as a sentence; nil: a plan serves.
    var explanation: Sentence? {
        if let doubt { return doubt }
        return deployments.explanation(membership.members).map { explanation in
            troubles(lastEvent).reduce(explanation) { "\($0); \($1)" }
        }
    }

    /// Tells every waiting request why it waits, when that has changed.
    mutating func explainWaiting() {
        if scheduler.isIdle { return }
        guard let news = waitingRoom.news(explanation) else { return }
        for sequence in scheduler.sequences { act(.waiting(sequence.request, news)) }
    }

    /// Logs why nothing is computed, when that has changed.
    mutating func tellReason() {
        let reason = explanation
        guard reason != toldReason else { return }
        if let reason { log(toldReason == nil ? .warning : .info, "not serving: \(reason)") }
        toldReason = reason
    }

    /// Requests that waited too long without any service fail.
    mutating func checkWaiting(_ now: Moment) {
        guard let since = deployments.idleSince(now), let explanation else { return }
        for sequence in scheduler.sequences
        where now - max(since, sequence.submittedAt) >= configuration.waitingLimit {
            _ = scheduler.end(sequence.request)
            let seconds = configuration.waitingLimit.wholeSeconds
            let error = TandemError(
                "there was nobody to compute this request for \(seconds) s: \(explanation)", kind: .unavailable,
                hint: "start workers with the line that the coordinator printed; `tandem status` shows who is there")
            act(.fail(sequence.request, error))
        }
    }
}
