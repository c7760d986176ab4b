// Responsible for: where a value of a setting comes from, and which settings are secrets. Must not know: how any is read.

/// Where a value comes from, beside the command line.
enum SettingOrigin: Equatable, Sendable {
    case environment(variable: String)
    case file(path: String, line: Int)
    /// The program's own.
    case standard
    /// Nobody has set it, and what is done then depends on other things.
    case unset

    /// For people: "TANDEM_MEMORY", "/etc/tandem/worker.toml line 3".
    var description: String {
        switch self {
        case .environment(let variable): variable
        case .file(let path, let line): "\(path) line \(line)"
        case .standard: "default"
        case .unset: "not set"
        }
    }
}

/// Values that are not shown to everybody.
enum SecretSettings {
    /// Those that may hold a token: all of it, or what stands behind the last # of "HOST:PORT#KEY#TOKEN".
    static let keys: Set = ["join", "coordinator", "token"]

    /// The value as it may be shown.
    static func masked(_ value: String, of key: String) -> String {
        guard keys.contains(key) else { return value }
        let parts = value.split(separator: "#", omittingEmptySubsequences: false)
        if parts.count > 2 { return parts.dropLast().joined(separator: "#") + "#***" }
        return key == "token" ? "***" : value
    }
}
