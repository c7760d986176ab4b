// Responsible for: a coordinator's state in a few numbers, which cost nothing however many requests there are.
// Must not know: how they are told.

import Sequences

/// Whether a cluster serves, and how much it has to do.
package struct ServiceSummary: Sendable, Equatable {
    /// Why nothing is computed; nil: a plan serves.
    package var obstacle: Sentence?
    package var workers: Int
    package var running: Int
    package var waiting: Int

    /// Some state.
    package init(obstacle: Sentence?, workers: Int, running: Int, waiting: Int) {
        (self.obstacle, self.workers, self.running, self.waiting) = (obstacle, workers, running, waiting)
    }
}

extension Coordinator {
    /// The state in short; `status` has all of it.
    package var summary: ServiceSummary {
        ServiceSummary(
            obstacle: explanation, workers: membership.members.count,
            running: scheduler.runningCount, waiting: scheduler.waitingCount)
    }
}
