// Responsible for: manual pages: every command has one, with every flag, and text in them is text.
// Must not know: what the commands do.
import Foundation
import Testing

@testable import CLI

extension CommandTests {
    @Suite("Manual pages")
    struct ManualTests {
        @Test("Every command has a page that names all its flags, and nothing in it is a request by accident")
        func pages() async throws {
            let folder = try TemporaryFolder()
            let outcome = try await tandem("manual", "--output", folder.path, "--date", "March 1, 2026")
            #expect(outcome.status == 0, "\(outcome)")
            let dump = try await tandem("--experimental-dump-help")
            let help = try #require(CommandTree(dump: dump.output))
            var expected: Set<String> = []
            try check(help, "tandem", folder.path, &expected)
            #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) == expected)
            #expect(expected.count >= 18 && expected.contains("tandem-bench-cluster.1"))
            #expect(!expected.contains("tandem-manual.1"))
        }

        private func check(_ command: CommandTree, _ name: String, _ folder: String, _ names: inout Set<String>) throws
        {
            names.insert("\(name).1")
            let text = try String(contentsOfFile: "\(folder)/\(name).1", encoding: .utf8)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.first == ".Dd March 1, 2026" && lines.contains(".Nm \(name)"))
            let requests = lines.filter { $0.hasPrefix(".") || $0.hasPrefix("'") }.map { $0.prefix { $0 != " " } }
            #expect(
                Set(requests).isSubset(of: [
                    ".Dd", ".Dt", ".Os", ".Sh", ".Nm", ".Nd", ".Ar", ".Op", ".Pp", ".Bl", ".It", ".El", ".Bd", ".Ed",
                    ".Xr", ".Ic",
                ]))
            #expect(requests.count { $0 == ".Bd" } == requests.count { $0 == ".Ed" })
            #expect(requests.count { $0 == ".Bl" } == requests.count { $0 == ".El" })
            for argument in command.arguments ?? [] where argument.shouldDisplay {
                for name in argument.names ?? [] where name.kind == .long {
                    #expect(text.contains("Fl \\-" + name.name.replacing("-", with: "\\-")), "\(name.name)")
                }
            }
            for child in command.subcommands ?? [] where child.shouldDisplay != false && child.commandName != "help" {
                try check(child, "\(name)-\(child.commandName)", folder, &names)
            }
        }

        @Test("Dots, backslashes and dashes of a text are shown as they are")
        func escapes() throws {
            let command = CommandTree(
                commandName: "x", abstract: "Do a thing.", discussion: ".dot \\ back\n  'quote --flag\nplain")
            let page = try #require(ManualPage.pages(of: command, date: "d", version: "1").first)
            let expected =
                "\\&.dot \\e back\n.Bd -literal -offset indent\n\\&'quote \\-\\-flag\n.Ed\nplain\n.Sh EXIT STATUS"
            #expect(page.text.contains(expected), "\(page.text)")
            #expect(page.text.contains(".Nd \\&Do \\&a \\&thing\n"))
        }

        @Test("A folder that is not there is told")
        func nowhere() async throws {
            let outcome = try await tandem("manual", "--output", "/nowhere", "--date", "d")
            #expect(outcome.status == 1 && outcome.talk.contains("/nowhere/tandem.1 cannot be written"), "\(outcome)")
        }
    }
}
