// Responsible for: a command's flags and help as a manual page in mdoc(7). Must not know: which commands there are.

/// The manual page of one command.
struct ManualPage {
    /// "tandem-bench-cluster".
    let name: String
    let text: String

    /// The pages of a command and of all below it.
    static func pages(of command: CommandTree, date: String, version: String) -> [ManualPage] {
        let all = commands(below: command, parents: [])
        return all.map { words, command in
            let related = all.map(\.words).filter { $0.dropLast() == words[...] || $0[...] == words.dropLast() }
            return ManualPage(
                name: words.joined(separator: "-"),
                text: text(command, words, related: related, date: date, version: version))
        }
    }

    private static func commands(
        below command: CommandTree, parents: [String]
    ) -> [(words: [String], command: CommandTree)] {
        let words = parents + [command.commandName]
        let children = (command.subcommands ?? []).filter { $0.shouldDisplay != false && $0.commandName != "help" }
        return [(words, command)] + children.flatMap { commands(below: $0, parents: words) }
    }

    private static func text(
        _ command: CommandTree, _ words: [String], related: [[String]], date: String, version: String
    ) -> String {
        let arguments = (command.arguments ?? []).filter(\.shouldDisplay)
        let flags = arguments.filter { $0.kind != .positional }
        let positional = arguments.filter { $0.kind == .positional }
        let children = related.filter { $0.count > words.count }
        let name = words.joined(separator: "-")
        let abstract = (command.abstract ?? "")[...]
        var lines = [
            ".Dd \(date)", ".Dt \(name.uppercased()) 1", ".Os Tandem \(version)", ".Sh NAME", ".Nm \(name)",
            ".Nd \(macroText(String(abstract.hasSuffix(".") ? abstract.dropLast() : abstract)))", ".Sh SYNOPSIS",
            ".Nm \(words.joined(separator: " "))",
        ]
        if !children.isEmpty { lines.append(".Ar command") }
        if !flags.isEmpty { lines.append(".Op Ar options") }
        lines += positional.map { $0.isOptional ? ".Op Ar \(valueName($0))" : ".Ar \(valueName($0))" }
        lines.append(".Sh DESCRIPTION")
        lines += prose(command.abstract ?? "")
        if let discussion = command.discussion { lines += [".Pp"] + prose(discussion) }
        lines += list(
            "COMMANDS",
            (command.subcommands ?? []).filter { child in children.contains { $0.last == child.commandName } }
        ) {
            (".It Ic \($0.commandName)", $0.abstract ?? "")
        }
        lines += list("ARGUMENTS", positional) { (".It Ar \(valueName($0))", help(of: $0)) }
        lines += list("OPTIONS", flags) { (".It \(spelling($0))", help(of: $0)) }
        lines += exitStatus
        lines.append(".Sh SEE ALSO")
        let others = related.map { $0.joined(separator: "-") }.sorted()
        lines += others.enumerated().map { ".Xr \($1) 1\($0 + 1 < others.count ? " ," : "")" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let exitStatus = [
        ".Sh EXIT STATUS", "0 where the command did what it was asked, 2 for wrong usage, 3 where",
        ".Ic status", "finds a cluster that does not serve, 66 where there is no such model, 69 where no coordinator",
        "answers, 75 where the same may succeed later, 77 where it is not allowed, 1 for every other failure.",
    ]

    private static func list<Item>(_ title: String, _ items: [Item], _ entry: (Item) -> (String, String)) -> [String] {
        if items.isEmpty { return [] }
        return [".Sh \(title)", ".Bl -tag -width Ds"]
            + items.flatMap { item in [entry(item).0] + prose(entry(item).1) } + [".El"]
    }

    /// "Fl m , Fl \-model Ar path".
    private static func spelling(_ argument: CommandTree.Option) -> String {
        let names = (argument.names ?? []).map { name in
            switch name.kind {
            case .short, .longWithSingleDash: "Fl \(name.name)"
            case .long: "Fl \\-\(name.name.replacing("-", with: "\\-"))"
            }
        }
        let value = argument.kind == .option ? " Ar \(valueName(argument))" : ""
        return names.sorted { $0.count < $1.count }.joined(separator: " , ") + value
    }

    private static func valueName(_ argument: CommandTree.Option) -> String {
        let name = macroText(argument.valueName ?? "value")
        return argument.isRepeating ? "\(name) ..." : name
    }

    private static func help(of argument: CommandTree.Option) -> String {
        var text = argument.abstract ?? ""
        if let values = argument.allValues, !values.isEmpty {
            text += " One of: \(values.joined(separator: ", "))."
        }
        if let value = argument.defaultValue, !value.isEmpty { text += " Default: \(value)." }
        return text
    }

    /// Paragraphs, with lines that are indented as they stand.
    private static func prose(_ text: String) -> [String] {
        var lines: [String] = []
        var isLiteral = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("  ") != isLiteral {
                lines.append(isLiteral ? ".Ed" : ".Bd -literal -offset indent")
                isLiteral.toggle()
            }
            if line.isEmpty { lines.append(".Pp") } else { lines.append(escaped(line.drop { $0 == " " })) }
        }
        return lines + (isLiteral ? [".Ed"] : [])
    }

    /// A line of text: neither a request nor an escape, and dashes that can be copied.
    private static func escaped(_ text: Substring) -> String {
        let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : String(plain)
    }

    /// Text behind a macro, where a word could be the name of another.
    private static func macroText(_ text: String) -> String {
        text.split(separator: " ").map { "\\&" + escaped($0) }.joined(separator: " ")
    }
}
