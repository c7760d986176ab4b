// Responsible for: which folders and files count as this user's own. Must not know: what is kept in them.
import Foundation
import Sequences
import Testing

@testable import Generation

@Suite("A folder of this user alone")
struct PrivateFolderTests {
    private let outer: TemporaryFolder

    init() throws { outer = try TemporaryFolder() }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test("It is made with all above it, for nobody else to see, and so are its files")
    func made() throws {
        let folder = try PrivateFolder(outer.file("a/b/c"), hint: "")
        for path in ["a", "a/b", "a/b/c"] { #expect(mode(outer.file(path)) == 0o700) }
        #expect(folder.write([1, 2], to: "file") && mode(outer.file("a/b/c/file")) == 0o600)
        #expect(folder.contents(of: "file", limit: 2) == [1, 2])
        #expect(folder.contents(of: "file", limit: 1) == nil)
        #expect(folder.names == ["file"])
        #expect(!folder.wasOpenToOthers)
    }

    @Test("One that is open to others is closed; a link to a folder and what is no folder are refused with a sentence")
    func loose() throws {
        mkdir(outer.file("loose"), 0o755)
        chmod(outer.file("loose"), 0o777)
        #expect(try PrivateFolder(outer.file("loose"), hint: "").wasOpenToOthers)
        #expect(mode(outer.file("loose")) == 0o700)
        symlink(outer.file("loose"), outer.file("link"))
        let error = #expect(throws: TandemError.self) { try PrivateFolder(outer.file("link"), hint: "move it") }
        #expect(error?.message.description.contains("symbolic link") == true && error?.hint == "move it")
        #expect(throws: TandemError.self) { try PrivateFolder("/dev/null", hint: "") }
        #expect(throws: TandemError.self) { try PrivateFolder("/dev/null/x", hint: "") }
    }

    @Test("Another user's is refused", .enabled(if: geteuid() == 0, "only root can give folders away: SKIPPED"))
    func foreign() throws {
        mkdir(outer.file("foreign"), 0o700)
        chown(outer.file("foreign"), 12345, 12345)
        let error = #expect(throws: TandemError.self) { try PrivateFolder(outer.file("foreign"), hint: "") }
        #expect(error?.kind == .forbidden && error?.message.description.contains("12345") == true)
        let folder = try PrivateFolder(outer.file("own"), hint: "")
        #expect(folder.write([1], to: "file"))
        chown(outer.file("own/file"), 12345, 12345)
        #expect(folder.open("file") == nil)
    }

    @Test("Links, pipes, folders, second names and files that others may write to do not count")
    func files() throws {
        let folder = try PrivateFolder(outer.file("own"), hint: "")
        let victim = outer.file("victim")
        try Data([9]).write(to: URL(fileURLWithPath: victim))
        let path = { (name: String) in self.outer.file("own/" + name) }
        symlink(victim, path("symbolic"))
        link(victim, path("hard"))
        mkfifo(path("pipe"), 0o600)
        mkdir(path("folder"), 0o700)
        try Data([9]).write(to: URL(fileURLWithPath: path("loose")))
        chmod(path("loose"), 0o622)
        for name in ["symbolic", "hard", "pipe", "folder", "loose", "missing"] {
            #expect(folder.open(name) == nil, "\(name)")
            #expect(folder.contents(of: name, limit: 10) == nil, "\(name)")
            if name != "missing" { #expect(folder.openForWriting(name) == nil, "\(name)") }
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: victim)) == Data([9]))
        chmod(path("loose"), 0o644)
        let file = try #require(folder.open("loose"))
        close(file)
        #expect(mode(path("loose")) == 0o600)
        // What is written takes the place of the link, not of what it leads to.
        #expect(folder.write([7], to: "symbolic"))
        #expect(folder.contents(of: "symbolic", limit: 1) == [7])
        #expect(try Data(contentsOf: URL(fileURLWithPath: victim)) == Data([9]))
    }
}
