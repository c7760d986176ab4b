// Responsible for: what the workers of this host that one user runs have reserved of its memory, so that together they
// offer no more than there is.
// Must not know: what a worker does with its memory.
import Foundation
import Sequences

/// A folder with one file for each worker that lives, which says how much memory it has reserved. A worker holds a lock on
/// its file; a file without one is that of a worker that has ended, however it did. Users and containers that do not
/// share the folder do not see each other's reservations, only what of them is in use already.
package struct MemoryLedger: Sendable {
    /// What a file says.
    struct Entry: Codable {
        var process: Int32
        var bytes: Int
        /// Where its memory is counted; "": nowhere.
        var group: String
        /// It makes room for others, down to what it needs.
        var isFlexible: Bool
        var neededBytes: Int
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

    /// `$XDG_RUNTIME_DIR/tandem/memory` where that can be written, else `/run/tandem/memory` where that is this user's, else
    /// `/tmp/tandem-UID`.
    static func standardFolder(
        in environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String {
        if let folder = environment["XDG_RUNTIME_DIR"], folder.hasPrefix("/"), access(folder, W_OK | X_OK) == 0 {
            return folder + "/tandem/memory"
        }
        var status = stat()
        let isOwn = lstat("/run/tandem", &status) == 0 ? status.st_uid == geteuid() : geteuid() == 0
        return isOwn && access("/run", F_OK) == 0 ? "/run/tandem/memory" : "/tmp/tandem-\(geteuid())"
    }

    /// Left of what is free for what a worker needs beside its offer: a tenth, and so much at least.
    package static let leastMargin = 32 << 20

    /// Reserves `wanted` bytes, or as many as these limits and other workers leave; nil: a fair part of what there is, all
    /// of it where no other worker lives. Workers that did not say how much they want make room down to that part.
    package func reserve(_ wanted: Int?, under limits: [MemoryLimit]) -> MemoryReservation? {
        guard let lock = lock() else { return Self.reserveAlone(wanted, under: limits) }
        defer { close(lock) }
        var others = entries()
        let free = limits.map { limit in
            let reserved = outstanding(of: others.map(\.entry), under: limit.scope)
            return (limit: limit, others: reserved, bytes: limit.freeBytes - min(reserved, limit.freeBytes))
        }
        guard let tightest = free.min(by: { $0.bytes < $1.bytes }) else { return nil }
        let most = Self.most(of: tightest.limit.freeBytes, wanted)
        let left = max(0, most - min(most, tightest.others))
        let flexible = others.indices.filter {
            others[$0].entry.isFlexible && shares(others[$0].entry, tightest.limit.scope)
        }
        let whole = flexible.reduce(left) { Self.sum($0, max(0, others[$1].entry.bytes)) }
        let part = min(whole, most) / (flexible.count + 1)
        var bytes = min(wanted ?? max(part, left), max(part, left))
        var missing = max(0, bytes - left)
        for index in flexible where missing > 0 {
            let entry = others[index].entry
            let least = max(part, entry.neededBytes, heldBytes(ofProcess: entry.process))
            let given = min(missing, max(0, entry.bytes - least))
            others[index].entry.bytes -= given
            if given > 0, write(others[index].entry, to: others[index].name) { missing -= given }
        }
        bytes -= missing
        let entry = Entry(
            process: getpid(), bytes: bytes, group: ControlGroups(system: system).memoryFolder,
            isFlexible: wanted == nil, neededBytes: 0)
        let name = "worker-\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 16))"
        let file = folder.make(name)
        if let file { flock(file, LOCK_EX) }
        if file != nil { _ = write(entry, to: name) }
        return MemoryReservation(
            bytes, tightest.limit, reservedByOthers: tightest.others, file: file.map { (self, name, $0) })
    }

    /// The same where no ledger can be kept.
    package static func reserveAlone(_ wanted: Int?, under limits: [MemoryLimit]) -> MemoryReservation? {
        guard let tightest = limits.min(by: { $0.freeBytes < $1.freeBytes }) else { return nil }
        let most = most(of: tightest.freeBytes, wanted)
        return MemoryReservation(min(wanted ?? most, most), tightest, reservedByOthers: 0, file: nil)
    }

    private static func most(of bytes: Int, _ wanted: Int?) -> Int {
        max(0, bytes - (wanted == nil ? max(bytes / 10, leastMargin) : leastMargin))
    }

    /// A worker needs so much of what it has reserved. False: others have been given it meanwhile.
    func need(_ bytes: Int, name: String, file: Int32) -> Bool {
        guard let lock = lock() else { return true }
        defer { close(lock) }
        guard var entry = Self.entry(file) else { return true }
        guard bytes <= entry.bytes else { return false }
        entry.neededBytes = bytes
        _ = write(entry, to: name)
        return true
    }

    /// Whoever reserves looks at all others, so one does at a time; nil: that cannot be had.
    private func lock() -> Int32? {
        guard let file = folder.openForWriting("lock") else { return nil }
        if flock(file, LOCK_EX) == 0 { return file }
        close(file)
        return nil
    }

    /// The bytes that each of `count` workers may ask for if they are to have equal parts of what this host leaves now;
    /// nil: nobody can tell.
    package static func share(of count: Int) -> Int? {
        let limits = MachineDescription.memoryLimits
        let reservation = (try? MemoryLedger())?.reserve(nil, under: limits) ?? reserveAlone(nil, under: limits)
        return reservation.map { max(1, ($0.bytes - min($0.bytes, (count - 1) * leastMargin)) / count) }
    }

    /// What the workers that live have reserved. Files of those that have ended go.
    private func entries() -> [(name: String, entry: Entry)] {
        folder.names.filter { $0.hasPrefix("worker-") }.sorted().compactMap { name in
            guard let file = folder.open(name) else { return nil }
            defer { close(file) }
            if flock(file, LOCK_SH | LOCK_NB) == 0 {
                folder.remove(name)
                return nil
            }
            return Self.entry(file).map { (name, $0) }
        }
    }

    /// Entries have one length, so that each is written in the place of the one before.
    private static let entryBytes = 4096

    /// What a file says; nil: nothing that can be read.
    static func entry(_ file: Int32) -> Entry? {
        var bytes = [UInt8](repeating: 0, count: entryBytes)
        let count = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, 0) }
        return count > 0 ? try? JSONDecoder().decode(Entry.self, from: Data(bytes[..<count])) : nil
    }

    private func write(_ entry: Entry, to name: String) -> Bool {
        guard let file = folder.openForWriting(name), var data = try? JSONEncoder().encode(entry),
            data.count <= Self.entryBytes
        else { return false }
        defer { close(file) }
        data.append(contentsOf: [UInt8](repeating: UInt8(ascii: " "), count: Self.entryBytes - data.count))
        return data.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) } == Self.entryBytes
    }

    private func shares(_ entry: Entry, _ scope: MemoryLimit.Scope) -> Bool {
        switch scope {
        case .host: true
        case .group(let folder): entry.group == folder || entry.group.hasPrefix(folder + "/")
        case .process: entry.process == getpid()
        }
    }

    /// Bytes of a limit's reservations that nobody holds yet: those that are held are not free anyway.
    private func outstanding(of entries: [Entry], under scope: MemoryLimit.Scope) -> Int {
        Dictionary(grouping: entries.filter { shares($0, scope) }, by: \.process).reduce(0) { sum, workers in
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
