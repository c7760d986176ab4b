// Responsible for: what a node may be to a coordinator. Must not know: keys.
import Wire

/// What a key is admitted as.
package enum NodeRole: String, Sendable, Codable, CaseIterable {
    /// It computes layers; it does not ask.
    case worker
    /// It asks and reads the status; it cannot join, fetch weights or give results.
    case client
    /// A coordinator that takes the place of this one where it is lost: it is told everything, prompts and answers too.
    case standby
}

extension Enrol {
    /// What the newcomer wants to be.
    var role: NodeRole { isStandby ? .standby : isClient ? .client : .worker }
}
