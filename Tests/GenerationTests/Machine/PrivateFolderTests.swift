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
        #expect(try PrivateFolder(existing: outer.file("a/b/c"), hint: "")?.contents(of: "file", limit: 2) == [1, 2])
        #expect(try PrivateFolder(existing: outer.file("a/none/c"), hint: "") == nil && mode(outer.file("a/none")) == 0)
    }

    /// The sentence with which a folder is refused.
    private func refusal(_ path: String) throws -> String {
        let error = #expect(throws: TandemError.self, "\(path)") { try PrivateFolder(path, hint: "move it") }
        #expect(throws: TandemError.self, "\(path)") { try PrivateFolder(existing: path, hint: "move it") }
        #expect(error?.kind == .forbidden && error?.hint != nil)
        return error?.description ?? ""
    }

    @Test(
        "One that others can write is refused with what to do; where it is empty, or they can only read, it is closed")
    func loose() throws {
        for (name, wide) in [("readable", mode_t(0o755)), ("writable", 0o770)] {
            let path = outer.file(name)
            mkdir(path, 0o700)
            chmod(path, wide)
            #expect(try PrivateFolder(path, hint: "").write([1], to: "file"))
            #expect(mode(path) == 0o700)
            chmod(path, wide)
            if wide & 0o022 != 0 {
                let refusal = try refusal(path)
                #expect(refusal.contains("can be written by others") && refusal.contains("chmod 700 \(path)"))
                #expect(mode(path) == wide, "a folder with something in it is left as it is")
            } else {
                #expect(try PrivateFolder(path, hint: "").names == ["file"])
                #expect(mode(path) == 0o700)
            }
            chmod(path, 0o700)
            #expect(try PrivateFolder(path, hint: "").names == ["file"])
        }
        for path in ["/dev/null", "/dev/null/x", ""] {
            #expect(throws: TandemError.self) { try PrivateFolder(path, hint: "") }
        }
    }

    @Test("A link on the way is followed where nobody else can have put it there, and refused elsewhere")
    func links() throws {
        let target = outer.file("target/inner")
        #expect(try PrivateFolder(target, hint: "").write([1], to: "file"))
        for (name, wide) in [("closed", mode_t(0o755)), ("open", 0o777), ("sticky", 0o1777)] {
            let folder = outer.file(name)
            mkdir(folder, 0o700)
            chmod(folder, wide)
            symlink(target, folder + "/whole")
            symlink("../target", folder + "/part")
            symlink("loop", folder + "/loop")
            for path in [folder + "/whole", folder + "/part/inner", folder + "/../\(name)/part/./inner/"] {
                if name == "open" {
                    #expect(try refusal(path).contains("a symbolic link that others can have put there"))
                } else {
                    #expect(try PrivateFolder(path, hint: "").contents(of: "file", limit: 1) == [1], "\(path)")
                }
            }
            #expect(throws: TandemError.self) { try PrivateFolder(folder + "/loop/x", hint: "") }
            guard geteuid() == 0 else { continue }
            lchown(folder + "/whole", 12345, 12345)
            #expect(try refusal(folder + "/whole").contains("symbolic link"))
        }
    }

    @Test("Another user's is refused", .enabled(if: geteuid() == 0, "only root can give folders away: SKIPPED"))
    func foreign() throws {
        mkdir(outer.file("shared"), 0o700)
        chmod(outer.file("shared"), 0o1777)
        mkdir(outer.file("shared/foreign"), 0o700)
        chown(outer.file("shared/foreign"), 12345, 12345)
        #expect(try refusal(outer.file("shared/foreign")).contains("12345"))
        let folder = try PrivateFolder(outer.file("own"), hint: "")
        #expect(folder.write([1], to: "file"))
        chown(outer.file("own/file"), 12345, 12345)
        #expect(folder.open("file") == nil)
        #expect(throws: TandemError.self) { try folder.secret("file", limit: 1) }
    }

    @Test(
        "Root uses another user's where that user alone can have put it, and what is made there is that user's",
        .enabled(if: geteuid() == 0, "only root can give folders away: SKIPPED"))
    func root() throws {
        mkdir(outer.file("foreign"), 0o700)
        chown(outer.file("foreign"), 12345, 12345)
        let folder = try PrivateFolder(outer.file("foreign"), hint: "")
        #expect(folder.write([1], to: "file"))
        let file = try #require(folder.openForWriting("other"))
        close(file)
        for name in ["file", "other"] {
            var status = stat()
            #expect(lstat(outer.file("foreign/" + name), &status) == 0 && status.st_uid == 12345)
        }
        #expect(try folder.contents(of: "file", limit: 1) == [1] && folder.secret("file", limit: 1) == [1])
        // A file of root's, moved there by the folder's owner, stays root's.
        #expect(FileManager.default.createFile(atPath: outer.file("precious"), contents: Data([9])))
        rename(outer.file("precious"), outer.file("foreign/moved"))
        #expect(folder.openForWriting("moved") == nil)
        var status = stat()
        #expect(lstat(outer.file("foreign/moved"), &status) == 0 && status.st_uid == 0)
    }

    @Test("A secret that others can read is refused, and left as it is")
    func secrets() throws {
        let folder = try PrivateFolder(outer.file("own"), hint: "")
        #expect(try folder.secret("key", limit: 9) == nil)
        #expect(folder.write([1, 2, 3], to: "key"))
        #expect(try folder.secret("key", limit: 3) == [1, 2, 3])
        #expect(throws: TandemError.self) { try folder.secret("key", limit: 2) }
        chmod(outer.file("own/key"), 0o640)
        let error = #expect(throws: TandemError.self) { try folder.secret("key", limit: 3) }
        #expect(error?.kind == .forbidden && error?.hint?.description.contains("chmod 600") == true)
        #expect(mode(outer.file("own/key")) == 0o640)
        symlink(outer.file("own/key"), outer.file("own/link"))
        mkfifo(outer.file("own/pipe"), 0o600)
        for name in ["link", "pipe"] {
            #expect(throws: TandemError.self) { try folder.secret(name, limit: 3) }
        }
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
