// Files and folders on disk, opened for reading only. Knows no format.
//
// Weights are read with `pread` and never mapped: pages of a mapped file count as our memory, and a file that shrinks
// while mapped kills the process. What was read stays in the system's page cache, which gives way to any program that
// needs memory: other workers of this host and the next start read the same file.
import Foundation
import Sequences

/// One regular file, closed when the last reference goes.
package final class DiskFile: ByteSource {
    package let name: String
    /// Bytes when it was opened.
    package let size: Int
    private let descriptor: Int32

    /// What a path leads to.
    enum Kind { case file, folder, missing }

    static func kind(of path: String) throws(ModelFileError) -> Kind {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return .missing }
            throw Self.refusal(path, "cannot be opened")
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .folder
        default:
            throw ModelFileError(
                .wrongFileKind, file: path, "is neither a file nor a folder (a pipe, a socket or a device)",
                hint: "save the model as a file first; it is read at several places at once")
        }
    }

    /// Opens a regular file. Throws where there is none or it cannot be read.
    package convenience init(path: String) throws(ModelFileError) {
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw Self.refusal(path, "cannot be opened")
        }
        try self.init(descriptor: descriptor, name: path)
    }

    /// A file that somebody has opened; from now on it is closed here. Throws where it is not a regular one.
    package init(descriptor: Int32, name: String) throws(ModelFileError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw ModelFileError(.wrongFileKind, file: name, "is not a regular file")
        }
        self.descriptor = descriptor
        self.name = name
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Of the file that was opened, which need not be the one that its path leads to by now.
    package var state: FileState? { FileState(ofDescriptor: descriptor) }

    /// Fills the whole of `buffer` from byte `offset` on. Throws where the file has too few bytes or cannot be read.
    package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ModelFileError) {
        try checkRange(at: offset, count: buffer.count)
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 {
                throw ModelFileError(
                    .truncated, file: name, field: "size", value: size, "the file became shorter while it was in use")
            } else if errno != EINTR {
                throw Self.refusal(name, "cannot be read at \(offset)")
            }
        }
    }

    /// What the system's last error means for a file that is to be read.
    private static func refusal(_ path: String, _ problem: String) -> ModelFileError {
        let isForbidden = errno == EACCES || errno == EPERM
        return ModelFileError(
            isForbidden ? .forbidden : .unreadable, file: path, "\(problem): \(String(cString: strerror(errno)))",
            hint: isForbidden ? "ask its owner for leave to read it" : nil)
    }
}

/// A folder on disk.
struct DiskFolder: ModelFolder {
    let path: String

    func names() throws(ModelFileError) -> [String] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw ModelFileError(.unreadable, file: path, "the folder cannot be listed")
        }
        guard names.count <= FileLimits.folderEntries else {
            throw ModelFileError(
                .limitExceeded, file: path, field: "entries", value: names.count,
                "is above the limit of \(FileLimits.folderEntries)")
        }
        return names.sorted()
    }

    func open(_ name: String) throws(ModelFileError) -> (any ByteSource)? {
        let path = self.path.hasSuffix("/") ? self.path + name : self.path + "/" + name
        switch try DiskFile.kind(of: path) {
        case .missing: return nil
        case .folder: throw ModelFileError(.wrongFileKind, file: path, "is a folder, not a file")
        case .file: return try DiskFile(path: path)
        }
    }

    /// The folder that holds the file at `path`, and the file's name in it.
    static func parent(of path: String) -> (folder: DiskFolder, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (DiskFolder(path: "."), path) }
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        return (DiskFolder(path: folder), String(path[path.index(after: slash)...]))
    }
}
