// Responsible for: a folder that belongs to the user who runs this, and files in it that nobody else can have put there.
// Must not know: what is in the files.
import Foundation
import Sequences

/// A folder that only its owner can read or write, and that was checked when it was opened. It is used through its
/// descriptor from then on: whatever its path leads to later, files are those of this folder. No symbolic link is followed
/// in it, and on the way to it none that others can have put there (`FolderPath`). A file counts only if it is a regular one
/// of the folder's owner with one name, which nobody else may write to.
///
/// The owner is the user who runs this. Root may use another user's folder, where nobody else can have put it, and what
/// root makes in it belongs to that user, who has to read it.
package final class PrivateFolder: Sendable {
    package let path: String
    private let descriptor: Int32
    private let owner: (user: uid_t, group: gid_t)

    /// Opens the folder, and makes it, and those above it, where there is none. Throws where it is not its owner's alone, or
    /// cannot be written. `name` is what people call it, and `hint` says what else to do then.
    package init(_ path: String, called name: String = "folder", hint: Sentence) throws(TandemError) {
        (descriptor, owner) = try Self.open(path, isMade: true, name, hint)
        self.path = path
        guard faccessat(descriptor, ".", W_OK | X_OK, 0) == 0 else {
            throw TandemError("the \(name) \(path) cannot be written", kind: .forbidden, hint: hint)
        }
    }

    /// The same, to be read; nil: there is none.
    package init?(existing path: String, called name: String = "folder", hint: Sentence) throws(TandemError) {
        guard access(path, F_OK) == 0 || errno != ENOENT && errno != ENOTDIR else { return nil }
        (descriptor, owner) = try Self.open(path, isMade: false, name, hint)
        self.path = path
    }

    deinit { close(descriptor) }

    private static func open(
        _ path: String, isMade: Bool, _ name: String, _ hint: Sentence
    ) throws(TandemError) -> (Int32, (user: uid_t, group: gid_t)) {
        let found: (descriptor: Int32, parent: stat)
        do throws(FolderPath.Obstacle) { found = try FolderPath.open(path, isMade: isMade) } catch {
            let problem: Sentence =
                switch error {
                case .link(let link):
                    "the \(name) \(path) is behind \(link), a symbolic link that others can have put there"
                case .system(let number):
                    "the \(name) \(path) cannot be \(isMade ? "made" : "opened"): \(String(cString: strerror(number)))"
                }
            throw TandemError(problem, kind: .forbidden, hint: hint)
        }
        var status = stat()
        fstat(found.descriptor, &status)
        guard isOwn(status, in: found.parent) else {
            close(found.descriptor)
            throw TandemError(
                "the \(name) \(path) belongs to another user (number \(status.st_uid))", kind: .forbidden, hint: hint)
        }
        // Of one that others could only read they know names; into an empty one they have put nothing.
        func isHarmless() -> Bool { status.st_mode & 0o022 == 0 || names(in: found.descriptor).isEmpty }
        // It is looked at again when nobody else can change it.
        let isClosed =
            status.st_mode & 0o077 == 0 || isHarmless() && fchmod(found.descriptor, 0o700) == 0 && isHarmless()
        guard isClosed else {
            close(found.descriptor)
            throw TandemError(
                "the \(name) \(path) can be written by others (mode \(String(status.st_mode & 0o777, radix: 8)))",
                kind: .forbidden, hint: "if nobody has, run chmod 700 \(path)")
        }
        return (found.descriptor, (status.st_uid, status.st_gid))
    }

    private static func isOwn(_ folder: stat, in parent: stat) -> Bool {
        if folder.st_uid == geteuid() { return true }
        return geteuid() == 0 && parent.st_mode & 0o022 == 0 && [0, folder.st_uid].contains(parent.st_uid)
    }

    // MARK: Files. A descriptor is the caller's to close.

    /// Opens a file for reading; nil: there is none that counts.
    package func open(_ name: String) -> Int32? {
        own(openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0))
    }

    /// Opens a file for reading and writing, and makes it where there is none; nil: what has this name does not count, or
    /// no file can be made (`errno` says why).
    package func openForWriting(_ name: String) -> Int32? {
        if let file = make(name) { return file }
        guard errno == EEXIST else { return nil }
        return own(openat(descriptor, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0))
    }

    /// Makes a file that was not there; nil: it cannot be made (`errno` says why).
    package func make(_ name: String) -> Int32? {
        let file = openat(descriptor, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { return nil }
        if owner.user != geteuid() { _ = fchown(file, owner.user, owner.group) }
        return file
    }

    /// The descriptor if its file counts. Modes of files that let others read are tightened.
    private func own(_ file: Int32) -> Int32? {
        guard file >= 0 else { return nil }
        var status = stat()
        let isOwn =
            fstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
            && status.st_uid == owner.user && status.st_mode & 0o022 == 0
        if isOwn, status.st_mode & 0o077 == 0 || fchmod(file, 0o600) == 0 { return file }
        close(file)
        errno = EPERM
        return nil
    }

    /// Whether a name still is that of the file that was opened by it.
    package func isName(_ name: String, of file: Int32) -> Bool {
        var (opened, named) = (stat(), stat())
        return fstat(file, &opened) == 0 && fstatat(descriptor, name, &named, AT_SYMLINK_NOFOLLOW) == 0
            && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
    }

    /// Takes a name away, not what it leads to.
    package func remove(_ name: String) { unlinkat(descriptor, name, 0) }

    /// Gives a file another name, in place of what had it; false: it cannot (`errno` says why).
    package func rename(_ name: String, to other: String) -> Bool {
        renameat(descriptor, name, descriptor, other) == 0
    }

    /// Names that were given are on the disk from here on; false: perhaps not (`errno` says why).
    package func sync() -> Bool { fsync(descriptor) == 0 }

    /// The names of all entries.
    package var names: [String] { Self.names(in: descriptor) }

    private static func names(in descriptor: Int32) -> [String] {
        // A descriptor of its own: the stream closes it, and moves its place.
        guard let stream = fdopendir(openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// What a small file holds; nil: there is none that counts, or it has more than `limit` bytes.
    package func contents(of name: String, limit: Int) -> [UInt8]? {
        guard let file = open(name) else { return nil }
        defer { close(file) }
        return Self.contents(of: file, limit: limit)
    }

    private static func contents(of file: Int32, limit: Int) -> [UInt8]? {
        var status = stat()
        guard fstat(file, &status) == 0, status.st_size <= limit else { return nil }
        // One more than there is, to see its end.
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size) + 1)
        var count = 0
        while count < bytes.count {
            let more = bytes.withUnsafeMutableBytes { buffer in
                pread(file, buffer.baseAddress.map { $0 + count }, buffer.count - count, off_t(count))
            }
            if more < 0 { return nil }
            if more == 0 { return Array(bytes[..<count]) }
            count += more
        }
        return nil
    }

    /// What a small file holds that nobody else can have read; nil: there is none. Throws where it does not count, others
    /// can read it, or it has more than `limit` bytes.
    package func secret(_ name: String, limit: Int) throws(TandemError) -> [UInt8]? {
        let place = path + "/" + name
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            let isLink = errno == ELOOP
            throw TandemError(
                "the file \(place) \(isLink ? "is a link, which is not followed" : "cannot be read")", kind: .forbidden,
                hint: isLink ? "put the file itself there" : "look at its owner and mode")
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1,
            status.st_size <= limit
        else { throw TandemError("the file \(place) is none that Tandem has written", hint: "move it away") }
        guard status.st_uid == owner.user else {
            throw TandemError("the file \(place) belongs to another user", kind: .forbidden, hint: "run as its owner")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw TandemError(
                "the file \(place) can be read by others (mode \(String(status.st_mode & 0o777, radix: 8)))",
                kind: .forbidden, hint: "if nobody has, run chmod 600 \(place); else delete it, and join again")
        }
        return Self.contents(of: file, limit: limit)
    }

    /// Puts a small file in place of what had its name, so that a reader sees the old one or the new one; false: it cannot
    /// (`errno` says why).
    package func write(_ bytes: [UInt8], to name: String) -> Bool {
        let passing = "\(name).\(String(UInt64.random(in: 0 ... .max), radix: 16)).new"
        guard let file = make(passing) else { return false }
        defer { close(file) }
        if Self.fill(file, with: bytes), fsync(file) == 0, rename(passing, to: name) { return true }
        let reason = errno
        remove(passing)
        errno = reason
        return false
    }

    private static func fill(_ file: Int32, with bytes: [UInt8]) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(file, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(done))
            }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// Runs `body` while no other process does so with the same file, which is made where there is none; nil: it cannot be
    /// locked (`errno` says why).
    package func locked<Value, Failure>(
        _ name: String, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value? {
        guard let file = openForWriting(name) else { return nil }
        defer { close(file) }
        guard flock(file, LOCK_EX) == 0 else { return nil }
        return try body()
    }

    /// Bytes that the file system has left for this user; nil where it does not say.
    package var freeBytes: Int? {
        var status = statvfs()
        guard fstatvfs(descriptor, &status) == 0, status.f_blocks > 0 else { return nil }
        let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(status.f_frsize))
        return overflow ? nil : bytes
    }
}
