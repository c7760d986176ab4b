// Responsible for: the way of a journal's records to the loop that sends them to a standby, in order. Must not know: sockets,
// what is in a record.
import Sequences
import Synchronization
import Transport
import Wire

/// What goes from a journal's thread to the loop. The thread never waits for the loop: where there is no room, the mirror is
/// broken, and a new one begins with all that counts.
final class JournalMirror: Sendable {
    /// Records that follow each other, as they lie on a disk.
    struct Part: Sendable {
        var records: [UInt8]
        /// What was sent before counts for nothing.
        var begins = false
        /// Those who hear that a request was accepted once the standby has it.
        var waiting: [Waiting] = []
        /// All that was posted to the journal before is in the parts before.
        var isEnd = false
    }

    /// A request that is safe on this disk.
    struct Waiting: Sendable {
        let number: UInt64
        let continuation: CheckedContinuation<Result<UInt64, TandemError>, Never>

        func accept() { continuation.resume(returning: .success(number)) }
    }

    /// Clients are told that a request was accepted only when the standby has it, too.
    let isAwaited: Bool
    private let parts: Mailbox<Part>
    private let broken = Atomic<Bool>(false)

    /// Of one part, unless a record is longer.
    private static let partBytes = 1 << 20

    init(isAwaited: Bool, waking waker: Waker) {
        self.isAwaited = isAwaited
        parts = Mailbox(capacity: 1 << 14, waking: waker)
    }

    /// Not all that was to go through it did.
    var isBroken: Bool { broken.load(ordering: .acquiring) }

    func breakOff() { broken.store(true, ordering: .releasing) }

    func drain() -> [Part] { parts.drain() }

    /// Takes no more; who waits for what is in it need not.
    func close() {
        parts.close()
        for part in parts.drain() { for waiting in part.waiting { waiting.accept() } }
    }

    /// From the journal's thread.
    func put(_ records: [JournalRecord], begins: Bool = false, waiting: [Waiting] = [], isEnd: Bool = false) {
        var all: [Part] = []
        var part = Part(records: [], begins: begins)
        for record in records {
            let bytes = JournalBytes.framed(record)
            if !part.records.isEmpty, part.records.count + bytes.count > Self.partBytes {
                all.append(part)
                part = Part(records: [])
            }
            part.records += bytes
        }
        (part.waiting, part.isEnd) = (isAwaited ? waiting : [], isEnd)
        all.append(part)
        let isThere = all.allSatisfy { parts.post($0) }
        if !isThere { breakOff() }
        if !isAwaited || !isThere { for waiting in waiting { waiting.accept() } }
    }
}
