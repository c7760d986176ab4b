// Responsible for: the command line of this process, completed with what the environment and files set, and where each
// of those values comes from when one of them turns out wrong. Must not know: what any flag means.
import ArgumentParser
import Foundation
import Sequences

/// What the program is to do, in arguments.
struct Invocation: Sendable {
    /// A value that the command line did not say.
    struct Added: Sendable, Equatable {
        var key: String
        var value: SettingValue
        var origin: SettingOrigin
    }

    /// For the parser.
    private(set) var arguments: [String]
    private(set) var added: [Added] = []
    /// What is worth a line, but stops nobody.
    private(set) var warnings: [String] = []
    let places: SettingsPlaces

    /// The root of the commands, and what names the ones that their flags choose.
    struct Program: Sendable {
        var root: any ParsableCommand.Type
        var completed: @Sendable ([String]) -> [String] = { $0 }
    }

    /// Whoever asks for one of these gets it, whatever is set.
    private static let questions: Set = ["--help", "-h", "--help-hidden", "--version", "--generate-completion-script"]

    /// Completes `words`, which are those behind the program's name.
    init(
        _ words: [String], of program: Program, environment: [String: String],
        systemFolder: String = Settings.systemFolder
    ) throws(SettingsFailure) {
        var words = Arguments.bound(words)
        let named = try Self.takeFile(from: &words)
        places = SettingsPlaces(named: named, environment: environment, systemFolder: systemFolder)
        arguments = program.completed(words)
        let flags = Self.flags(of: arguments)
        guard let first = arguments.first, first != ConfigCommand._commandName,
            Self.questions.isDisjoint(with: flags), !flags.contains(where: { $0.hasPrefix("--experimental") })
        else { return }
        let isSet = environment.keys.contains {
            $0.hasPrefix("TANDEM_") && !Settings.otherVariables.contains($0)
        }
        guard isSet || !places.isEmpty(for: first) || flags.contains(where: { Self.assigned($0) != nil }),
            let tree = CommandTree.whole(of: program.root), let (path, count) = tree.leaf(of: arguments),
            let command = tree.command(at: path)
        else { return }
        let files = try places.files(for: first, tree, unread: &warnings)
        let settings = Settings(tree: tree, files: files, environment: environment)
        warnings += Settings.misspelt(environment, tree).map { "\($0) is no setting; did you mean \($1)?" }
        try complete(command, path, at: count, with: settings)
    }

    private mutating func complete(
        _ command: CommandTree, _ path: [String], at index: Int, with settings: Settings
    ) throws(SettingsFailure) {
        var additions: [String] = []
        for option in command.options {
            guard let key = option.key, !takeAssignment(to: option), !isGiven(option),
                let found = try settings.value(of: option, for: path)
            else { continue }
            added.append(Added(key: key, value: found.value, origin: found.origin))
            additions += found.value.arguments(key)
        }
        arguments.insert(contentsOf: additions, at: index)
    }

    /// What stands in front of "--".
    private static func flags(of arguments: [String]) -> ArraySlice<String> {
        arguments.prefix { $0 != "--" }.filter { $0.hasPrefix("-") }[...]
    }

    /// Whether the command line itself says what the option is.
    private func isGiven(_ option: CommandTree.Option) -> Bool {
        let flags = Self.flags(of: arguments)
        return (option.names ?? []).contains { name in
            switch name.kind {
            case .long: flags.contains { $0 == "--\(name.name)" || $0.hasPrefix("--\(name.name)=") }
            case .short: flags.contains { !$0.hasPrefix("--") && $0.dropFirst().hasPrefix(name.name) }
            case .longWithSingleDash: flags.contains("-\(name.name)")
            }
        }
    }

    /// Takes `--flag=false` off the command line, and makes `--flag` of `--flag=true`: how a flag is taken back that a file
    /// sets.
    private mutating func takeAssignment(to option: CommandTree.Option) -> Bool {
        guard option.kind == .flag, let key = option.key,
            let index = arguments.prefix(while: { $0 != "--" }).firstIndex(where: { $0.hasPrefix("--\(key)=") }),
            let isSet = Self.assigned(arguments[index])
        else { return false }
        if isSet { arguments[index] = "--\(key)" } else { arguments.remove(at: index) }
        return true
    }

    /// What stands behind the = of a flag, if that is true or false.
    private static func assigned(_ argument: String) -> Bool? {
        guard let index = argument.firstIndex(of: "=") else { return nil }
        return SettingValue.boolean(String(argument[argument.index(after: index)...]))
    }

    /// Takes `--config FILE` off the arguments; nil: it is not among them.
    private static func takeFile(from words: inout [String]) throws(SettingsFailure) -> String? {
        let flag = Field.configurationFile.flag
        let front = words.prefix { $0 != "--" }
        guard let index = front.firstIndex(where: { $0 == flag || $0.hasPrefix(flag + "=") }) else { return nil }
        let word = words.remove(at: index)
        if word != flag { return String(word.dropFirst(flag.count + 1)) }
        guard index < words.count, words[index] != "--" else {
            throw SettingsFailure("\(flag) needs the path of a file behind it")
        }
        return words.remove(at: index)
    }

    // MARK: What is wrong

    /// Where the value comes from that a message is about, as "TANDEM_MEMORY is "4 giga"": of the first flag that it names,
    /// else of a value in it; nil: of nothing that was added.
    func source(of message: String) -> String? {
        let named = added.compactMap { item in
            Self.position(of: "--\(item.key)", in: message).map { (position: $0, item: item) }
        }
        if let first = named.min(by: { $0.position < $1.position }) { return first.item.described }
        return added.first { item in
            guard case .text(let text) = item.value, text.count >= 4 else { return false }
            return message.contains(text)
        }?.described
    }

    /// Where a flag stands in a sentence.
    private static func position(of flag: String, in message: String) -> Int? {
        for range in message.ranges(of: flag) {
            let next = range.upperBound < message.endIndex ? message[range.upperBound] : " "
            if !next.isLetter && !next.isNumber && next != "-" {
                return message.distance(from: message.startIndex, to: range.lowerBound)
            }
        }
        return nil
    }
}

extension Invocation.Added {
    /// "TANDEM_MEMORY is "4 giga"" or "/etc/tandem/worker.toml line 3: memory = "4 giga"".
    fileprivate var described: String {
        let shown = value.mapText { SecretSettings.masked($0, of: key) }
        return switch origin {
        case .file: "\(origin.description): \(key) = \(shown.spelled)"
        default: "\(origin.description) is \(shown.spelled)"
        }
    }
}
