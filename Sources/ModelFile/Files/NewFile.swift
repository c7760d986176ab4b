// A file that is being written: nobody sees it before it is complete, and nothing is left of one that was given up.
// Knows no format.
import Foundation
import Sequences

/// A new file. It has no name until `commit`, so that not even a killed process leaves half of one; where the file
/// system cannot do that, it has a temporary name in the same folder, which goes with this object.
final class NewFile {
    private let path: String
    private let replacing: Bool
    private let descriptor: Int32
    /// nil while the file has no name.
    private var temporaryName: String?

    /// Refuses a path that something else than a file has, or a file unless `replacing`, and a folder that cannot be
    /// written or (`byteCount`) has too little room.
    init(path: String, replacing: Bool, byteCount: Int) throws(ModelFileError) {
        self.path = path
        self.replacing = replacing
        let folder = DiskFolder.parent(of: path).folder.path
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw ModelFileError(
                    .wrongFileKind, file: path, "is there already, and is no regular file",
                    hint: "name a file to be made")
            }
            guard replacing else { throw Self.exists(path) }
        }
        guard try DiskFile.kind(of: folder) == .folder else {
            throw ModelFileError(
                .notFound, file: folder, "there is no such folder to write \(path) into", hint: "make the folder first")
        }
        try Self.checkRoom(in: folder, for: byteCount)
        // O_TMPFILE of <fcntl.h>, whose definition is no number.
        let unnamed = 0o20000000 | O_DIRECTORY
        var descriptor: Int32 = -1
        if access("/proc/self/fd", X_OK) == 0 {
            descriptor = Foundation.open(folder, unnamed | O_WRONLY | O_CLOEXEC, 0o666)
        }
        if descriptor < 0 {
            let name = Self.temporaryName(for: path)
            descriptor = Foundation.open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o666)
            if descriptor >= 0 { temporaryName = name }
        }
        guard descriptor >= 0 else { throw Self.unwritable(path, "cannot be written") }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
        if let temporaryName { unlink(temporaryName) }
    }

    /// Appends bytes.
    func write(_ bytes: [UInt8]) throws(ModelFileError) {
        var failure: ModelFileError?
        bytes.withUnsafeBytes { bytes in
            do throws(ModelFileError) { try write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count == 0 || errno != EINTR {
                throw Self.unwritable(path, "cannot be written")
            }
        }
    }

    /// Brings the content to the disk and gives the file its name.
    func commit() throws(ModelFileError) {
        guard fsync(descriptor) == 0 else { throw Self.unwritable(path, "cannot be written") }
        if temporaryName == nil {
            let name = replacing ? Self.temporaryName(for: path) : path
            unlinkStale(name)
            guard linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 else {
                throw errno == EEXIST ? Self.exists(path) : Self.unwritable(path, "cannot be named")
            }
            if replacing { temporaryName = name }
        }
        if let name = temporaryName {
            if !replacing, try DiskFile.kind(of: path) != .missing { throw Self.exists(path) }
            guard rename(name, path) == 0 else { throw Self.unwritable(path, "cannot be named") }
            temporaryName = nil
        }
        let folder = Foundation.open(DiskFolder.parent(of: path).folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }

    /// Takes away what an earlier process of the same number left under a temporary name.
    private func unlinkStale(_ name: String) {
        if name != path { unlink(name) }
    }

    private static func temporaryName(for path: String) -> String {
        let (folder, name) = DiskFolder.parent(of: path)
        return "\(folder.path)/.\(name).\(getpid()).partial"
    }

    /// Asks the file system first, so that hours of work do not end in a full disk.
    private static func checkRoom(in folder: String, for byteCount: Int) throws(ModelFileError) {
        var status = statvfs()
        guard statvfs(folder, &status) == 0, status.f_blocks > 0 else { return }
        let (free, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(status.f_frsize))
        guard overflow || free >= byteCount else {
            throw ModelFileError(
                .unwritable, file: folder, field: "free space", value: "\(free) bytes",
                "the file needs \(byteCount)", hint: "free some space, or write to another disk")
        }
    }

    private static func exists(_ path: String) -> ModelFileError {
        ModelFileError(
            .exists, file: path, "already exists", hint: "choose another name, or add \(.force) to replace it")
    }

    private static func unwritable(_ path: String, _ problem: String) -> ModelFileError {
        let isForbidden = errno == EACCES || errno == EPERM
        return ModelFileError(
            isForbidden ? .forbidden : .unwritable, file: path, "\(problem): \(String(cString: strerror(errno)))",
            hint: isForbidden ? "write to a folder of your own" : nil)
    }
}
