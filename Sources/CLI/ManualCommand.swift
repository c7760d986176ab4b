// Responsible for: `tandem manual`, hidden: the manual pages of all commands as files, for packages.
// Must not know: how a page is written.
import ArgumentParser
import Foundation
import Node
import Sequences

struct ManualCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manual", abstract: "Write a manual page of every command.", shouldDisplay: false)

    @Option(help: "The folder to write tandem.1, tandem-run.1, ... into.") var output: String
    @Option(help: "The date on the pages, as \"March 1, 2026\".") var date: String

    func run() throws {
        guard let tool = CommandTree.whole(of: Tandem.self) else { preconditionFailure("commands describe themselves") }
        let pages = ManualPage.pages(of: tool, date: date, version: Build.version)
        for page in pages {
            let path = "\(output)/\(page.name).1"
            do { try page.text.write(toFile: path, atomically: true, encoding: .utf8) } catch {
                throw TandemError(
                    "\(path) cannot be written: \(error.localizedDescription)", hint: "does the folder exist?")
            }
        }
    }
}
