// Responsible for: one tensor on its way into the cache.
// Must not know: who sends it.
import Foundation
import Generation
import ModelFile
import Sequences
import Wire

/// A tensor being received. Used by one thread.
package final class PartialTensor {
    private let folder: PrivateFolder
    private let finalName: String
    private let name: String
    private let expected: ContentHash
    private let byteCount: Int
    private let descriptor: Int32
    private let verified: VerifiedFiles

    private var sharedName: String { finalName + ".partial" }

    /// Another process of this user may fill the same tensor at the same time; then this one writes a file of its own.
    init(
        _ folder: PrivateFolder, _ digest: ContentHash, byteCount: Int, verified: VerifiedFiles
    ) throws(TandemError) {
        (self.folder, self.expected, self.byteCount, self.verified) = (folder, digest, byteCount, verified)
        finalName = digest.description
        let shared = digest.description + ".partial"
        let file = Self.shared(shared, in: folder)
        if let file, flock(file, LOCK_EX | LOCK_NB) == 0, folder.isName(shared, of: file) {
            (name, descriptor) = (shared, file)
        } else {
            if let file { close(file) }
            name = digest.description + ".\(String(UInt64.random(in: 0 ... .max), radix: 16)).partial"
            guard let own = folder.make(name) else { throw Self.failure("made", folder) }
            descriptor = own
        }
        if length == 0 { copyStart() }
    }

    /// The file that all of this user's workers fill, locked by one of them. What has its name and is no file of this user
    /// alone (a link to somewhere else, a pipe) loses the name.
    private static func shared(_ name: String, in folder: PrivateFolder) -> Int32? {
        if let file = folder.openForWriting(name) { return file }
        guard [ELOOP, EPERM, ENXIO].contains(errno) else { return nil }
        folder.remove(name)
        return folder.openForWriting(name)
    }

    /// What another process has received so far counts for this one too, which may have been told to go on from there.
    /// Whatever is missing or torn is found when the whole is hashed, and fetched again.
    private func copyStart() {
        guard let source = folder.open(finalName) ?? (name == sharedName ? nil : folder.open(sharedName)) else {
            return
        }
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
        if name != sharedName { folder.remove(name) }
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
            guard count > 0 else { throw Self.failure("written", folder) }
            done += count
        }
    }

    /// Once all bytes are written: checks them and gives the file its final name. False: they are wrong, and gone.
    package func finish() throws(TandemError) -> Bool {
        guard length == byteCount, try hash() == expected, folder.isName(name, of: descriptor) else {
            folder.remove(name)
            return false
        }
        guard folder.rename(name, to: finalName) else { throw Self.failure("renamed", folder) }
        if folder.isName(finalName, of: descriptor), let state = FileState(ofDescriptor: descriptor) {
            verified.note(expected, state)
        }
        return true
    }

    private func hash() throws(TandemError) -> ContentHash {
        do throws(ModelFileError) {
            let file = try DiskFile(descriptor: dup(descriptor), name: folder.path + "/" + name)
            return try ContentHash(byteCount: file.size) { offset, buffer throws(ModelFileError) in
                try file.read(at: offset, into: buffer)
            }
        } catch { throw TandemError(error) }
    }

    private static func failure(_ verb: String, _ folder: PrivateFolder) -> TandemError {
        let isFull = errno == ENOSPC || errno == EDQUOT
        let problem: Sentence =
            isFull
            ? "the disk of the weight cache \(folder.path) is full"
            : "a cached tensor in \(folder.path) cannot be \(verb): \(String(cString: strerror(errno)))"
        return TandemError(
            problem, kind: .unavailable,
            hint: "free disk space there, or set XDG_CACHE_HOME to a folder on another disk")
    }
}
