// Responsible for: what a node may be to a coordinator. Must not know: keys.
import Wire

/// What a key is admitted as.
package enum NodeRole: String, Sendable, Codable, CaseIterable {
    /// It computes layers; it does not ask.
    case worker
    /// It asks and reads the status; it cannot join, fetch weights or give results.
    case client
}

extension Enrol {
    /// What the newcomer wants to be.
    var role: NodeRole { isClient ? .client : .worker }
}
