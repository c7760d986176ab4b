// Responsible for: `tandem members` and `tandem remove`: who is admitted, and taking a key off. Must not know: how a
// running coordinator learns of it.
import ArgumentParser
import Node
import Sequences

struct MembersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members",
        abstract: "Show the workers and clients that the coordinator admits.",
        discussion: """
            Run it on the coordinator's host, as the user who runs the coordinator. \
            `tandem remove NAME` takes one off.
            """)
    @OptionGroup var state: StateFlag
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let members = try TokenOffice(state.folder).members()
        if json {
            let list = MemberListOutput(members: members.map(MemberOutput.init))
            return Terminal.put(try JSONOutput.document(list))
        }
        if members.isEmpty { return Terminal.say("nobody is admitted; `tandem token create` makes a line that joins") }
        let rows = members.map { [$0.name, $0.role.rawValue, String($0.key.prefix(8)) + "…", date($0.enrolled)] }
        Terminal.put(table([["NAME", "ROLE", "KEY", "SINCE"]] + rows).joined(separator: "\n") + "\n")
    }
}

struct RemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Take a worker's or client's key off: its connections end at once.",
        discussion: """
            The token that admitted it is taken back with it, and no token made before admits its key again. Example:
              tandem remove host-b
            """)
    @Argument(help: "Its name, as `tandem members` shows it.") var name: String
    @OptionGroup var state: StateFlag

    func run() throws {
        let member = try TokenOffice(state.folder).remove(name)
        let removed = "\(member.role.rawValue) \(member.name)"
        Terminal.say("removed the \(removed); a running coordinator ends its connections now")
        let tokens = try TokenOffice(state.folder).tokens().filter { $0.role == member.role }
        if !tokens.isEmpty {
            let ids = tokens.map(\.id).joined(separator: ", ")
            Terminal.say(
                "if it knows one of the tokens \(ids), it can come back with another key: "
                    + "`tandem token revoke ID` takes one back")
        }
    }
}

private struct MemberOutput: Encodable {
    let name: String
    let role: String
    let key: String
    let enrolled: Int

    init(_ member: Admissions.Member) {
        (name, role, key, enrolled) = (member.name, member.role.rawValue, member.key, member.enrolled)
    }
}

private struct MemberListOutput: Encodable { let members: [MemberOutput] }
