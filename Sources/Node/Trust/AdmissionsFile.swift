// Responsible for: who is admitted, on disk: read, changed under a lock, watched for changes by others.
// Must not know: who may be admitted (Admissions), connections.
import Foundation
import Sequences

/// `admissions.json` in a coordinator's state folder. Every coordinator of the folder and `tandem token`, `members` and
/// `remove` change it, each under a lock; whoever can write it decides who is admitted.
package struct AdmissionsFile: Sendable {
    package let folder: StateFolder
    private static let name = "admissions.json"

    package init(_ folder: StateFolder) { self.folder = folder }

    /// What it says; nobody, where there is none. Throws where it is damaged or open to others.
    package func read() throws(TandemError) -> Admissions {
        guard let text = try folder.secret(Self.name) else { return Admissions() }
        return try Self.parse(text, path: folder.path(of: Self.name))
    }

    /// What it says, as bytes for another coordinator.
    func encoded() throws(TandemError) -> [UInt8] { Self.encode(try read()) }

    private static func encode(_ admissions: Admissions) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        guard let data = try? encoder.encode(admissions) else { preconditionFailure("admissions are JSON") }
        return Array(data)
    }

    static func parse(_ text: String, path: String) throws(TandemError) -> Admissions {
        do { return try JSONDecoder().decode(Admissions.self, from: Data(text.utf8)) } catch {
            throw TandemError(
                "the file \(path) is damaged, so it is not known who is admitted",
                hint: "put a copy of it back, or delete it: every node must join again then")
        }
    }

    /// Changes it; nothing is written where `body` throws or changes nothing.
    package func change<Value>(_ body: (inout Admissions) throws(TandemError) -> Value) throws(TandemError) -> Value {
        try folder.locked("admissions") { () throws(TandemError) -> Value in
            let before = try read()
            var admissions = before
            let value = try body(&admissions)
            guard admissions != before else { return value }
            try folder.write(String(decoding: Self.encode(admissions), as: UTF8.self) + "\n", to: Self.name)
            return value
        }
    }

    /// Changes whenever the file does.
    struct Stamp: Equatable {
        let inode: UInt64
        let seconds: Int
        let nanoseconds: Int
    }

    /// nil: there is no file.
    var stamp: Stamp? {
        var info = stat()
        guard lstat(folder.path(of: Self.name), &info) == 0 else { return nil }
        return Stamp(inode: UInt64(info.st_ino), seconds: info.st_mtim.tv_sec, nanoseconds: info.st_mtim.tv_nsec)
    }
}
