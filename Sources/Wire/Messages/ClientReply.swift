// Responsible for: what the coordinator says to a client on the control link. Must not know: sockets, time, tokenizers.

import Sequences

/// Coordinator -> client, control link.
package enum ClientReply: Equatable, Sendable, WireMessage {
    /// What happened to a request of this client.
    case event(ClientRequestID, GenerationEvent)
    /// There will be no (more) answer to it. The error's `isReply` is not told.
    case failed(ClientRequestID, TandemError)
    case status(StatusReply)
    case measurements(Measurements)
    case drain(DrainReply)
    case planPreview(PlanPreview)
    /// I am here: the answer to a ping, or said unasked to find out whether the client is. The time of day of the
    /// coordinator in microseconds; 0: not said.
    case pong(clockMicroseconds: UInt64)
    /// Nothing this client says can be understood; the sentence names both versions.
    case refusal(Refusal)
    /// Where to ask when this coordinator is gone.
    case standbyPlace(CoordinatorPlace)
    /// This one does not serve, or not any more: ask there. Requests that were begun go on there.
    case elsewhere(CoordinatorPlace)
}
