// Responsible for: what doctor finds, from facts that a test makes up: each check says the good and the bad.
// Must not know: this host.
import Foundation
import Sequences
import Testing
import Transport
import Wire

@testable import Node

@Suite("Findings of doctor")
struct DoctorTests {
    /// A host on which all is well.
    private static let healthy: HostFacts = {
        var facts = HostFacts()
        facts.library = LibraryFacts(version: .init(4, 3, 4), hasCurve: true)
        facts.trials = [
            .init(probe: .refusing, outcome: .refused), .init(probe: .unattended, outcome: .refused),
            .init(probe: .admitting, outcome: .admitted(user: AdmissionProbe.user)),
        ]
        facts.statePath = "/s"
        facts.stateMode = 0o700
        facts.keyFiles = [.init(path: "/s/worker.key", mode: 0o600, isOwned: true, isPlain: true)]
        facts.ports = HostFacts.ports.map { .init(number: $0, isFree: true) }
        facts.ephemeralPorts = 32768...60999
        facts.addresses = [
            .init(interface: "lo", text: "127.0.0.1", isLoopback: true),
            .init(interface: "eth0", text: "192.0.2.7", isLoopback: false),
        ]
        facts.advertised = "192.0.2.7"
        facts.availableMemoryBytes = 8 << 30
        facts.addressSpace = .init(soft: .max, hard: .max)
        facts.coreCount = 4
        facts.instructionLevel = "avx2"
        facts.hugePages = "madvise"
        facts.governor = "performance"
        facts.folders = [
            .init(purpose: "weight cache", path: "/c", freeBytes: 100 << 30, isWritable: true),
            .init(purpose: "state", path: "/s", freeBytes: 100 << 30, isWritable: true),
        ]
        facts.openFiles = .init(soft: 1024, hard: 65536)
        facts.lockedMemory = .init(soft: 8 << 20, hard: 8 << 20)
        return facts
    }()

    @Test("A host on which all is well has nothing but that to tell")
    func healthy() {
        let findings = HostChecks.findings(Self.healthy)
        #expect(findings.allSatisfy { $0.status == .ok && $0.advice == nil && !$0.message.description.isEmpty })
        let checks = [
            "libzmq", "admission", "keys", "ports", "addresses", "memory", "processor", "huge pages", "governor",
            "disk",
            "open files", "locked memory",
        ]
        #expect(Set(findings.map(\.check)) == Set(checks))
    }

    /// One thing that is wrong, the check that finds it, how bad it is, and words of what it says.
    struct Ill: Sendable {
        let change: @Sendable (inout HostFacts) -> Void
        let check: String
        let status: Finding.Status
        let words: String

        init(
            _ check: String, _ status: Finding.Status, _ words: String,
            _ change: @escaping @Sendable (inout HostFacts) -> Void
        ) { (self.change, self.check, self.status, self.words) = (change, check, status, words) }
    }

    static let ills: [Ill] = [
        Ill("libzmq", .failure, "4.3.2") { $0.library.version = .init(4, 3, 2) },
        Ill("libzmq", .failure, "without CURVE") { $0.library.hasCurve = false },
        Ill("admission", .failure, "nobody knows") { $0.trials[0].outcome = .admitted(user: nil) },
        Ill("admission", .failure, "nobody knows") { $0.trials[1].outcome = .admitted(user: nil) },
        Ill("admission", .failure, "refuses a key that is admitted") { $0.trials[2].outcome = .refused },
        Ill("admission", .failure, "no descriptors") {
            $0.trials[0] = .init(probe: .refusing, reason: "no descriptors")
        },
        Ill("keys", .failure, "mode 644") { $0.keyFiles[0].mode = 0o644 },
        Ill("keys", .failure, "mode 640") { $0.keyFiles[0].mode = 0o640 },
        Ill("keys", .failure, "another user") { $0.keyFiles[0].isOwned = false },
        Ill("keys", .failure, "no plain file") { $0.keyFiles[0].isPlain = false },
        Ill("keys", .failure, "others may write into /s (mode 777)") { $0.stateMode = 0o777 },
        Ill("keys", .warning, "others may look into /s (mode 755)") { $0.stateMode = 0o755 },
        Ill("ports", .warning, "port 7071 is in use") { $0.ports[1].isFree = false },
        Ill("ports", .warning, "1024 to 65535, 7070, 7071, 7072, 7080 among them") { $0.ephemeralPorts = 1024...65535 },
        Ill("addresses", .warning, "no address but loopback") { $0.addresses.removeLast() },
        Ill("addresses", .warning, "no way leads") { $0.advertised = nil },
        Ill("memory", .warning, "only 100.0 MiB") { $0.availableMemoryBytes = 100 << 20 },
        Ill("memory", .warning, "does not tell") { $0.availableMemoryBytes = nil },
        Ill("memory", .warning, "2.0 GiB of addresses") { $0.addressSpace = .init(soft: 2 << 30, hard: .max) },
        Ill("processor", .warning, "without AVX2") { $0.instructionLevel = "portable" },
        Ill("huge pages", .warning, "are off") { $0.hugePages = "never" },
        Ill("governor", .warning, "powersave") { $0.governor = "powersave" },
        Ill("disk", .warning, "/c has only 1.0 MiB free") { $0.folders[0].freeBytes = 1 << 20 },
        Ill("disk", .failure, "state folder /s has only 1.0 KiB") { $0.folders[1].freeBytes = 1 << 10 },
        Ill("disk", .failure, "/c cannot be written") { $0.folders[0].isWritable = false },
        Ill("open files", .failure, "at most 48") { $0.openFiles = .init(soft: 48, hard: 48) },
        Ill("open files", .warning, "at most 1024") { $0.openFiles = .init(soft: 1024, hard: 1024) },
    ]

    @Test("Each thing that is wrong is found by one check, with what to do", arguments: ills.indices)
    func ill(index: Int) {
        let ill = Self.ills[index]
        var facts = Self.healthy
        ill.change(&facts)
        let bad = HostChecks.findings(facts).filter { $0.status != .ok }
        #expect(
            bad.count == 1 && bad.first?.check == ill.check && bad.first?.status == ill.status, "\(ill.words): \(bad)")
        #expect(bad.first?.message.description.contains(ill.words) == true && bad.first?.advice != nil, "\(bad)")
    }

    @Test("Where the system tells nothing, nothing is wrong; where there are no keys yet, neither")
    func unknown() {
        var facts = Self.healthy
        (facts.hugePages, facts.governor, facts.ephemeralPorts) = (nil, nil, nil)
        (facts.openFiles, facts.lockedMemory, facts.addressSpace, facts.stateMode) = (nil, nil, nil, nil)
        #expect(HostChecks.findings(facts).allSatisfy { $0.status == .ok })
        #expect(HostFacts.range(of: "32768\t60999\n") == 32768...60999 && HostFacts.range(of: "9 1") == nil)
        #expect(HostFacts.range(of: "1 99999") == nil && HostFacts.range(of: nil) == nil)
        #expect(HostFacts.chosen(in: "always [madvise] never") == "madvise" && HostFacts.chosen(in: "x") == nil)
    }

    @Test("This host's facts are those of its kernel, and its libzmq keeps what it promises")
    func gathered() throws {
        let folder = NSTemporaryDirectory() + "tandem-doctor-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, mode) in [("worker.key", 0o600), ("client.key", 0o644), ("notes.txt", 0o644)] {
            let path = folder + "/" + name
            try "x".write(toFile: path, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        symlink("/dev/null", folder + "/z.key")
        let facts = HostFacts.gather(statePath: folder, environment: ["XDG_CACHE_HOME": folder + "/a/b"])
        #expect(facts.keyFiles.map(\.mode).prefix(2) == [0o644, 0o600])
        #expect(facts.keyFiles.map(\.isPlain) == [true, true, false])
        #expect(HostChecks.admission(facts).map(\.status) == [.ok])
        #expect(HostChecks.keys(facts).count == 2)
        #expect(
            facts.folders.map(\.path) == [folder + "/a/b/tandem", folder] && facts.folders.allSatisfy(\.isWritable))
        #expect(
            facts.addresses.contains { $0.text == "127.0.0.1" && $0.isLoopback } && (facts.openFiles?.hard ?? 0) > 0)
    }

    private static func trips(_ seconds: Double..., aheadSeconds: Double? = nil) -> [RoundTrip] {
        seconds.map { seconds in
            var trip = RoundTrip(seconds: seconds, theirClock: 0, ourClock: 0)
            trip.aheadSeconds = aheadSeconds
            return trip
        }
    }

    /// Findings about a cluster of two workers, "b (7)" and "c (8)", where `change` says what was measured of it.
    private static func measured(
        _ change: (inout Measurements, inout ClusterFacts, inout StatusReply) -> Void
    ) -> [Finding] {
        var reply = StatusReply()
        (reply.build, reply.modelName, reply.isServing) = ("9.9", "m", true)
        var found = Measurements()
        for (number, host) in [(UInt64(1), "b"), (2, "c")] {
            var worker = WorkerStatus(id: WorkerID(number))
            (worker.hostName, worker.processID, worker.state) = (host, Int32(6 + number), "ready")
            (worker.instructionLevel, worker.build) = ("avx2", "9.9")
            reply.workers.append(worker)
            found.clocks.append(
                .init(worker: worker.id, roundTripMicroseconds: 300, aheadMicroseconds: Int64(number) * 1000))
            found.links.append(
                .init(
                    from: worker.id, to: nil, link: .weights,
                    figures: LinkFigures(roundTripMicroseconds: 200, bytesPerSecond: 1.1e8)))
        }
        found.links.append(
            .init(
                from: WorkerID(1), to: WorkerID(2), link: .next,
                figures: LinkFigures(roundTripMicroseconds: 210, bytesPerSecond: 1.2e8)))
        var facts = ClusterFacts(address: "a:1")
        facts.roundTrips = trips(0.001, aheadSeconds: -0.25)
        change(&found, &facts, &reply)
        facts.status = ClusterStatus(reply)
        if facts.unmeasured == nil { facts.measurements = ClusterMeasurements(found) }
        return ClusterChecks.findings(facts, build: "9.9")
    }

    @Test("Of measured links: what each carries, which are slow, which do not answer, and that nothing was disturbed")
    func links() {
        let good = Self.measured { _, _, _ in }
        #expect(good.allSatisfy { $0.status == .ok })
        let speeds = good.filter { $0.check == "speed" }.map { "\($0.message)" }
        #expect(
            speeds == [
                "b (7) to the coordinator (weights): 0.20 ms there and back, 110 MB/s",
                "c (8) to the coordinator (weights): 0.20 ms there and back, 110 MB/s",
                "b (7) to c (8) (steps): 0.21 ms there and back, 120 MB/s",
            ])
        func bad(_ change: (inout Measurements, inout ClusterFacts, inout StatusReply) -> Void) -> [String] {
            Self.measured(change).filter { $0.status != .ok }.map { "\($0.status) \($0.check) \($0.message)" }
        }
        #expect(
            bad { found, _, _ in found.links[2].figures.roundTripMicroseconds = 12_000 }
                == ["warning speed b (7) to c (8) (steps): 12.00 ms there and back, 120 MB/s"])
        #expect(
            bad { found, _, _ in found.links[0].figures.bytesPerSecond = 2.5e6 }
                == ["warning speed b (7) to the coordinator (weights): 0.20 ms there and back, 2.5 MB/s"])
        #expect(
            bad { found, _, _ in found.links[2].figures = LinkFigures() }
                == ["warning speed b (7) to c (8) (steps): no answer when it was measured"])
        #expect(
            bad { found, _, _ in found.clocks.removeLast() }
                == ["warning speed c (8) did not answer when it was to measure its links"])
        #expect(
            bad { _, facts, _ in facts.unmeasured = TandemError("it is older") }
                == ["warning speed links were not measured: it is older"])
        let busy = Self.measured { found, _, _ in
            found.wasBusy = true
            for index in found.links.indices { found.links[index].figures.bytesPerSecond = 0 }
        }
        #expect(busy.allSatisfy { $0.status == .ok })
        #expect(busy.contains { "\($0.message)".hasPrefix("answers are being computed") })
    }

    @Test("Of clocks: by how much they differ, and whose by more than two seconds; of versions: whose is another")
    func clocks() {
        let good = Self.measured { _, _, _ in }.filter { $0.check == "clocks" }
        #expect(good.map { "\($0.message)" } == ["3 clocks differ by 250.00 ms at most"])
        func bad(_ change: (inout Measurements, inout ClusterFacts, inout StatusReply) -> Void) -> [String] {
            Self.measured(change).filter { $0.status != .ok }.map { "\($0.status) \($0.check) \($0.message)" }
        }
        #expect(
            bad { _, facts, _ in facts.roundTrips = Self.trips(0.001, aheadSeconds: 2.5) }
                == ["warning clocks the clock of the coordinator is 2.5 s ahead of that of this host"])
        #expect(
            bad { found, _, _ in found.clocks[1].aheadMicroseconds = -3_600_000_000 }
                == ["warning clocks the clock of c (8) is 3600.0 s behind that of the coordinator"])
        #expect(
            bad { found, facts, _ in
                (facts.roundTrips, found.clocks[0].aheadMicroseconds) = (Self.trips(0.001), nil)
            }.isEmpty)
        #expect(
            bad { _, _, reply in reply.workers[1].build = "9.8" }
                == ["warning version c (8) is of version 9.8, the coordinator of 9.9; they understand each other"])
        let trip = RoundTrip(seconds: 0.5, theirClock: 10_000_000, ourClock: 4_000_000)
        #expect(trip.aheadSeconds == 6.25)
    }

    @Test("Of a cluster: who does not answer, who is slow, who is set aside, who is of another version")
    func cluster() {
        var reply = StatusReply()
        (reply.build, reply.modelName, reply.isServing) = ("9.9", "m", true)
        var worker = WorkerStatus(id: WorkerID(1))
        (worker.hostName, worker.processID, worker.state, worker.instructionLevel) = ("b", 7, "ready", "avx2")
        var stage = StageStatus(worker: worker.id)
        (stage.steps, stage.total.wire) = (10, 5_000)
        (reply.workers, reply.stages) = ([worker], [stage])
        func bad(_ change: (inout StatusReply, inout ClusterFacts) -> Void) -> [String] {
            var (changed, facts) = (reply, ClusterFacts(address: "a:1"))
            facts.roundTrips = Self.trips(0.001, 0.002, 0.003)
            change(&changed, &facts)
            if facts.failure == nil { facts.status = ClusterStatus(changed) }
            return ClusterChecks.findings(facts, build: "9.9").filter { $0.status != .ok }.map {
                "\($0.status) \($0.message)"
            }
        }
        #expect(bad { _, _ in }.isEmpty)
        #expect(
            bad { _, facts in facts.roundTrips = Self.trips(0.1, 0.2, 0.3) }.first?.contains("slowly: 200.00 ms")
                == true)
        #expect(bad { _, facts in facts.failure = TandemError("nobody answers") } == ["failure nobody answers"])
        #expect(
            bad { reply, _ in reply.build = "9.8" }.first?.hasPrefix("warning the coordinator is of version 9.8")
                == true)
        #expect(
            bad { reply, _ in (reply.isServing, reply.state) = (false, "waiting for workers") }
                == ["failure it does not serve: waiting for workers"])
        #expect(bad { reply, _ in reply.workers[0].state = "set aside: x" } == ["warning b (7) is set aside: x"])
        #expect(
            bad { reply, _ in reply.stages[0].total.wire = 100_000 } == [
                "warning a step is 10.00 ms on its way to b (7)"
            ])
    }
}
