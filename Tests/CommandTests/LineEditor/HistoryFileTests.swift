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

    @Test("A line that was never ended takes no other with it; of a very long file the end is read")
    func damaged() throws {
        let folder = try TemporaryFolder()
        let file = try #require(HistoryFile(name: "h", environment: ["XDG_STATE_HOME": folder.path]))
        try file.append("one")
        let handle = try #require(FileHandle(forWritingAtPath: file.path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("\"half".utf8))
        try file.append("two")
        try file.append("three")
        #expect(file.read() == ["one", "two", "three"])
        let long = String(repeating: "x", count: 200_000)
        for number in 0..<100 { try file.append("\(number) \"" + long) }
        let entries = file.read()
        #expect((50..<100).contains(entries.count) && entries.last == "99 \"" + long)
        #expect(entries.allSatisfy { $0.hasSuffix(" \"" + long) })
        let size = try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? NSNumber
        #expect((size?.intValue).map { $0 <= 1 << 24 } == true)
    }

    @Test("What is no file, as /dev/null in its place, holds nothing, and stays what it is")
    func noFile() throws {
        let folder = try TemporaryFolder()
        let file = try #require(HistoryFile(name: "h", environment: ["XDG_STATE_HOME": folder.path]))
        try FileManager.default.createDirectory(atPath: folder.path + "/tandem", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: "/dev/null")
        let mode = { (try? FileManager.default.attributesOfItem(atPath: "/dev/null")[.posixPermissions]) as? NSNumber }
        let before = try #require(mode())
        try file.append("one")
        #expect(mode() == before && file.read().isEmpty)
        try FileManager.default.removeItem(atPath: file.path)
        try #require(mkfifo(file.path, 0o600) == 0)
        // Nobody reads from it, and nobody waits for it.
        #expect(file.read().isEmpty)
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
