// Lines of a pipe. Must not know: what they mean.
import Foundation
import Sequences
import Testing

@testable import CLI

@Suite("Lines of a pipe")
struct PlainLinesTests {
    /// The lines of a file that holds `bytes`.
    private func lines(_ bytes: [UInt8]) throws -> [String] {
        let folder = try TemporaryFolder()
        let path = folder.path + "/input"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let file = open(path, O_RDONLY)
        defer { close(file) }
        var lines = PlainLines(descriptor: file)
        var all: [String] = []
        while let line = try lines.next() { all.append(line) }
        return all
    }

    @Test("Lines come as they are, the last one also without a break")
    func whole() throws {
        #expect(try lines(Array("one\n\n日本 two\r\nthree".utf8)) == ["one", "", "日本 two\r", "three"])
        #expect(try lines([]).isEmpty)
        let long = String(repeating: "x", count: 300_000)
        #expect(try lines(Array((long + "\n" + long).utf8)) == [long, long])
    }

    @Test("Of a line without end only so much is kept as is found too long")
    func endless() throws {
        let line = [UInt8](repeating: 0x78, count: RequestLimits.promptBytes + 5_000) + Array("\nnext".utf8)
        let all = try lines(line)
        #expect(all.count == 2 && all[0].utf8.count == RequestLimits.promptBytes + 1 && all[1] == "next")
    }

    @Test("What cannot be read is an error")
    func unreadable() throws {
        var closed = PlainLines(descriptor: -1)
        #expect(throws: TandemError.self) { try closed.next() }
        let folder = open("/tmp", O_RDONLY)
        defer { close(folder) }
        var none = PlainLines(descriptor: folder)
        #expect(throws: TandemError.self) { try none.next() }
    }
}
