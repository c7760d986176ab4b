// Responsible for: tensors kept on disk by their content, shared by all workers of this host and user.
// Must not know: who sends them, which layers they belong to, what is in them.
import Foundation
import Generation
import ModelFile
import Sequences
import Wire

/// A folder with one file a tensor, named by the tensor's digest: `$XDG_CACHE_HOME/tandem/weights/<sha256>`.
/// A tensor on its way lies in `<sha256>.partial`, locked by the worker that fills it. A complete file is never removed
/// and only ever replaced as a whole: other workers may be reading it.
package struct WeightCache: Sendable {
    let folder: String

    /// What the cache holds of a tensor.
    package enum Holding: Equatable { case nothing, partial(bytes: Int), complete }

    /// Uses (and makes) the user's cache folder, or `folder`. Throws where it cannot be made or written.
    package init(folder: String? = nil) throws(TandemError) {
        self.folder = folder ?? Self.baseFolder + "/weights"
        do { try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true) } catch {
            throw TandemError(
                "the cache folder \(self.folder) cannot be made",
                hint: "set XDG_CACHE_HOME to a folder that can be written")
        }
        guard access(self.folder, W_OK) == 0 else {
            throw TandemError(
                "the cache folder \(self.folder) cannot be written",
                hint: "set XDG_CACHE_HOME to a folder that can be written")
        }
    }

    /// 32 random bytes, written when the cache was made; nil where they cannot be kept.
    package var identity: ContentHash? {
        let path = folder + "/identity"
        if let data = FileManager.default.contents(atPath: path), let known = ContentHash(data) { return known }
        let fresh = (0..<ContentHash.byteCount).map { _ in UInt8.random(in: 0...255) }
        guard (try? Data(fresh).write(to: URL(fileURLWithPath: path), options: .atomic)) != nil else { return nil }
        // Of two processes that made one at the same moment, the later one's counts for both from the next start on.
        return FileManager.default.contents(atPath: path).flatMap { ContentHash($0) }
    }

    /// `$XDG_CACHE_HOME/tandem`, by default `~/.cache/tandem`.
    package static var baseFolder: String { baseFolder(in: ProcessInfo.processInfo.environment) }

    static func baseFolder(in environment: [String: String]) -> String {
        UserFolder.path("XDG_CACHE_HOME", else: ".cache", in: environment) + "/tandem"
    }

    func path(_ digest: ContentHash) -> String { folder + "/" + digest.description }

    /// What lies here of a tensor with `byteCount` bytes. A complete file was verified when it was written; it is
    /// verified again when it is loaded.
    package func holding(_ digest: ContentHash, byteCount: Int) -> Holding {
        if fileSize(path(digest)) == byteCount { return .complete }
        switch fileSize(path(digest) + ".partial") {
        case let size? where size > 0 && size <= byteCount: return .partial(bytes: size)
        default: return .nothing
        }
    }

    /// Whether a complete tensor has the bytes that its name promises.
    package func check(_ digest: ContentHash) throws(TandemError) -> Bool {
        guard fileSize(path(digest)) != nil else { return false }
        return try Self.hash(path(digest)) == digest
    }

    /// The hash of a whole file.
    fileprivate static func hash(_ path: String) throws(TandemError) -> ContentHash {
        do throws(ModelFileError) {
            let file = try DiskFile(path: path)
            return try ContentHash(byteCount: file.size) { offset, buffer throws(ModelFileError) in
                try file.read(at: offset, into: buffer)
            }
        } catch { throw TandemError(error) }
    }

    /// Opens a tensor to be filled from where it was left.
    package func open(_ digest: ContentHash, byteCount: Int) throws(TandemError) -> PartialTensor {
        try PartialTensor(finalPath: path(digest), digest: digest, byteCount: byteCount)
    }

    private func fileSize(_ path: String) -> Int? {
        var info = stat()
        return stat(path, &info) == 0 ? Int(info.st_size) : nil
    }
}

/// A tensor being received. Used by one thread.
package final class PartialTensor {
    private let finalPath: String
    private let path: String
    private let expected: ContentHash
    private let byteCount: Int
    private let descriptor: Int32

    /// Another process of this user may fill the same tensor at the same time; then this one writes a file of its own.
    fileprivate init(finalPath: String, digest: ContentHash, byteCount: Int) throws(TandemError) {
        (self.finalPath, self.expected, self.byteCount) = (finalPath, digest, byteCount)
        let shared = finalPath + ".partial"
        let file = Glibc.open(shared, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        if file >= 0, flock(file, LOCK_EX | LOCK_NB) == 0, Self.isNamed(file, shared) {
            (path, descriptor) = (shared, file)
        } else {
            if file >= 0 { close(file) }
            path = finalPath + ".\(String(UInt64.random(in: 0 ... .max), radix: 16)).partial"
            descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw Self.failure("made", path) }
        }
        if length == 0 { copyStart() }
    }

    /// Whether a path still leads to the file that was opened by it: until the lock was ours, another may have renamed
    /// the file, which then is a complete tensor that nobody may write to.
    private static func isNamed(_ descriptor: Int32, _ path: String) -> Bool {
        var (opened, named) = (stat(), stat())
        return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino
            && opened.st_dev == named.st_dev
    }

    /// What another process has received so far counts for this one too, which may have been told to go on from there.
    /// Whatever is missing or torn is found when the whole is hashed, and fetched again.
    private func copyStart() {
        var source = Glibc.open(finalPath, O_RDONLY | O_CLOEXEC)
        if source < 0, path != finalPath + ".partial" {
            source = Glibc.open(finalPath + ".partial", O_RDONLY | O_CLOEXEC)
        }
        guard source >= 0 else { return }
        defer { close(source) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset = 0
        while offset < byteCount {
            let count = pread(source, &buffer, min(buffer.count, byteCount - offset), off_t(offset))
            guard count > 0, pwrite(descriptor, buffer, count, off_t(offset)) == count else { return }
            offset += count
        }
    }

    deinit {
        close(descriptor)
        if path != finalPath + ".partial" { unlink(path) }
    }

    /// Bytes that are there already: where to go on. Writes that follow go on from there without a gap.
    package var length: Int {
        var info = stat()
        return fstat(descriptor, &info) == 0 ? min(Int(info.st_size), byteCount) : 0
    }

    /// Puts bytes at their place. Throws where the disk is full or fails.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(TandemError) {
        precondition(offset >= 0 && offset + bytes.count <= byteCount, "bytes beyond the tensor's end")
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            guard count > 0 else { throw Self.failure("written", path) }
            done += count
        }
    }

    /// Once all bytes are written: checks them and gives the file its final name. False: they are wrong, and gone.
    package func finish() throws(TandemError) -> Bool {
        guard length == byteCount, try WeightCache.hash(path) == expected else {
            unlink(path)
            return false
        }
        guard rename(path, finalPath) == 0 else { throw Self.failure("renamed", path) }
        return true
    }

    fileprivate static func failure(_ verb: String, _ path: String) -> TandemError {
        TandemError(
            "the cached tensor \(path) cannot be \(verb): \(String(cString: strerror(errno)))",
            hint: "free disk space there, or set XDG_CACHE_HOME to another folder")
    }
}
