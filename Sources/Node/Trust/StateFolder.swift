// Responsible for: the folder in which a node keeps what it must not lose: keys, and who is admitted. Owner-only.
// Must not know: what is in its files.
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

    /// Makes the folder where it is missing. Throws where it cannot be made, or is not ours alone.
    func prepare() throws(TandemError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw TandemError(
                "the state folder \(path) cannot be made", kind: .forbidden,
                hint: "name another with \(.state), or set XDG_STATE_HOME to a folder that can be written")
        }
        var info = stat()
        guard stat(path, &info) == 0, info.st_uid == geteuid() || geteuid() == 0 else {
            throw TandemError(
                "the state folder \(path) belongs to another user", kind: .forbidden,
                hint: "name another with \(.state)")
        }
        guard info.st_mode & 0o022 == 0 else {
            throw TandemError(
                "the state folder \(path) can be written by others (mode \(Self.octal(info.st_mode)))",
                kind: .forbidden, hint: "run chmod 700 \(path)")
        }
    }

    /// The text of a file that only its owner may read; nil: there is none. Throws where others can read it, it is a link,
    /// or it cannot be read.
    func secret(_ name: String) throws(TandemError) -> String? {
        // A blank one stands for none: a unit must name something that is there.
        if let credentialsPath, let text = try Self.read(credentialsPath + "/" + name, isGuarded: true),
            text.contains(where: { !$0.isWhitespace })
        {
            return text
        }
        return try Self.read(path + "/" + name, isGuarded: false)
    }

    /// Where `secret` would be written.
    func path(of name: String) -> String { path + "/" + name }

    /// Files here are small: what is larger is none of ours.
    private static let mostBytes = 4 << 20

    /// `isGuarded`: by whoever has put it there.
    private static func read(_ path: String, isGuarded: Bool) throws(TandemError) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (isGuarded ? 0 : O_NOFOLLOW))
        guard descriptor >= 0 else {
            if errno == ENOENT || (isGuarded && errno == ENOTDIR) { return nil }
            let isLink = errno == ELOOP
            throw TandemError(
                "the file \(path) \(isLink ? "is a link, which is not followed" : "cannot be read")", kind: .forbidden,
                hint: isLink ? "put the file itself there" : "look at its owner and mode")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_size <= mostBytes else {
            throw TandemError("the file \(path) is none that Tandem has written", hint: "move it away")
        }
        if !isGuarded {
            guard info.st_uid == geteuid() || geteuid() == 0 else {
                throw TandemError(
                    "the file \(path) belongs to another user", kind: .forbidden, hint: "run as its owner")
            }
            guard info.st_mode & 0o077 == 0 else {
                throw TandemError(
                    "the file \(path) can be read by others (mode \(octal(info.st_mode)))", kind: .forbidden,
                    hint: "if nobody has, run chmod 600 \(path); else delete it, and join again")
            }
        }
        guard let data = try? file.read(upToCount: mostBytes) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    /// Writes a file as a whole, owner-only: a reader sees the old one or the new one.
    func write(_ text: String, to name: String) throws(TandemError) {
        let final = path(of: name)
        let temporary = final + ".\(String(UInt64.random(in: 0 ... .max), radix: 16)).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        func failure() -> TandemError {
            TandemError(
                "the file \(final) cannot be written: \(String(cString: strerror(errno)))", kind: .forbidden,
                hint: "look at the folder's owner and the disk's free space, or name another folder with \(.state)")
        }
        guard descriptor >= 0 else { throw failure() }
        giveToOwner(descriptor)
        let bytes = Array(text.utf8)
        let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, rename(temporary, final) == 0 else {
            let error = failure()
            unlink(temporary)
            throw error
        }
    }

    /// Runs `body` while no other process does so with the same name.
    func locked<Value>(_ name: String, _ body: () throws(TandemError) -> Value) throws(TandemError) -> Value {
        let lock = path(of: name + ".lock")
        let descriptor = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0, flock(descriptor, LOCK_EX) == 0 else {
            throw TandemError(
                "the file \(lock) cannot be locked", kind: .forbidden, hint: "look at the folder's owner and mode")
        }
        giveToOwner(descriptor)
        defer { close(descriptor) }
        giveToOwner(descriptor)
        return try body()
    }

    /// What root makes in another user's folder belongs to that user, who has to read it.
    func giveToOwner(_ descriptor: Int32) {
        var (owner, file) = (stat(), stat())
        guard geteuid() == 0, stat(path, &owner) == 0, owner.st_uid != 0 else { return }
        // A file of root's that has another name, too, was put there by the folder's owner to be given it.
        guard fstat(descriptor, &file) == 0, file.st_uid == 0, file.st_nlink == 1 else { return }
        _ = fchown(descriptor, owner.st_uid, owner.st_gid)
    }

    private static func octal(_ mode: mode_t) -> String { String(mode & 0o777, radix: 8) }
}
