// Responsible for: how a newcomer's key is admitted (control link). Must not know: sockets, time, what a token is: the key
// of the connection says which one it is.

/// Newcomer -> coordinator, control link, over a connection with a token's key: admit this key from now on.
package struct Enrol: Equatable, Sendable {
    /// When it is not ours, the other fields are not read.
    package var version: UInt32 = protocolVersion
    package var build = ""
    package var key: NodeKey
    /// It wants to ask; otherwise to compute.
    package var isClient: Bool
    /// It wants to take the coordinator's place where that is lost.
    package var isStandby = false
    /// What it would like to be called.
    package var name: String
    package init(key: NodeKey, isClient: Bool, name: String) {
        (self.key, self.isClient, self.name) = (key, isClient, name)
    }
}

/// Coordinator -> newcomer: the answer to `Enrol`.
package enum EnrolReply: Equatable, Sendable, WireMessage {
    /// It is admitted, under this name.
    case enrolled(name: String)
    case refusal(Refusal)
}
