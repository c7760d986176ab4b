// Responsible for: settings files. Must not know: what can be set.
@testable import TOML

enum SettingsTarget {
    static func run(_ bytes: [UInt8]) {
        guard let document = try? TOMLDocument(bytes) else { return }
        for entry in document.entries { precondition(!entry.path.isEmpty && entry.line > 0, "an entry of no line") }
    }
}
