// Responsible for: the folder in which a node keeps what it must not lose: keys, and who is admitted. Owner-only.
// Must not know: what is in its files, whom folders belong to (PrivateFolder).
import Foundation
import Generation
import Sequences

/// `--state`, `$STATE_DIRECTORY` (systemd), `$XDG_STATE_HOME/tandem`, or `~/.local/state/tandem`: the first that is there.
package struct StateFolder: Sendable, Hashable {
    package let path: String
    /// Where systemd (`LoadCredential=`) or a container puts secrets; a file there is taken before one of ours.
    let credentialsPath: String?

    /// Where packages keep the state of a coordinator that the system runs.
    package static let ofSystem = StateFolder("/var/lib/tandem")

    /// The folder of this name; nil: what the environment says.
    package init(_ path: String?, environment: [String: String] = ProcessInfo.processInfo.environment) {
        // systemd names several folders in one variable, the first being ours.
        let ofUnit = environment["STATE_DIRECTORY"]?.split(separator: ":").first.map(String.init)
        self.path =
            path ?? ofUnit ?? UserFolder.path("XDG_STATE_HOME", else: ".local/state", in: environment) + "/tandem"
        credentialsPath = environment["CREDENTIALS_DIRECTORY"]
    }

    /// A folder inside, owner-only too.
    func folder(_ name: String) -> StateFolder { StateFolder(path + "/" + name, environment: [:]) }

    private static let name = "state folder"
    private static let hint: Sentence =
        "name another with \(.state), or set XDG_STATE_HOME to a folder that can be written"

    /// Opens the folder, and makes it where it is missing. Throws where it cannot be made, or is not ours alone.
    func open() throws(TandemError) -> PrivateFolder {
        try PrivateFolder(path, called: Self.name, hint: Self.hint)
    }

    /// Opens the folder, to read in it; nil: there is none.
    func existing() throws(TandemError) -> PrivateFolder? {
        try PrivateFolder(existing: path, called: Self.name, hint: Self.hint)
    }

    /// The text of a file that only its owner may read; nil: there is none. Throws where others can read it, it is a link,
    /// or it cannot be read.
    func secret(_ name: String) throws(TandemError) -> String? {
        // A blank one stands for none: a unit must name something that is there.
        if let credentialsPath, let text = try Self.credential(credentialsPath + "/" + name),
            text.contains(where: { !$0.isWhitespace })
        {
            return text
        }
        return try existing()?.secret(name, limit: Self.mostBytes).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Where `secret` would be written.
    func path(of name: String) -> String { path + "/" + name }

    /// Files here are small: what is larger is none of ours.
    private static let mostBytes = 4 << 20

    /// What stands in a file that is guarded by whoever has put it there.
    private static func credential(_ path: String) throws(TandemError) -> String? {
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw TandemError("the file \(path) cannot be read", kind: .forbidden, hint: "look at its owner and mode")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        return (try? file.read(upToCount: mostBytes)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Writes a file as a whole, owner-only: a reader sees the old one or the new one.
    func write(_ text: String, to name: String) throws(TandemError) {
        guard try open().write(Array(text.utf8), to: name) else {
            throw TandemError(
                "the file \(path(of: name)) cannot be written: \(String(cString: strerror(errno)))", kind: .forbidden,
                hint: "look at the folder's owner and the disk's free space, or name another folder with \(.state)")
        }
    }

    /// Runs `body` while no other process does so with the same name.
    func locked<Value>(_ name: String, _ body: () throws(TandemError) -> Value) throws(TandemError) -> Value {
        if let value = try open().locked(name + ".lock", body) { return value }
        throw TandemError(
            "the file \(path(of: name + ".lock")) cannot be locked: \(String(cString: strerror(errno)))",
            kind: .forbidden, hint: "look at its owner and mode")
    }
}
