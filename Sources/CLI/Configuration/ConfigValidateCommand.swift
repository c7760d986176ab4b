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

    /// The values that the parser of a command refuses, each tried alone.
    static func refusals(
        of file: SettingsFile, _ tree: CommandTree, _ root: any ParsableCommand.Type
    ) -> [SettingsFile.Problem] {
        var problems: [SettingsFile.Problem] = []
        let settings = Settings(tree: tree, files: [file], environment: [:])
        for leaf in tree.leaves() {
            for option in tree.command(at: leaf)?.options ?? [] {
                guard let key = option.key, let found = try? settings.value(of: option, for: leaf),
                    case .file(let path, let line) = found.origin, !problems.contains(where: { $0.line == line }),
                    let message = refusal(of: leaf + found.value.arguments(key), root), message.contains("--\(key)")
                else { continue }
                problems.append(.init(path: path, line: line, message: "\(key) = \(found.value.spelled): \(message)"))
            }
        }
        return problems
    }

    private static func refusal(of arguments: [String], _ root: any ParsableCommand.Type) -> String? {
        do { _ = try root.parseAsRoot(arguments) } catch { return root.message(for: error) }
        return nil
    }
}
