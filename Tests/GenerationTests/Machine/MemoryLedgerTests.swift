// Responsible for: what several workers of one host may reserve together. Must not know: workers.
import Foundation
import Synchronization
import Testing

@testable import Generation

@Suite("Memory that workers of one host reserve")
struct MemoryLedgerTests {
    private static let gibi = 1 << 30
    private static let host = MemoryLimit(.host, freeBytes: 10 << 30, name: "this host")
    private static let margin = MemoryLedger.leastMargin

    private let folder: TemporaryFolder
    private let system: SampleSystem

    init() throws {
        folder = try TemporaryFolder()
        system = try SampleSystem([
            "/proc/self/mountinfo": "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cgroup.procs": "",
        ])
    }

    private var ledger: MemoryLedger {
        get throws { try MemoryLedger(folder: folder.file("ledger"), system: system.path) }
    }

    @Test(
        "The first gets what is free but for a tenth; those that come make the others give way, and all have equal parts"
    )
    func several() throws {
        var kept: [MemoryReservation] = []
        for count in 1...6 {
            kept.append(try #require(try ledger.reserve(nil, under: [Self.host])))
            #expect(kept.reduce(0) { $0 + $1.bytes } <= 9 * Self.gibi)
            #expect(kept.allSatisfy { abs($0.bytes - 9 * Self.gibi / count) < 100 })
        }
        #expect(kept[1].reservedByOthers == 9 * Self.gibi)
    }

    @Test("Nobody gives way below what it needs, and what was given away cannot be needed any more")
    func needs() throws {
        let first = try #require(try ledger.reserve(nil, under: [Self.host]))
        #expect(first.need(7 * Self.gibi))
        let second = try #require(try ledger.reserve(nil, under: [Self.host]))
        #expect(first.bytes == 7 * Self.gibi && second.bytes == 2 * Self.gibi)
        #expect(!first.need(7 * Self.gibi + 1) && first.need(1))
        let third = try #require(try ledger.reserve(3 * Self.gibi, under: [Self.host]))
        #expect(third.bytes == 3 * Self.gibi && !third.need(3 * Self.gibi + 1) && third.need(3 * Self.gibi))
        #expect(first.bytes + second.bytes + third.bytes <= 10 * Self.gibi)
        // Who said how much it wants keeps it.
        _ = try ledger.reserve(nil, under: [Self.host])
        #expect(third.bytes == 3 * Self.gibi)
    }

    @Test("What is asked for is given where it is free, and what is left otherwise")
    func wanted() throws {
        let first = try ledger.reserve(6 * Self.gibi, under: [Self.host])
        let second = try ledger.reserve(6 * Self.gibi, under: [Self.host])
        #expect(first?.bytes == 6 * Self.gibi)
        #expect(second?.bytes == 4 * Self.gibi - Self.margin)
        #expect(try ledger.reserve(1, under: [Self.host])?.bytes == 0)
    }

    @Test("A reservation ends with its worker, however that ends")
    func ending() throws {
        var first = try ledger.reserve(9 * Self.gibi, under: [Self.host])
        #expect(try ledger.reserve(nil, under: [Self.host])?.reservedByOthers == 9 * Self.gibi)
        withExtendedLifetime(first) {}
        first = nil
        #expect(try ledger.reserve(nil, under: [Self.host])?.reservedByOthers == 0)
        // One that was killed leaves its file, and no lock.
        let left = Data(#"{"process":1,"bytes":9000000000,"group":"/sys/fs/cgroup/a"}"#.utf8)
        let path = folder.file("ledger/worker-1-0")
        #expect(FileManager.default.createFile(atPath: path, contents: left, attributes: [.posixPermissions: 0o600]))
        #expect(try ledger.reserve(nil, under: [Self.host])?.reservedByOthers == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("Memory that a worker holds already is not counted twice")
    func held() throws {
        let first = try #require(try ledger.reserve(6 * Self.gibi, under: [Self.host]))
        let status = system.folder.file("proc/\(getpid())")
        try FileManager.default.createDirectory(atPath: status, withIntermediateDirectories: true)
        try "RssAnon:\t 4194304 kB\n".write(toFile: status + "/status", atomically: false, encoding: .utf8)
        #expect(try ledger.reserve(nil, under: [Self.host])?.reservedByOthers == 2 * Self.gibi)
        withExtendedLifetime(first) {}
    }

    @Test("Workers in control groups apart do not share their groups' limits")
    func groups() throws {
        let first = try #require(try ledger.reserve(6 * Self.gibi, under: [Self.host]))
        func limit(_ folder: String) -> MemoryLimit {
            MemoryLimit(.group(folder: folder), freeBytes: 8 * Self.gibi, name: folder)
        }
        #expect(try ledger.reserve(nil, under: [limit("/sys/fs/cgroup/a")])?.reservedByOthers == 6 * Self.gibi)
        #expect(try ledger.reserve(nil, under: [limit("/sys/fs/cgroup")])?.reservedByOthers == 6 * Self.gibi)
        #expect(try ledger.reserve(nil, under: [limit("/sys/fs/cgroup/ab")])?.reservedByOthers == 0)
        withExtendedLifetime(first) {}
    }

    @Test("Of a hundred that reserve at the same moment none is forgotten")
    func atOnce() async throws {
        let ledger = try ledger
        let kept = Mutex<[MemoryReservation]>([])
        DispatchQueue.concurrentPerform(iterations: 100) { _ in
            guard let mine = ledger.reserve(Self.gibi, under: [Self.host]) else { return }
            kept.withLock { $0.append(mine) }
        }
        let bytes = kept.withLock { $0.map(\.bytes) }
        #expect(bytes.count == 100 && bytes.reduce(0, +) <= 10 * Self.gibi)
        #expect(bytes.reduce(0, +) > 9 * Self.gibi)
    }

    @Test("Garbage in the folder is no reservation, and no reason to fail")
    func garbage() throws {
        let ledger = try ledger
        let path = folder.file("ledger")
        try FileManager.default.createSymbolicLink(
            atPath: path + "/worker-2-0", withDestinationPath: "/dev/zero")
        mkfifo(path + "/worker-3-0", 0o600)
        let text = Data(
            #"{"process":-1,"bytes":9223372036854775807,"group":"","isFlexible":false,"neededBytes":0}"#.utf8)
        let names = ["worker-4-0", "worker-5-0"]
        var locks: [Int32] = []
        for name in names {
            try text.write(to: URL(fileURLWithPath: path + "/" + name))
            locks.append(open(path + "/" + name, O_RDWR))
            flock(locks[locks.count - 1], LOCK_EX)
        }
        // These are locked and say that they hold everything: nothing is left, and nothing overflows.
        #expect(ledger.reserve(nil, under: [Self.host])?.bytes == 0)
        for lock in locks { close(lock) }
        #expect(ledger.reserve(nil, under: [Self.host])?.bytes == 9 * Self.gibi)
    }

    @Test("The folder is this user's: under the session's, else /run where that is theirs, else /tmp")
    func place() {
        #expect(MemoryLedger.standardFolder(in: ["XDG_RUNTIME_DIR": folder.path]) == folder.path + "/tandem/memory")
        for runtime in ["relative", "/dev/null/missing"] {
            let other = MemoryLedger.standardFolder(in: ["XDG_RUNTIME_DIR": runtime])
            #expect(["/run/tandem/memory", "/tmp/tandem-\(geteuid())"].contains(other))
        }
    }
}
