// Responsible for: `tandem config show`: every setting of commands, its value, and where that comes from.
// Must not know: how settings are read.
import ArgumentParser
import Foundation
import Sequences

struct ConfigShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show the settings of commands as a settings file.",
        discussion: """
            What nobody has set stands behind a #. Tokens are shown as ***.
            Examples:
              tandem config show worker --origin
              tandem config show bench cluster
              tandem --config cluster.toml config show --json
            """)

    @Argument(help: "The command (default: all of them).") var command: [String] = []
    @Flag(help: "Say where each value comes from.") var origin = false
    @Flag(help: "Show tokens, too.") var secrets = false
    @Flag(help: "Print one JSON object.") var json = false

    func run() throws {
        let (_, tree, places) = try ConfigCommand.whole()
        guard let shown = tree.command(at: command) else {
            throw ValidationError("There is no command '\(command.joined(separator: " "))' with settings")
        }
        let environment = ProcessInfo.processInfo.environment
        var (unread, paths, lists) = ([String](), [String](), [ShownSettings]())
        for path in shown.leaves(under: command) {
            let files = try places.files(for: path.first, tree, unread: &unread)
            let settings = Settings(tree: tree, files: files, environment: environment)
            for file in files where !paths.contains(file.path) { paths.append(file.path) }
            lists.append(try ShownSettings(path, settings, showsSecrets: secrets))
        }
        let misspelt = Settings.misspelt(environment, tree).map { "\($0) is no setting; did you mean \($1)?" }
        for line in Set(unread).sorted() + misspelt { Terminal.say("warning: \(line)") }
        if json {
            Terminal.put(try JSONOutput.document(Report(files: paths, settings: lists.flatMap(\.rows))))
        } else {
            Terminal.put(lists.map { $0.text(withOrigin: origin) }.joined(separator: "\n"))
        }
    }

    private struct Report: Encodable {
        var files: [String]
        var settings: [ShownSettings.Row]
    }
}

/// The settings of one command.
struct ShownSettings {
    /// One of them.
    struct Row: Encodable {
        var command: String
        var key: String
        var variable: String
        /// nil: nobody has set it, and it has no default of its own.
        var value: SettingValue?
        /// "environment", "file", "default" or "unset".
        var origin: String
        var file: String?
        var line: Int?
    }

    private let path: [String]
    private(set) var rows: [Row] = []

    /// Looks up all that the command at `path` has.
    init(_ path: [String], _ settings: Settings, showsSecrets: Bool) throws(SettingsFailure) {
        self.path = path
        for option in settings.tree.command(at: path)?.options ?? [] {
            guard let key = option.key else { continue }
            let found = try settings.value(of: option, for: path) ?? Self.standard(option)
            var row = Row(
                command: path.joined(separator: " "), key: key, variable: Settings.variable(of: key),
                value: found?.value,
                origin: "unset")
            if !showsSecrets { row.value = row.value?.mapText { SecretSettings.masked($0, of: key) } }
            switch found?.origin {
            case .environment: row.origin = "environment"
            case .file(let path, let line): (row.origin, row.file, row.line) = ("file", path, line)
            case .standard: row.origin = "default"
            case .unset, nil: break
            }
            rows.append(row)
        }
    }

    private static func standard(_ option: CommandTree.Option) -> Settings.Found? {
        if option.kind == .flag { return .init(value: .boolean(false), origin: .standard) }
        return option.defaultValue.map { .init(value: .text($0), origin: .standard) }
    }

    /// A table of a settings file.
    func text(withOrigin: Bool) -> String {
        let lines = rows.map { row in
            let isSet = row.origin == "file" || row.origin == "environment"
            let line = (isSet ? "" : "# ") + "\(row.key) = \(row.value?.spelled ?? "")"
            guard withOrigin else { return line }
            let origin: SettingOrigin =
                switch row.origin {
                case "environment": .environment(variable: row.variable)
                case "file": .file(path: row.file ?? "", line: row.line ?? 0)
                case "default": .standard
                default: .unset
                }
            return line + String(repeating: " ", count: max(2, 44 - line.count)) + "# \(origin.description)"
        }
        return "[\(path.joined(separator: "."))]\n" + lines.map { $0 + "\n" }.joined()
    }
}
