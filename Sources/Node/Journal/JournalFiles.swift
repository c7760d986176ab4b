// Responsible for: a journal on a disk: segments that begin with all that counts, records behind them, and what becomes of
// both when the disk is full. Must not know: requests, threads, who waits for a record.
import Foundation
import Generation
import Sequences
import Wire

/// The files of one journal, owned by one thread. Each segment says everything from its first record on, so the newest one
/// that is whole in its beginning is enough; the one before is removed only when that is on the disk.
final class JournalFiles {
    /// `pwrite`, or what tests put in its place.
    typealias Write = (Int32, UnsafeRawBufferPointer, Int) -> Int

    private let folder: PrivateFolder
    let path: String
    let model: ContentHash
    private let segmentBytes: Int
    private let write: Write
    private let lock: Int32
    private(set) var state = JournalState()
    private var number = 0
    private var file: Int32 = -1
    /// Of the file, in bytes; what is behind is not whole.
    private(set) var length = 0
    /// Of the segment when it began.
    private var snapshotBytes = 0
    private(set) var segmentCount = 0
    /// Not all that happened is in the file: the next record goes to a new one.
    private var isBroken = false

    static let segmentBytes = 16 << 20
    /// Of one segment: what was longer is none of ours.
    private static let mostBytes = 1 << 30
    private static let suffix = ".journal"

    /// Opens the journal in a folder and makes it where there is none. Of another model, or another version, nothing is
    /// read. Throws where the folder cannot be used, or another process does.
    init(
        _ state: StateFolder, model: ContentHash, segmentBytes: Int = JournalFiles.segmentBytes,
        write: @escaping Write = { pwrite($0, $1.baseAddress, $1.count, off_t($2)) }
    ) throws(TandemError) {
        (folder, self.model, self.segmentBytes, self.write) = (try state.open(), model, segmentBytes, write)
        path = state.path
        lock = folder.openForWriting("lock") ?? -1
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw TandemError(
                "the journal in \(state.path) is another coordinator's that runs, or cannot be locked",
                kind: .forbidden, hint: "name another folder with \(.state), or do without it with \(.journal)")
        }
        for number in segments.reversed() {
            self.number = max(self.number, number)
            guard let bytes = folder.contents(of: Self.name(number), limit: Self.mostBytes) else { continue }
            let found = JournalState(JournalBytes.records(in: bytes).records)
            guard let other = found.model else { continue }
            if other == model { self.state = found }
            break
        }
        self.state.apply(.beginning(model: model))
        if let problem = beginSegment() {
            throw TandemError(
                "the journal in \(state.path) cannot be written: \(problem)", kind: .forbidden,
                hint: "free space on its disk, name another folder with \(.state), or do without it with \(.journal)")
        }
    }

    deinit {
        if file >= 0 { close(file) }
        if lock >= 0 { close(lock) }
    }

    private static func name(_ number: Int) -> String { String(format: "%08d", number) + suffix }

    /// Ascending.
    private var segments: [Int] {
        folder.names.filter { $0.hasSuffix(Self.suffix) }.compactMap { Int($0.dropLast(Self.suffix.count)) }
            .filter { $0 > 0 && $0 < .max }.sorted()
    }

    // MARK: Writing

    /// Adds records. `isDurable`: they survive whatever happens from here on. nil: they are there; else why not, and then
    /// they are not, but count for what is written next.
    func append(_ records: [JournalRecord], isDurable: Bool) -> String? {
        for record in records { state.apply(record) }
        if isBroken || length >= max(segmentBytes, 2 * snapshotBytes) {
            // All of them are in what a new segment begins with.
            if isBroken && !isDurable { return "the disk failed before" }
            return beginSegment()
        }
        let problem = put(records.flatMap { JournalBytes.framed($0) }, isDurable: isDurable)
        if problem != nil { isBroken = true }
        return problem
    }

    /// Nothing that was written before counts: what other files say takes its place. nil: it is safe.
    func begin(with records: [JournalRecord]) -> String? {
        state = JournalState([.beginning(model: model)] + records)
        return beginSegment()
    }

    /// A record that was not safe is as if it had not been.
    func forget(_ number: UInt64) { state.apply(.end(number: number)) }

    private func put(_ bytes: [UInt8], isDurable: Bool) -> String? {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(file, UnsafeRawBufferPointer(rebasing: $0[done...]), length + done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return giveUp() }
            done += count
        }
        if isDurable, fdatasync(file) != 0 { return giveUp() }
        length += bytes.count
        return nil
    }

    private func giveUp() -> String {
        let why = errno == 0 ? "nothing is taken" : String(cString: strerror(errno))
        _ = ftruncate(file, off_t(length))
        return why
    }

    /// A new file with all that counts; earlier ones go once it is on the disk.
    private func beginSegment() -> String? {
        let (name, passing) = (Self.name(number + 1), Self.name(number + 1) + ".new")
        folder.remove(passing)
        guard let next = folder.make(passing) else { return String(cString: strerror(errno)) }
        let before = (file, length)
        (file, length) = (next, 0)
        var problem = put(state.snapshot(model: model).flatMap { JournalBytes.framed($0) }, isDurable: true)
        if problem == nil, !folder.rename(passing, to: name) || !folder.sync() {
            problem = String(cString: strerror(errno))
        }
        if let problem {
            close(next)
            folder.remove(passing)
            (file, length) = before
            isBroken = true
            return problem
        }
        if before.0 >= 0 { close(before.0) }
        number += 1
        (snapshotBytes, isBroken) = (length, false)
        for old in segments where old != number { folder.remove(Self.name(old)) }
        segmentCount = segments.count
        return nil
    }
}
