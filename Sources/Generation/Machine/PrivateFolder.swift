// Responsible for: a folder that belongs to the user who runs this, and files in it that nobody else can have put there.
// Must not know: what is in the files.
import Foundation
import Sequences

/// A folder that was checked when it was opened, and is used through its descriptor from then on: whatever its path
/// leads to later, files are those of this folder. No symbolic link is followed in it; a file counts only if it is a
/// regular one of this user with one name, which nobody else may write to.
package final class PrivateFolder: Sendable {
    package let path: String
    /// Others could look into it until it was opened here.
    package let wasOpenToOthers: Bool
    private let descriptor: Int32

    /// Opens the folder, and makes it, and those above it, where there is none. Throws where it is not this user's own.
    /// `hint` says what else to do then.
    package init(_ path: String, hint: Sentence) throws(TandemError) {
        self.path = path
        Self.make(path)
        descriptor = Foundation.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            let problem: Sentence =
                errno == ELOOP || (errno == ENOTDIR && Self.isLink(path))
                ? "the folder \(path) is a symbolic link, which is not followed"
                : "the folder \(path) cannot be opened or made: \(String(cString: strerror(errno)))"
            throw TandemError(problem, hint: hint)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_uid == geteuid() else {
            close(descriptor)
            throw TandemError(
                "the folder \(path) belongs to another user (number \(status.st_uid))", kind: .forbidden, hint: hint)
        }
        wasOpenToOthers = status.st_mode & 0o077 != 0
        guard !wasOpenToOthers || fchmod(descriptor, 0o700) == 0 else {
            close(descriptor)
            throw TandemError(
                "the folder \(path) is open to others, and that cannot be changed", kind: .forbidden, hint: hint)
        }
        guard faccessat(descriptor, ".", W_OK | X_OK, 0) == 0 else {
            close(descriptor)
            throw TandemError("the folder \(path) cannot be written", hint: hint)
        }
    }

    deinit { close(descriptor) }

    private static func make(_ path: String) {
        var folder = ""
        for name in path.split(separator: "/") {
            folder += (folder.isEmpty && !path.hasPrefix("/") ? "" : "/") + name
            mkdir(folder, 0o700)
        }
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    // MARK: Files. A descriptor is the caller's to close.

    /// Opens a file for reading; nil: there is none that counts.
    package func open(_ name: String) -> Int32? {
        own(openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0))
    }

    /// Opens a file for reading and writing, and makes it where there is none; nil: what has this name does not count, or
    /// no file can be made (`errno` says why).
    package func openForWriting(_ name: String) -> Int32? {
        own(openat(descriptor, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600))
    }

    /// Makes a file that was not there; nil: it cannot be made (`errno` says why).
    package func make(_ name: String) -> Int32? {
        let file = openat(descriptor, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        return file >= 0 ? file : nil
    }

    /// The descriptor if its file counts. Modes of this user's own files that let others read are tightened.
    private func own(_ file: Int32) -> Int32? {
        guard file >= 0 else { return nil }
        var status = stat()
        let isOwn =
            fstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
            && status.st_uid == geteuid() && status.st_mode & 0o022 == 0
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

    /// The names of all entries.
    package var names: [String] {
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

    /// Puts a small file in place of what had its name; false: it cannot (`errno` says why).
    package func write(_ bytes: [UInt8], to name: String) -> Bool {
        let passing = "\(name).\(String(UInt64.random(in: 0 ... .max), radix: 16)).new"
        guard let file = make(passing) else { return false }
        defer { close(file) }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(file, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(done))
            }
            guard count > 0 else {
                remove(passing)
                return false
            }
            done += count
        }
        if rename(passing, to: name) { return true }
        remove(passing)
        return false
    }

    /// Bytes that the file system has left for this user; nil where it does not say.
    package var freeBytes: Int? {
        var status = statvfs()
        guard fstatvfs(descriptor, &status) == 0, status.f_blocks > 0 else { return nil }
        let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(status.f_frsize))
        return overflow ? nil : bytes
    }
}
