// A history in its file. Must not know: keys.
import Foundation
import Testing

@testable import CLI

@Suite("A history in a file")
struct HistoryFileTests {
    @Test("Entries come back as they were, from a file that nobody else may read")
    func kept() throws {
        let folder = try TemporaryFolder()
        let file = try #require(HistoryFile(name: "h", environment: ["XDG_STATE_HOME": folder.path + "/state"]))
        #expect(file.read().isEmpty)
        let entries = ["one", "two\nlines", "日本 \"quoted\" \\ \u{1B}[A", String(repeating: "long ", count: 5_000)]
        for entry in entries { try file.append(entry) }
        #expect(file.read() == entries)
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/state/tandem/h")
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        try Data("no JSON\n\"three\"\n".utf8).write(to: URL(fileURLWithPath: file.path))
        #expect(file.read() == ["three"])
    }

    @Test("It is below the home folder of the environment where nothing else is said; relative paths say nothing")
    func place() {
        #expect(HistoryFile(name: "h", environment: ["HOME": "/home/x"])?.path == "/home/x/.local/state/tandem/h")
        #expect(
            HistoryFile(name: "h", environment: ["HOME": "/home/x", "XDG_STATE_HOME": "here"])?.path
                == "/home/x/.local/state/tandem/h")
        #expect(HistoryFile(name: "h", environment: [:]) == nil)
    }

    @Test("A file that has grown long is written anew, and one that cannot be written is told of")
    func limits() throws {
        let folder = try TemporaryFolder()
        let file = try #require(HistoryFile(name: "h", environment: ["XDG_STATE_HOME": folder.path]))
        try file.append("first")
        let many = (0..<5 * History.longest).map { "\"\($0)\"\n" }.joined()
        try Data(many.utf8).write(to: URL(fileURLWithPath: file.path))
        #expect(file.read().count == History.longest && file.read().last == "\(5 * History.longest - 1)")
        #expect(try String(contentsOfFile: file.path, encoding: .utf8).count { $0 == "\n" } == History.longest)
        let nowhere = try #require(HistoryFile(name: "h", environment: ["XDG_STATE_HOME": "/dev/null"]))
        #expect(throws: (any Error).self) { try nowhere.append("x") }
    }
}
