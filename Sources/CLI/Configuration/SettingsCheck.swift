// Responsible for: whether a key of a settings file is one, and its value of the kind that it takes; else what was meant.
// Must not know: files, what any key means.
import Configuration
import Sequences

/// Holds what a file says against the commands and their flags.
struct SettingsCheck {
    let path: String
    let tree: CommandTree
    /// A file called after a command, as worker.toml, has its settings outside of tables.
    private let owner: CommandTree?

    init(path: String, tree: CommandTree) {
        (self.path, self.tree) = (path, tree)
        let name = path.split(separator: "/").last.map { $0.split(separator: ".").first.map(String.init) ?? "" }
        owner = tree.commands.first { $0.commandName == name }
    }

    /// What is wrong with the name of a table; nil: nothing.
    func problem(of header: TOMLDocument.Header) -> String? { scope(header.path).problem }

    /// What the value is for those who take it.
    func content(of entry: TOMLDocument.Entry) -> Result<ConfigContent, SettingsFile.Problem> {
        func failure(_ message: String) -> Result<ConfigContent, SettingsFile.Problem> {
            .failure(.init(path: path, line: entry.line, message: message))
        }
        let found = scope(Array(entry.path.dropLast()))
        guard let scope = found.scope, let key = entry.path.last else { return failure(found.problem ?? "") }
        let options = scope.allOptions.filter { $0.key == key }
        guard !options.isEmpty else { return failure(unknown(key, in: entry.path.dropLast(), scope)) }
        let contents = options.compactMap { Self.content(entry.value, for: $0) }
        if let content = contents.first { return .success(content) }
        return failure("\(key) is \(Self.kind(entry.value)), but takes \(Self.wanted(options[0]))")
    }

    /// The commands that a table is for.
    private func scope(_ path: [String]) -> (scope: CommandTree?, problem: String?) {
        var scope = path.isEmpty ? owner ?? tree : tree
        for (index, name) in path.enumerated() {
            if let next = scope.commands.first(where: { $0.commandName == name }) {
                scope = next
                continue
            }
            let table = path[...index].joined(separator: ".")
            if scope.allOptions.contains(where: { $0.key == name }) { return (nil, "\(table) is a key, not a table") }
            let meant = Spelling.nearest(to: name, among: scope.commands.map(\.commandName))
            return (nil, "there is no command for the table [\(table)]" + Self.question(meant))
        }
        return (scope, nil)
    }

    private func unknown(_ key: String, in table: ArraySlice<String>, _ scope: CommandTree) -> String {
        if scope.commands.contains(where: { $0.commandName == key }) {
            return "\(key) is a command: its settings stand in a table, [\((table + [key]).joined(separator: "."))]"
        }
        let place = table.isEmpty ? owner?.commandName : table.joined(separator: ".")
        let who = place.map { "`tandem \($0.replacing(".", with: " "))` has no setting" } ?? "no command has a setting"
        let keys = scope.allOptions.compactMap(\.key)
        if let meant = Spelling.nearest(to: key, among: keys) { return "\(who) \(key)" + Self.question(meant) }
        let others = tree.leaves().filter { leaf in
            tree.command(at: leaf)?.options.contains { $0.key == key } == true
        }
        guard let other = others.first else { return "\(who) \(key)" }
        return "\(who) \(key); it is one of [\(other.joined(separator: "."))]"
    }

    private static func question(_ meant: String?) -> String { meant.map { "; did you mean \($0)?" } ?? "" }

    /// The value as an option takes it; nil: it does not.
    private static func content(_ value: TOMLValue, for option: CommandTree.Option) -> ConfigContent? {
        switch (value, option.kind) {
        case (.boolean(let isSet), .flag): .bool(isSet)
        case (.boolean(let isSet), _): option.isSwitch ? .string(isSet ? "on" : "off") : nil
        case (_, .flag): nil
        case (.text(let text), _), (.number(let text), _): option.isRepeating ? .stringArray([text]) : .string(text)
        case (.list(let values), _): option.isRepeating ? texts(values).map { .stringArray($0) } : nil
        }
    }

    private static func texts(_ values: [TOMLValue]) -> [String]? {
        var texts: [String] = []
        for value in values {
            switch value {
            case .text(let text), .number(let text): texts.append(text)
            case .boolean, .list: return nil
            }
        }
        return texts
    }

    private static func kind(_ value: TOMLValue) -> String {
        switch value {
        case .text(let text): "the text \"\(text)\""
        case .number(let text): text
        case .boolean(let isSet): "\(isSet)"
        case .list: "a list"
        }
    }

    private static func wanted(_ option: CommandTree.Option) -> String {
        if option.kind == .flag { return "true or false" }
        return option.isRepeating
            ? "a list of texts or numbers, as [\"a\", 8]" : "one text or number, as \"a\" or 8"
    }
}
