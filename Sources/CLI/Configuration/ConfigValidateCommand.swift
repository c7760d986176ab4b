// Responsible for: `tandem config validate`: everything that is wrong with a settings file, each with its line.
// Must not know: what any setting means.
import ArgumentParser
import Generation
import Sequences

struct ConfigValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check a settings file without doing anything.",
        discussion: """
            Names every key that no command has, and every value that its command would not take.
            Exit status: 0 if all is well, 78 if not. Example:
              tandem config validate /etc/tandem/worker.toml
            """)

    @Argument(help: "The file.") var file: String

    func run() throws {
        let (root, tree, _) = try ConfigCommand.whole()
        let bytes = try InputText.file(file, called: "settings file", .configurationFile, limit: SettingsFile.longest)
        var problems: [SettingsFile.Problem] = []
        let settings = SettingsFile(file, bytes: bytes, tree: tree, problems: &problems)
        problems += Self.refusals(of: settings, tree, root)
        guard problems.isEmpty else {
            throw SettingsFailure(problems.sorted { $0.line < $1.line }.map(\.description))
        }
        let count = settings.document.entries.count
        Terminal.put("\(file): \(count) \(count == 1 ? "setting" : "settings"), all well\n")
    }

    /// The values that commands refuse: each tried alone by the parser, and those that it takes together.
    static func refusals(
        of file: SettingsFile, _ tree: CommandTree, _ root: any ParsableCommand.Type
    ) -> [SettingsFile.Problem] {
        var problems: [SettingsFile.Problem] = []
        let settings = Settings(tree: tree, files: [file], environment: [:])
        for leaf in tree.leaves() {
            guard let command = tree.command(at: leaf) else { continue }
            var taken: [FileSetting] = []
            for option in command.options {
                guard let key = option.key, let found = try? settings.value(of: option, for: leaf),
                    case .file(_, let line) = found.origin
                else { continue }
                let setting = FileSetting(key: key, value: found.value, line: line)
                if let refusal = refusal(of: leaf + setting.arguments, root), refusal.contains("--\(key)") {
                    problems.append(setting.problem(refusal, path: file.path))
                } else {
                    taken.append(setting)
                }
            }
            while let (index, refusal) = contradiction(in: taken, command, leaf, root) {
                problems.append(taken.remove(at: index).problem(refusal, path: file.path))
            }
        }
        // What stands outside of tables is of several commands.
        return problems.reduce(into: []) { told, problem in
            if !told.contains(where: { $0.line == problem.line }) { told.append(problem) }
        }
    }

    /// Why a command line is refused, by the parser or by the command itself; nil: it is not, before it runs.
    static func refusal(of arguments: [String], _ root: any ParsableCommand.Type) -> String? {
        do {
            let command = try root.parseAsRoot(arguments)
            try (command as? any SettingsCheckable)?.checkSettings()
        } catch let error as TandemError { return error.sentence } catch {
            return root.refusal(error, of: arguments)
        }
        return nil
    }

    /// Which of the settings a command finds wrong, and why; nil: none, or the command looks at none before it runs.
    private static func contradiction(
        in settings: [FileSetting], _ command: CommandTree, _ leaf: [String], _ root: any ParsableCommand.Type
    ) -> (index: Int, refusal: String)? {
        let lacking = command.requiredKeys.filter { key in !settings.contains { $0.key == key } }
        let arguments = leaf + settings.flatMap(\.arguments) + lacking.map { "--\($0)=x" }
        guard !settings.isEmpty, let parsed = try? root.parseAsRoot(arguments) as? any SettingsCheckable else {
            return nil
        }
        do throws(TandemError) { try parsed.checkSettings() } catch {
            let fields = (error.message.fields + (error.hint?.fields ?? [])).map(\.flag)
            let index = settings.firstIndex { fields.contains("--\($0.key)") }
            return index.map { ($0, error.sentence) }
        }
        return nil
    }
}

/// A command that can tell, without doing anything, which of its settings have no meaning.
protocol SettingsCheckable: ParsableCommand {
    func checkSettings() throws(TandemError)
}

/// What a file says of one command.
private struct FileSetting {
    let key: String
    let value: SettingValue
    let line: Int

    var arguments: [String] { value.arguments(key) }

    func problem(_ refusal: String, path: String) -> SettingsFile.Problem {
        let shown = value.mapText { SecretSettings.masked($0, of: key) }
        return .init(path: path, line: line, message: "\(key) = \(shown.spelled): \(refusal)")
    }
}
