// What tells whether the bytes of a file may have changed. Knows no format.
import Foundation

/// Which file it is and when it was last changed. Whoever writes to a file can restore its size and its time of
/// modification, but not the time of its last change, which the system keeps.
package struct FileState: Sendable, Hashable, CustomStringConvertible {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int
    private let modified: Int
    /// Nanoseconds since 1970: the system's own time of the last change of content, name or attributes.
    package let changedNanoseconds: Int

    /// That of an open file; nil where the system does not say.
    package init?(ofDescriptor descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        modified = status.st_mtim.tv_sec &* 1_000_000_000 &+ status.st_mtim.tv_nsec
        changedNanoseconds = status.st_ctim.tv_sec &* 1_000_000_000 &+ status.st_ctim.tv_nsec
    }

    package var description: String { "\(device):\(inode) \(size) \(modified) \(changedNanoseconds)" }
}
