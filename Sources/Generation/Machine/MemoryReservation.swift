// Responsible for: the memory that one worker has reserved, as long as it lives.
// Must not know: what a worker does with its memory.
import Foundation

/// What a worker may take, and why it was no more at first. The reservation ends with the last reference.
package final class MemoryReservation: Sendable {
    /// The tightest limit when it was made.
    package let limit: MemoryLimit
    /// Bytes under that limit which other workers had reserved then and did not hold yet.
    package let reservedByOthers: Int
    private let firstBytes: Int
    private let file: (ledger: MemoryLedger, name: String, descriptor: Int32)?

    init(
        _ bytes: Int, _ limit: MemoryLimit, reservedByOthers: Int,
        file: (ledger: MemoryLedger, name: String, descriptor: Int32)?
    ) {
        (firstBytes, self.limit, self.reservedByOthers, self.file) = (bytes, limit, reservedByOthers, file)
    }

    deinit { if let file { close(file.descriptor) } }

    /// Bytes reserved now: fewer than at first where other workers have come, and made this one give way.
    package var bytes: Int {
        guard let file, let entry = MemoryLedger.entry(file.descriptor) else { return firstBytes }
        return max(0, min(entry.bytes, firstBytes))
    }

    /// So much of it is needed from now on, and no other worker is given it. False: it is not reserved (any more).
    package func need(_ bytes: Int) -> Bool {
        guard bytes <= firstBytes else { return false }
        return file.map { $0.ledger.need(bytes, name: $0.name, file: $0.descriptor) } ?? true
    }
}
