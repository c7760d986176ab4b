// The expected outcomes of sending. Must not hold failures of ours: those are preconditions.

/// What became of a message that was offered to a socket. None of them means that the peer has it.
package enum SendResult: Hashable, Sendable {
    /// Queued whole. It is lost if the connection breaks before it is through.
    case sent
    /// No connection carries that routing id: the peer is gone, or was never there. Nothing was queued.
    case unreachable
    /// The queue is at its high water mark or, on a DEALER, there is no connection now. Nothing was queued.
    case full
}
