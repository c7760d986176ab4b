// Responsible for: what a client says to the coordinator on the control link. Must not know: sockets, time, tokenizers.

import Sequences

/// Client -> coordinator, control link.
package enum ClientMessage: Equatable, Sendable {
    case generate(Generate)
    case cancel(ClientRequestID)
    case statusQuery(StatusQuery)
    case measureQuery(MeasureQuery)
    case drain(DrainRequest)
    case planQuery(PlanQuery)
    /// Are you there? Answered by `ClientReply.pong`.
    case ping
}

/// Client -> coordinator: continue this, or score it. Answered by `ClientReply.refusal`, or by `.event`s of this request of
/// which the last is `.finished`, or by `.failed`.
package struct Generate: Equatable, Sendable {
    /// When it is not ours, the other fields are not read and keep their defaults.
    package var version: UInt32 = protocolVersion
    package var build = ""
    package var id: ClientRequestID
    package var request: GenerationRequest
    /// The same whenever it is asked for again; nil: it never is.
    package var identity: RequestIdentity?
    package init(id: ClientRequestID, request: GenerationRequest) {
        self.id = id
        self.request = request
    }
}

/// Client -> coordinator: how is the cluster? Answered by `ClientReply.status`.
package struct StatusQuery: Equatable, Sendable {
    package var version: UInt32 = protocolVersion
    package var build = ""
    package init() {}
}

/// Whatever arrives at the coordinator's control socket; the connection says from whom.
package enum ControlRequest: Equatable, Sendable, WireMessage {
    case worker(WorkerMessage)
    case client(ClientMessage)
    case newcomer(Enrol)
    case standby(StandbyMessage)
}
