// Responsible for: which commands there are and which flags each has, as they describe themselves, so that settings need
// no second list of them. Must not know: what any flag means.
import ArgumentParser
import Foundation

/// A command with its flags and its subcommands.
struct CommandTree: Decodable, Sendable {
    /// What ArgumentParser tells of a flag, an option or an argument.
    struct Option: Decodable, Sendable {
        enum Kind: String, Decodable { case positional, option, flag }
        struct Name: Decodable, Sendable {
            enum Kind: String, Decodable { case long, short, longWithSingleDash }
            var kind: Kind
            var name: String
        }

        var kind: Kind
        var shouldDisplay: Bool
        var isRepeating: Bool
        var names: [Name]?
        var defaultValue: String?
        /// The values that it may have, where it says so.
        var allValues: [String]?

        /// Its name without dashes in front: "kv-type".
        var key: String? { names?.first { $0.kind == .long }?.name }

        /// Whether it takes on and off.
        var isSwitch: Bool { kind == .option && Set(allValues ?? []).isSuperset(of: ["on", "off"]) }
    }

    var commandName: String
    var defaultSubcommand: String?
    private var subcommands: [CommandTree]?
    private var arguments: [Option]?

    /// Everything that the program of a root command has.
    static func whole(of root: any ParsableCommand.Type) -> CommandTree? {
        struct Dump: Decodable { var command: CommandTree }
        return try? JSONDecoder().decode(Dump.self, from: Data(root._dumpHelp().utf8)).command
    }

    /// Those that can be set; `help` is none, and `config` reads settings itself.
    var commands: [CommandTree] { (subcommands ?? []).filter { !["help", "config"].contains($0.commandName) } }

    /// What can be set of it.
    var options: [Option] {
        (arguments ?? []).filter { option in
            guard option.kind != .positional, option.shouldDisplay, let key = option.key else { return false }
            return !["help", "version"].contains(key)
        }
    }

    /// What can be set of it and of all below it.
    var allOptions: [Option] { options + commands.flatMap(\.allOptions) }

    /// The command that `path` leads to.
    func command(at path: [String]) -> CommandTree? {
        guard let first = path.first else { return self }
        return commands.first { $0.commandName == first }?.command(at: Array(path.dropFirst()))
    }

    /// The paths of all commands that do something, in order.
    func leaves(under path: [String] = []) -> [[String]] {
        commands.isEmpty ? [path] : commands.flatMap { $0.leaves(under: path + [$0.commandName]) }
    }

    /// The command that a command line begins with, and how many of its words name it; nil: it names none.
    func leaf(of arguments: [String]) -> (path: [String], words: Int)? {
        var (command, path, words) = (self, [String](), 0)
        while !command.commands.isEmpty {
            if words < arguments.count,
                let next = command.commands.first(where: { $0.commandName == arguments[words] })
            {
                (command, words) = (next, words + 1)
            } else if !path.isEmpty, let standard = command.defaultSubcommand,
                let next = command.commands.first(where: { $0.commandName == standard })
            {
                command = next
            } else {
                return nil
            }
            path.append(command.commandName)
        }
        return (path, words)
    }
}
