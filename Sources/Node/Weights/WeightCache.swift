// Responsible for: tensors kept on disk by their content, shared by all workers of this host and user.
// Must not know: who sends them, which layers they belong to, what is in them.
import Cluster
import Foundation
import Generation
import ModelFile
import Sequences
import Synchronization
import Wire

/// A folder with one file a tensor, named by the tensor's digest: `$XDG_CACHE_HOME/tandem/weights/<sha256>`.
/// A tensor on its way lies in `<sha256>.partial`, locked by the worker that fills it. A complete file is never removed
/// and only ever replaced as a whole: other workers may be reading it.
///
/// What is read is what was hashed: a process hashes a file before it uses it for the first time, and again when the file
/// is another or was changed since, which the system's own time of its last change tells.
package struct WeightCache: Sendable {
    let folder: PrivateFolder
    private let verified = VerifiedFiles()

    /// What the cache holds of a tensor.
    package enum Holding: Equatable { case nothing, partial(bytes: Int), complete }

    /// Uses (and makes) the user's cache folder, or `folder`. Throws where it is not this user's alone, or cannot be made
    /// or written.
    package init(folder: String? = nil) throws(TandemError) {
        self.folder = try PrivateFolder(
            folder ?? Self.baseFolder + "/weights", called: "weight cache",
            hint: "set XDG_CACHE_HOME to a folder of your own")
    }

    /// 32 random bytes, written when the cache was made; nil where they cannot be kept.
    package var identity: ContentHash? {
        let limit = ContentHash.byteCount
        if let bytes = folder.contents(of: "identity", limit: limit), let known = ContentHash(bytes) { return known }
        guard folder.write((0..<limit).map { _ in UInt8.random(in: 0...255) }, to: "identity") else { return nil }
        // Of two processes that made one at the same moment, the later one's counts for both from the next start on.
        return folder.contents(of: "identity", limit: limit).flatMap { ContentHash($0) }
    }

    /// `$XDG_CACHE_HOME/tandem`, by default `~/.cache/tandem`.
    package static var baseFolder: String { baseFolder(in: ProcessInfo.processInfo.environment) }

    static func baseFolder(in environment: [String: String]) -> String {
        UserFolder.path("XDG_CACHE_HOME", else: ".cache", in: environment) + "/tandem"
    }

    /// What lies here of a tensor with `byteCount` bytes. `check` tells whether a complete one is what it should be.
    package func holding(_ digest: ContentHash, byteCount: Int) -> Holding {
        if size(digest.description) == byteCount { return .complete }
        switch size(digest.description + ".partial") {
        case let size? where size > 0 && size <= byteCount: return .partial(bytes: size)
        default: return .nothing
        }
    }

    private func size(_ name: String) -> Int? {
        guard let file = folder.open(name) else { return nil }
        defer { close(file) }
        var status = stat()
        return fstat(file, &status) == 0 ? Int(status.st_size) : nil
    }

    /// Whether a complete tensor has the bytes that its name promises; hashes it unless it was hashed as it is now.
    package func check(_ digest: ContentHash) throws(TandemError) -> Bool {
        do { return try verifiedFile(digest) != nil } catch { throw TandemError(error) }
    }

    /// Fills the whole of `buffer` with the bytes of a complete tensor from `offset` on. Throws where they cannot be read,
    /// or may not be those that were hashed.
    func read(
        _ digest: ContentHash, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        // Opened for each read: reads are large, and a worker holds no descriptor for each of its tensors.
        guard let (file, state) = try verifiedFile(digest) else {
            throw changed(digest, "is gone or has other bytes than its name promises")
        }
        try file.read(at: offset, into: buffer)
        guard file.state == state else { throw changed(digest, "was changed while it was read") }
    }

    private func changed(_ digest: ContentHash, _ problem: String) -> ModelFileError {
        ModelFileError(
            .mismatch, file: folder.path + "/\(digest)", "the cached tensor \(problem)",
            hint: "let nothing but tandem write to its cache")
    }

    /// The file of a complete tensor with the bytes that its name promises, and its state; nil: there is none.
    private func verifiedFile(_ digest: ContentHash) throws(ModelFileError) -> (DiskFile, FileState)? {
        guard let descriptor = folder.open(digest.description) else { return nil }
        let file = try DiskFile(descriptor: descriptor, name: folder.path + "/\(digest)")
        guard let state = file.state, try verified.check(digest, state, file) else { return nil }
        return (file, state)
    }

    /// Opens a tensor to be filled from where it was left.
    package func open(_ digest: ContentHash, byteCount: Int) throws(TandemError) -> PartialTensor {
        try PartialTensor(folder, digest, byteCount: byteCount, verified: verified)
    }

    /// Throws where the disk has no room for so many bytes more.
    func checkRoom(for byteCount: Int) throws(TandemError) {
        guard byteCount > 0, let free = folder.freeBytes, free < byteCount else { return }
        throw TandemError(
            "the disk of the weight cache \(folder.path) has \(bytesText(UInt64(max(0, free)))) free, but the layers of "
                + "this worker need \(bytesText(UInt64(byteCount))) more there", kind: .unavailable,
            hint: "free disk space there, or set XDG_CACHE_HOME to a folder on another disk")
    }
}

/// The files that this process has hashed, each in the state in which it had the bytes that its name promises.
final class VerifiedFiles: Sendable {
    private let states = Mutex<[ContentHash: FileState]>([:])

    func note(_ digest: ContentHash, _ state: FileState) { states.withLock { $0[digest] = state } }

    /// Whether an open file in this state has the right bytes. Threads that ask at the same time wait for one of them to
    /// hash it.
    func check(_ digest: ContentHash, _ state: FileState, _ file: DiskFile) throws(ModelFileError) -> Bool {
        let result = states.withLock { states -> Result<Bool, ModelFileError> in
            if states[digest] == state { return .success(true) }
            return Result { () throws(ModelFileError) in
                let hash = try ContentHash(byteCount: file.size) { offset, buffer throws(ModelFileError) in
                    try file.read(at: offset, into: buffer)
                }
                guard hash == digest, file.state == state else { return false }
                states[digest] = state
                return true
            }
        }
        return try result.get()
    }
}
