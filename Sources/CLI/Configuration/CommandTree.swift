// Responsible for: which commands there are and which flags each has, as they describe themselves, so that settings and
// manual pages need no second list of them. Must not know: what any flag means.
import ArgumentParser
import Foundation

/// What the argument parser tells of a command, its flags and its subcommands.
struct CommandTree: Decodable, Sendable {
    /// A flag, an option or a positional argument.
    struct Option: Decodable, Sendable {
        enum Kind: String, Decodable { case positional, option, flag }
        struct Name: Decodable, Sendable {
            enum Kind: String, Decodable { case long, short, longWithSingleDash }
            var kind: Kind
            var name: String
        }

        var kind: Kind
        var shouldDisplay: Bool
        var isOptional: Bool
        var isRepeating: Bool
        var names: [Name]?
        var valueName: String?
        var defaultValue: String?
        /// The values that it may have, where it says so.
        var allValues: [String]?
        var abstract: String?

        /// Its name without dashes in front: "kv-type".
        var key: String? { names?.first { $0.kind == .long }?.name }

        /// Whether it takes on and off.
        var isSwitch: Bool { kind == .option && Set(allValues ?? []).isSuperset(of: ["on", "off"]) }
    }

    var commandName: String
    var abstract: String?
    var discussion: String?
    var shouldDisplay: Bool?
    var defaultSubcommand: String?
    var subcommands: [CommandTree]?
    var arguments: [Option]?

    /// Everything that the program of a root command has.
    static func whole(of root: any ParsableCommand.Type) -> CommandTree? { CommandTree(dump: root._dumpHelp()) }

    /// Of what `--experimental-dump-help` prints; nil: it is not that.
    init?(dump: String) {
        struct Dump: Decodable { var command: CommandTree }
        guard let dump = try? JSONDecoder().decode(Dump.self, from: Data(dump.utf8)) else { return nil }
        self = dump.command
    }

    /// A command without flags.
    init(commandName: String, abstract: String, discussion: String) {
        (self.commandName, self.abstract, self.discussion) = (commandName, abstract, discussion)
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

    /// The keys of what has to be set.
    var requiredKeys: [String] { options.filter { $0.kind == .option && !$0.isOptional }.compactMap(\.key) }

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
