// Responsible for: what the environment and files set that the command line does not say itself: flags over environment
// over files over defaults. Must not know: which flags there are, what they mean.
import Configuration
import Foundation
import Generation
import Sequences

/// Everything that is set for one command beside its command line.
struct Settings: Sendable {
    /// A value and where it comes from.
    struct Found: Sendable {
        var value: SettingValue
        var origin: SettingOrigin
    }

    let tree: CommandTree
    /// The strongest first.
    let files: [SettingsFile]
    private let environment: EnvironmentVariablesProvider

    /// The variable that names the file to read, in the place of those that are looked for; empty: none is read.
    static let fileVariable = "TANDEM_CONFIG"
    /// Variables that are no flags.
    static let otherVariables: Set = [
        fileVariable, "TANDEM_LOG", "TANDEM_MODELS", "TANDEM_SHARED", "TANDEM_BUILD",
    ]
    /// Where a host's settings lie, a file for each command.
    static let systemFolder = "/etc/tandem"

    init(tree: CommandTree, files: [SettingsFile], environment: [String: String]) {
        (self.tree, self.files) = (tree, files)
        // A variable that is empty is one that nobody has set.
        self.environment = EnvironmentVariablesProvider(
            environmentVariables: environment.filter { !$0.value.isEmpty })
    }

    /// The variable that sets a flag: TANDEM_KV_TYPE for kv-type.
    static func variable(of key: String) -> String { "TANDEM_" + key.uppercased().replacing("-", with: "_") }

    /// What is set for a command's option; nil: nothing. Throws where it is set to what it cannot be.
    func value(of option: CommandTree.Option, for command: [String]) throws(SettingsFailure) -> Found? {
        guard let key = option.key else { return nil }
        let variable = Self.variable(of: key)
        if let text = try? environment.environmentValue(forName: variable) {
            guard let value = Self.value(text, for: option) else {
                throw SettingsFailure("\(variable) is \"\(text)\", but takes true or false")
            }
            return Found(value: value, origin: .environment(variable: variable))
        }
        for file in files {
            guard let (content, line) = file.value(of: key, for: command) else { continue }
            guard let value = Self.value(content, for: option) else {
                let name = command.joined(separator: " ")
                throw SettingsFailure(
                    "\(file.path) line \(line): \(key) is not of the kind that `tandem \(name)` takes")
            }
            return Found(value: value, origin: .file(path: file.path, line: line))
        }
        return nil
    }

    /// What a variable says to an option.
    private static func value(_ text: String, for option: CommandTree.Option) -> SettingValue? {
        switch option.kind {
        case .flag: SettingValue.boolean(text).map { .boolean($0) }
        case _ where option.isRepeating:
            .list(text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
        case _ where option.isSwitch: .text(SettingValue.boolean(text).map { $0 ? "on" : "off" } ?? text)
        default: .text(text)
        }
    }

    /// What a file says to an option of this command; the same key may be of another kind in another one.
    private static func value(_ content: ConfigContent, for option: CommandTree.Option) -> SettingValue? {
        switch (content, option.kind) {
        case (.bool(let isSet), .flag): .boolean(isSet)
        case (.string(let text), .option): option.isRepeating ? .list([text]) : .text(text)
        case (.stringArray(let texts), .option): option.isRepeating ? .list(texts) : texts.first.map { .text($0) }
        default: nil
        }
    }

    /// Variables that look like settings but are none, with what was meant.
    static func misspelt(_ environment: [String: String], _ tree: CommandTree) -> [(variable: String, meant: String)] {
        let known = Set(tree.allOptions.compactMap(\.key).map(variable)).union(otherVariables)
        let names = known.sorted().map { $0.dropFirst("TANDEM_".count).lowercased() }
        return environment.keys.sorted().compactMap { variable in
            guard variable.hasPrefix("TANDEM_"), !known.contains(variable) else { return nil }
            let meant = Spelling.nearest(to: String(variable.dropFirst("TANDEM_".count)), among: names)
            return meant.map { (variable, Self.variable(of: $0)) }
        }
    }
}
