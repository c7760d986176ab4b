// Memory straight from the operating system: zero-filled, page-aligned, backed by pages only where it is touched.
//
// Responsible for: one anonymous mapping and its end.
// Must not know: what lies in it.

import Glibc

/// One anonymous private mapping, unmapped when the last reference goes.
package final class AnonymousMemory: @unchecked Sendable {
    /// The first byte, at the start of a page (of a huge page where those were asked for).
    package let base: UnsafeMutableRawPointer
    /// Usable bytes.
    let byteCount: Int

    private static let hugePageBytes = 2 << 20

    private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int

    /// Maps `byteCount` bytes (none is possible).
    /// - Parameters:
    ///   - huge: ask for huge pages; for memory that is read as a whole, such as weights.
    ///   - purpose: what the memory is for, for the error.
    package init(byteCount: Int, huge: Bool = false, purpose: String) throws(InferenceError) {
        precondition(byteCount >= 0)
        let wantsHuge = huge && byteCount >= Self.hugePageBytes
        // Where the address space is small, the start of a huge page is given up before the memory is.
        let whole = wantsHuge ? Self.map(byteCount, slack: Self.hugePageBytes) : nil
        guard let (mapping, mappedBytes) = whole ?? Self.map(byteCount, slack: 0) else {
            throw .outOfMemory(bytes: byteCount, purpose: purpose)
        }
        self.byteCount = byteCount
        self.mapping = mapping
        self.mappedBytes = mappedBytes
        base = whole == nil ? mapping : mapping.alignedUp(toMultipleOf: Self.hugePageBytes)
        // Advice only: a kernel without huge pages is slower, not wrong.
        if wantsHuge { madvise(base, byteCount, MADV_HUGEPAGE) }
    }

    /// nil: the system does not give so much.
    private static func map(_ byteCount: Int, slack: Int) -> (UnsafeMutableRawPointer, Int)? {
        let (mappedBytes, overflow) = max(byteCount, 1).addingReportingOverflow(slack)
        guard !overflow,
            let mapping = mmap(
                nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            mapping != MAP_FAILED
        else { return nil }
        return (mapping, mappedBytes)
    }

    deinit {
        munmap(mapping, mappedBytes)
    }

    /// The bytes a mapping of `byteCount` bytes takes once wholly touched: whole pages.
    static func residentBytes(_ byteCount: Int) -> Int {
        let page = 4096
        return (byteCount + page - 1) / page * page
    }

    /// The mapping as values of one trivial type.
    func bound<Element: BitwiseCopyable>(to type: Element.Type) -> UnsafeMutableBufferPointer<Element> {
        let count = byteCount / MemoryLayout<Element>.stride
        return UnsafeMutableBufferPointer(start: base.bindMemory(to: type, capacity: count), count: count)
    }
}
