// Responsible for: changes of the plan while it serves. Must not know: how plans are chosen.

import Sequences
import Wire

extension Coordinator {
    /// All blocks of an order are at their target.
    mutating func note(_ copied: Copied, of worker: WorkerID, _ now: Moment) {}
}
