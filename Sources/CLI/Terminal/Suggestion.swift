// Responsible for: what somebody who misspelt a command or a flag meant. Must not know: which there are.
import ArgumentParser
import Sequences

/// A word on the command line that is none, and the one that looks like it.
struct Suggestion: Equatable {
    enum Kind { case command, flag }

    let kind: Kind
    let word: String
    /// nil: nothing looks like it.
    let meant: String?

    /// What is wrong, in a sentence.
    var sentence: String {
        let unknown = kind == .command ? "There is no command '\(word)'" : "Unknown option '\(word)'"
        return meant.map { "\(unknown). Did you mean '\($0)'?" } ?? unknown
    }

    /// The first argument that is no command where one has to stand, or that looks like a flag of the command but is
    /// none; nil where there is neither.
    static func find(_ arguments: [String], of root: any ParsableCommand.Type) -> Suggestion? {
        var command = root
        var rest = arguments[...]
        while let first = rest.first, !command.configuration.subcommands.isEmpty {
            let subcommands = command.configuration.subcommands
            if let next = subcommands.first(where: { $0._commandName == first }) {
                command = next
                rest = rest.dropFirst()
                continue
            }
            if first.hasPrefix("-") || first == "help" { break }
            return Suggestion(kind: .command, word: first, among: subcommands.map { $0._commandName })
        }
        if let standard = command.configuration.defaultSubcommand { command = standard }
        let flags = Self.flags(in: root.helpMessage(for: command, includeHidden: true, columns: 100))
        for argument in rest.prefix(while: { $0 != "--" }) where argument.hasPrefix("-") && argument.count > 2 {
            let word = String(argument.prefix { $0 != "=" })
            let doubled = word.hasPrefix("--") ? word : "-" + word
            guard !flags.contains(word), !word.dropFirst().allSatisfy({ $0.isNumber || $0 == "." }) else { continue }
            if !word.hasPrefix("--") {
                guard flags.contains(doubled) else { continue }
                return Suggestion(kind: .flag, word: word, meant: doubled)
            }
            let suggestion = Suggestion(kind: .flag, word: word, among: flags)
            if suggestion.meant != nil { return suggestion }
        }
        return nil
    }

    private init(kind: Kind, word: String, meant: String?) { (self.kind, self.word, self.meant) = (kind, word, meant) }

    private init(kind: Kind, word: String, among names: [String]) {
        self.init(kind: kind, word: word, meant: Spelling.nearest(to: word, among: names))
    }

    /// The flags that the help of a command lists, in both of their forms.
    private static func flags(in help: String) -> [String] {
        help.split(separator: "\n").filter { $0.hasPrefix("  -") }.flatMap { line in
            line.split { !($0.isLetter || $0.isNumber || $0 == "-") }.prefix { $0.hasPrefix("-") }.map(String.init)
        }
    }
}
