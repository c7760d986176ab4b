// Responsible for: what the argument parser tells of a command, as far as manual pages need it.
// Must not know: how a page is written.

/// The document that `--experimental-dump-help` prints.
struct DumpedHelp: Decodable {
    var command: CommandHelp
}

/// A command, its flags and what is below it.
struct CommandHelp: Decodable {
    var commandName: String
    var abstract: String?
    var discussion: String?
    var shouldDisplay: Bool?
    var subcommands: [CommandHelp]?
    var arguments: [ArgumentHelpText]?
}

/// A flag, an option or a positional argument.
struct ArgumentHelpText: Decodable {
    enum Kind: String, Decodable { case positional, option, flag }

    struct Name: Decodable {
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
    var allValues: [String]?
    var abstract: String?
}
