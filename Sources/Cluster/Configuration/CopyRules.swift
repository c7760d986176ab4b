// Responsible for: in which portions KV blocks are copied from worker to worker, and how much of the time. Must not know:
// who copies, what for.

/// How blocks are copied for a plan that is prepared beside the one that serves.
package struct CopyRules: Sendable {
    /// One order is as large as takes so long, within these bytes; the first one is of so many.
    package var orderTime = Duration.milliseconds(250)
    package var orderBytes: ClosedRange<Double> = 64 * 1024...4 * 1024 * 1024
    package var firstOrderBytes = 256.0 * 1024
    /// After an order nothing is ordered for so many times as long as it took: steps need the links and the cores.
    package var restTimes = 2.0
    /// So little of each layer is not worth another round: it waits until no steps are sent.
    package var smallBytes: UInt64 = 64 << 10
    /// After so many orders that left no less than those before, they follow each other without rest, and steps must wait.
    package var mostVainOrders = 8
    /// But not where what is left would take longer than this.
    package var fenceTime = Duration.seconds(2)
    /// An order, and a time without steps, that takes longer has failed.
    package var patience = Duration.seconds(5)
    package var longestFence = Duration.seconds(10)

    /// The defaults.
    package init() {}
}
