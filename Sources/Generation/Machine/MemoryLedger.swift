// Responsible for: what the workers of this host that one user runs have reserved of its memory, so that together they
// offer no more than there is.
// Must not know: what a worker does with its memory.
import Foundation
import Sequences

/// A folder with one file for each worker that lives, which says how much memory it has reserved. A worker holds a lock on
/// its file; a file without one is that of a worker that has ended, however it did. Users and containers that do not
/// share the folder do not see each other's reservations, only what of them is in use already.
package struct MemoryLedger: Sendable {
    /// What a worker may take, and why it is no more. The reservation ends with the last reference.
    package final class Reservation: Sendable {
        package let bytes: Int
        /// The tightest limit.
        package let limit: MemoryLimit
        /// Bytes under that limit which other workers have reserved and do not hold yet.
        package let reservedByOthers: Int
        private let file: Int32?

        fileprivate init(_ bytes: Int, _ limit: MemoryLimit, reservedByOthers: Int, file: Int32?) {
            (self.bytes, self.limit, self.reservedByOthers, self.file) = (bytes, limit, reservedByOthers, file)
        }

        deinit { if let file { close(file) } }
    }

    /// What a file says.
    private struct Entry: Codable {
        var process: Int32
        var bytes: Int
        /// Where its memory is counted; "": nowhere.
        var group: String
    }

    private let folder: PrivateFolder
    private let system: String

    /// Opens the ledger of this user, or the one in `folder`. Throws where there is no folder that only this user can
    /// change. `system` stands before every path of the kernel's, for tests.
    package init(folder: String? = nil, system: String = "") throws(TandemError) {
        self.folder = try PrivateFolder(
            folder ?? Self.standardFolder(), hint: "set XDG_RUNTIME_DIR to a folder of your own")
        self.system = system
    }

    /// `$XDG_RUNTIME_DIR/tandem/memory`, `/run/tandem/memory` where that is this user's, `/tmp/tandem-UID`.
    static func standardFolder(
        in environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String {
        if let folder = environment["XDG_RUNTIME_DIR"], folder.hasPrefix("/") { return folder + "/tandem/memory" }
        var status = stat()
        let isOwn = lstat("/run/tandem", &status) == 0 ? status.st_uid == geteuid() : geteuid() == 0
        return isOwn && access("/run", F_OK) == 0 ? "/run/tandem/memory" : "/tmp/tandem-\(geteuid())"
    }

    /// Left of what is free for what a worker needs beside its offer: a tenth, and so much at least.
    package static let leastMargin = 32 << 20

    /// Reserves `wanted` bytes, or as many as these limits and other workers leave; nil: all of them.
    package func reserve(_ wanted: Int?, under limits: [MemoryLimit]) -> Reservation? {
        // Whoever reserves looks at all others, so one does at a time.
        guard let lock = folder.openForWriting("lock"), flock(lock, LOCK_EX) == 0 else {
            return Self.reserve(wanted, under: limits, reservedByOthers: { _ in 0 }, file: nil)
        }
        defer { close(lock) }
        let others = entries()
        let group = ControlGroups(system: system).memoryFolder
        let name = "worker-\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 16))"
        let file = folder.make(name)
        if let file { flock(file, LOCK_EX) }
        let reservation = Self.reserve(
            wanted, under: limits, reservedByOthers: { outstanding(of: others, under: $0.scope) }, file: file)
        guard let reservation, let file else { return reservation }
        let entry = Entry(process: getpid(), bytes: reservation.bytes, group: group)
        let bytes = (try? JSONEncoder().encode(entry)) ?? Data()
        _ = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
        return reservation
    }

    /// The bytes that each of `count` workers may ask for if they are to have equal parts of what this host leaves now;
    /// nil: nobody can tell.
    package static func share(of count: Int) -> Int? {
        let limits = MachineDescription.memoryLimits
        let reservation = (try? MemoryLedger())?.reserve(nil, under: limits) ?? reserveAlone(nil, under: limits)
        return reservation.map { max(1, ($0.bytes - min($0.bytes, (count - 1) * leastMargin)) / count) }
    }

    /// The same where no ledger can be kept.
    package static func reserveAlone(_ wanted: Int?, under limits: [MemoryLimit]) -> Reservation? {
        reserve(wanted, under: limits, reservedByOthers: { _ in 0 }, file: nil)
    }

    private static func reserve(
        _ wanted: Int?, under limits: [MemoryLimit], reservedByOthers: (MemoryLimit) -> Int, file: Int32?
    ) -> Reservation? {
        let free = limits.map { limit in
            let others = reservedByOthers(limit)
            return (limit: limit, others: others, bytes: max(0, limit.freeBytes - min(others, limit.freeBytes)))
        }
        guard let tightest = free.min(by: { $0.bytes < $1.bytes }) else {
            if let file { close(file) }
            return nil
        }
        let margin = wanted == nil ? max(tightest.bytes / 10, leastMargin) : leastMargin
        let most = max(0, tightest.bytes - margin)
        return Reservation(
            min(wanted ?? most, most), tightest.limit, reservedByOthers: tightest.others, file: file)
    }

    /// What the workers that live have reserved. Files of those that have ended go.
    private func entries() -> [Entry] {
        folder.names.filter { $0.hasPrefix("worker-") }.compactMap { name in
            guard let file = folder.open(name) else { return nil }
            defer { close(file) }
            if flock(file, LOCK_SH | LOCK_NB) == 0 {
                folder.remove(name)
                return nil
            }
            return folder.contents(of: name, limit: 4096).flatMap {
                try? JSONDecoder().decode(Entry.self, from: Data($0))
            }
        }
    }

    /// Bytes of a limit's reservations that nobody holds yet: those that are held are not free anyway.
    private func outstanding(of entries: [Entry], under scope: MemoryLimit.Scope) -> Int {
        let sharing = entries.filter { entry in
            switch scope {
            case .host: true
            case .group(let folder): entry.group == folder || entry.group.hasPrefix(folder + "/")
            case .process: entry.process == getpid()
            }
        }
        return Dictionary(grouping: sharing, by: \.process).reduce(0) { sum, workers in
            let reserved = workers.value.reduce(0) { Self.sum($0, max(0, $1.bytes)) }
            return Self.sum(sum, max(0, reserved - heldBytes(ofProcess: workers.key)))
        }
    }

    private static func sum(_ first: Int, _ second: Int) -> Int {
        let (sum, overflow) = first.addingReportingOverflow(second)
        return overflow ? .max : sum
    }

    /// Memory that a process has to itself; 0 where nobody tells.
    private func heldBytes(ofProcess process: Int32) -> Int {
        MemoryLimit.kibibytes("RssAnon:", in: system + "/proc/\(process)/status") ?? 0
    }
}
