// Responsible for: where this user's files of a kind belong, as the specification of XDG base directories says.
// Must not know: what is kept there.
import Foundation

/// Folders of the user who runs this.
package enum UserFolder {
    /// What `variable` says, as XDG_CACHE_HOME, else `fallback` in the home folder. It and `$HOME` count where they are
    /// absolute; only without them the user's entry in passwd does.
    package static func path(
        _ variable: String, else fallback: String,
        in environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String {
        func folder(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        return folder(variable) ?? (folder("HOME") ?? NSHomeDirectory()) + "/" + fallback
    }
}
