// Responsible for: the value of a setting, as a file or the environment gives it, and as the command line takes it.
// Must not know: where it comes from.

/// What a flag is set to.
enum SettingValue: Equatable, Sendable, Encodable {
    /// Of a flag that is there or not.
    case boolean(Bool)
    case text(String)
    case list([String])

    /// The arguments that say the same to a flag or option.
    func arguments(_ key: String) -> [String] {
        switch self {
        case .boolean(let isSet): isSet ? ["--\(key)"] : []
        case .text(let text): ["--\(key)=\(text)"]
        case .list(let texts): texts.map { "--\(key)=\($0)" }
        }
    }

    /// As a settings file says it.
    var spelled: String {
        switch self {
        case .boolean(let isSet): "\(isSet)"
        case .text(let text): Self.quoted(text)
        case .list(let texts): "[" + texts.map(Self.quoted).joined(separator: ", ") + "]"
        }
    }

    /// The texts in it, each changed by `change`.
    func mapText(_ change: (String) -> String) -> SettingValue {
        switch self {
        case .boolean: self
        case .text(let text): .text(change(text))
        case .list(let texts): .list(texts.map(change))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .boolean(let isSet): try container.encode(isSet)
        case .text(let text): try container.encode(text)
        case .list(let texts): try container.encode(texts)
        }
    }

    /// true, yes, on, 1, or their opposites, however they are capitalized.
    static func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    private static func quoted(_ text: String) -> String {
        if TOMLNumber.decimal(text) == text { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
