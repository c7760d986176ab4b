// Responsible for: a coordinator's journal as its disk has it: what was not made safe may be lost with the process. Must not
// know: what records are for.

import Wire

/// The bytes of one journal.
struct SimulatedDisk {
    private var bytes: [UInt8] = []
    /// So many are safe.
    private var safeCount = 0

    var state: JournalState { JournalState(JournalBytes.records(in: bytes).records) }

    mutating func write(_ record: JournalRecord) { bytes += JournalBytes.framed(record) }

    mutating func sync() { safeCount = bytes.count }

    /// The process ends: of what is not safe any part may be there, and its last bytes may be wrong.
    mutating func crash(_ random: inout SeededRandom) {
        let kept = safeCount + random.below(bytes.count - safeCount + 1)
        bytes.removeLast(bytes.count - kept)
        if kept > safeCount, random.chance(30) { bytes[kept - 1] ^= 1 << UInt8(random.below(8)) }
    }

    /// A new process begins with what counts of it.
    mutating func begin(model: ContentHash) -> [JournalState.Entry] {
        let state = state
        bytes = state.snapshot(model: model).flatMap { JournalBytes.framed($0) }
        sync()
        return state.entries
    }
}
