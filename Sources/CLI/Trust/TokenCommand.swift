// Responsible for: `tandem token`: make, list and take back what admits newcomers. Must not know: how a token admits.
import ArgumentParser
import Foundation
import Node
import Sequences

struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make, list and take back the tokens that admit new workers and clients.",
        discussion: """
            Run it on the coordinator's host, as the user who runs the coordinator. Nodes that \
            were admitted need no token again. Examples:
              tandem token create
              tandem token create --role client --uses 5 --expires 7d
              tandem token revoke 81ae5740
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Make a token, and print the line that uses it.")

        @Option(
            help: """
                What newcomers become: worker; client, which may ask and nothing else; or standby, which is told everything \
                and takes the coordinator's place when it is gone.
                """)
        var role: Role = .worker
        @Option(help: ArgumentHelp("How many newcomers it admits.", valueName: "n")) var uses = 1
        @Option(
            help: ArgumentHelp("For how long, as 30m, 12h or 7d; never: without end.", valueName: "time"),
            transform: ValueReader.text { (text) throws(TandemError) in try Self.seconds(text) })
        var expires = "1h"
        @Option(
            help: ArgumentHelp(
                "Where the coordinator is reached (default: as the one that runs says).", valueName: "host:port"),
            transform: ValueReader.address(.coordinator))
        var coordinator: String?
        @OptionGroup var state: StateFlag
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            let uses = try TandemError.checked(uses, .uses, in: 1...1_000_000)
            let made = try TokenOffice(state.folder).create(
                role: role.role, uses: uses, seconds: try Self.seconds(expires), coordinator: coordinator)
            if json {
                return Terminal.put(try JSONOutput.document(TokenOutput(made.token, line: made.line.description)))
            }
            Terminal.put(role.line(made.line.description) + "\n")
            let admitted = "\(uses) \(role.rawValue)\(uses == 1 ? "" : "s")"
            let end = made.token.expires.map { "until \(date($0))" } ?? "until it is taken back"
            Terminal.say("admits \(admitted) \(end); `tandem token revoke \(made.token.id)` takes it back")
        }

        /// "30m", "12h", "7d" or a number of seconds; nil: no end.
        static func seconds(_ text: String) throws(TandemError) -> Int? {
            if text == "never" { return nil }
            let units: [(Character, Int)] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
            let unit = units.first { $0.0 == text.last }
            let digits = unit == nil ? text[...] : text.dropLast()
            guard let number = Int(digits), number > 0, number <= 36_500 * 86_400 / (unit?.1 ?? 1) else {
                throw TandemError("\(.expires) is \(text)", hint: "write a time such as 30m, 12h or 7d, or never")
            }
            return number * (unit?.1 ?? 1)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Show the tokens that still admit newcomers.")
        @OptionGroup var state: StateFlag
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            let tokens = try TokenOffice(state.folder).tokens()
            if json {
                let list = TokenListOutput(tokens: tokens.map { TokenOutput($0, line: nil) })
                return Terminal.put(try JSONOutput.document(list))
            }
            if tokens.isEmpty { return Terminal.say("there are no tokens; `tandem token create` makes one") }
            let rows = tokens.map {
                [$0.id, $0.role.rawValue, $0.uses.map(String.init) ?? "any", $0.expires.map(date) ?? "never", $0.note]
            }
            let lines = table([["ID", "ROLE", "USES", "EXPIRES", "NOTE"]] + rows)
            Terminal.put(lines.joined(separator: "\n") + "\n")
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Take a token back: it admits nobody any more.")
        @Argument(help: "Its id, as `tandem token list` shows it.") var id: String
        @OptionGroup var state: StateFlag

        func run() throws {
            try TokenOffice(state.folder).revoke(id)
            Terminal.say("took back the token \(id); whoever it admitted stays: see `tandem members`")
        }
    }

    /// The roles, as they are written.
    enum Role: String, ExpressibleByArgument, CaseIterable {
        case worker, client, standby

        var role: NodeRole {
            switch self {
            case .worker: .worker
            case .client: .client
            case .standby: .standby
            }
        }

        /// What to run with the address.
        func line(_ address: String) -> String {
            switch self {
            case .worker: "tandem worker --join \(address)"
            case .client: "tandem generate --coordinator \(address) --prompt \"Hello\""
            case .standby: "tandem coordinator --model MODEL --listen '*' --standby-of \(address)"
            }
        }
    }
}

/// A token in JSON.
private struct TokenOutput: Encodable {
    let id: String
    let role: String
    let usesLeft: Int?
    let expires: Int?
    let note: String
    let line: String?

    init(_ token: Admissions.Token, line: String?) {
        (id, role, usesLeft, expires, note) = (token.id, token.role.rawValue, token.uses, token.expires, token.note)
        self.line = line
    }
}

private struct TokenListOutput: Encodable { let tokens: [TokenOutput] }

/// Seconds since 1970 as people of this machine's time zone read them.
func date(_ seconds: Int) -> String {
    let format = DateFormatter()
    format.dateFormat = "yyyy-MM-dd HH:mm"
    return format.string(from: Date(timeIntervalSince1970: Double(seconds)))
}
