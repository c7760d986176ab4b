// Responsible for: which limits on memory and processors are found in the files of a kernel, given as folders of samples.
// Must not know: this machine.
import Foundation
import Testing

@testable import Generation

/// The files of a kernel as a test has written them.
final class SampleSystem {
    let folder: TemporaryFolder

    init(_ files: [String: String]) throws {
        folder = try TemporaryFolder()
        for (path, text) in files {
            let file = folder.file(String(path.dropFirst()))
            try FileManager.default.createDirectory(
                atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try text.write(toFile: file, atomically: false, encoding: .utf8)
        }
    }

    var path: String { folder.path }
}

@Suite("Limits on memory and processors")
struct MemoryLimitTests {
    private static let unlimited = MemoryLimit.ResourceLimits(addressSpace: nil, data: nil)
    private static let version2 = "41 31 0:38 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    private static let mebi = 1 << 20

    private func limits(
        _ files: [String: String], _ resources: MemoryLimit.ResourceLimits = unlimited
    ) throws -> [MemoryLimit] {
        let system = try SampleSystem(files)
        return withExtendedLifetime(system) { MemoryLimit.all(system: system.path, resources: resources) }
    }

    private func tightest(_ files: [String: String]) throws -> MemoryLimit? {
        try limits(files).min { $0.freeBytes < $1.freeBytes }
    }

    @Test("Without control groups the host's available memory counts, and without anything nothing is known")
    func host() throws {
        let meminfo = "MemTotal:       24000000 kB\nMemFree: 5 kB\nMemAvailable:   1024 kB\n"
        #expect(try limits(["/proc/meminfo": meminfo]) == [MemoryLimit(.host, freeBytes: Self.mebi, name: "this host")])
        #expect(try limits([:]) == [])
        #expect(try limits(["/proc/meminfo": "MemAvailable:\nMemAvailable: x kB\n"]) == [])
    }

    @Test(
        "The groups above count as well, what their files use of the page cache does not, and high is a limit like max")
    func nested() throws {
        var files = [
            "/proc/meminfo": "MemAvailable: 24000000 kB\n", "/proc/self/mountinfo": Self.version2,
            "/proc/self/cgroup": "0::/a/b\n",
            "/sys/fs/cgroup/cgroup.procs": "1\n",
            "/sys/fs/cgroup/a/memory.max": "\(400 * Self.mebi)\n",
            "/sys/fs/cgroup/a/memory.high": "max\n",
            "/sys/fs/cgroup/a/memory.current": "\(300 * Self.mebi)\n",
            "/sys/fs/cgroup/a/memory.stat": "anon 5\nfile 7\ninactive_file \(250 * Self.mebi)\n",
            "/sys/fs/cgroup/a/b/memory.max": "max\n",
            "/sys/fs/cgroup/a/b/memory.current": "\(60 * Self.mebi)\n",
        ]
        let outer = try tightest(files)
        #expect(outer?.freeBytes == 350 * Self.mebi)
        #expect(outer?.scope == .group(folder: "/sys/fs/cgroup/a"))
        files["/sys/fs/cgroup/a/b/memory.high"] = "\(100 * Self.mebi)"
        #expect(try tightest(files)?.freeBytes == 40 * Self.mebi)
        files["/sys/fs/cgroup/a/b/memory.current"] = "\(200 * Self.mebi)"
        #expect(try tightest(files)?.freeBytes == 0)
    }

    @Test("Of version 1 the limit counts, also one above that a container does not see")
    func versionOne() throws {
        let mount = "36 31 0:33 /docker/7f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
        var files = [
            "/proc/self/mountinfo": mount, "/proc/self/cgroup": "5:cpu,cpuacct:/docker/7f\n4:memory:/docker/7f\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes": "\(90 * Self.mebi)\n",
            "/sys/fs/cgroup/memory/memory.stat":
                "cache 4\ninactive_file 1\nhierarchical_memory_limit \(512 * Self.mebi)\ntotal_inactive_file \(40 * Self.mebi)\n",
        ]
        #expect(try tightest(files)?.freeBytes == 462 * Self.mebi)
        files["/sys/fs/cgroup/memory/memory.limit_in_bytes"] = "\(160 * Self.mebi)\n"
        #expect(try tightest(files)?.freeBytes == 110 * Self.mebi)
    }

    @Test("Version 1 beside version 2, as on a host that changes over")
    func hybrid() throws {
        let files = [
            "/proc/self/mountinfo":
                "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n22 1 0:5 / / rw - ext4 /dev/x rw\n",
            "/proc/self/cgroup": "4:memory:/svc\n1:name=systemd:/x\n0::/svc\n",
            "/sys/fs/cgroup/unified/svc/cgroup.procs": "",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes": "12345678\n",
            "/sys/fs/cgroup/memory/svc/memory.limit_in_bytes": "\(100 * Self.mebi)\n",
            "/sys/fs/cgroup/memory/svc/memory.usage_in_bytes": "\(30 * Self.mebi)\n",
        ]
        #expect(try tightest(files)?.freeBytes == 70 * Self.mebi)
        #expect(try tightest(files)?.name == "the control group /sys/fs/cgroup/memory/svc")
    }

    @Test(
        "A group that this namespace cannot name, or whose folder is gone, is taken for the nearest that can be seen",
        arguments: [("/../../x", "/"), ("/gone/deeper", "/"), ("/", "/../.."), ("/elsewhere", "/docker/7f")])
    func namespaces(group: String, root: String) throws {
        let files = [
            "/proc/self/mountinfo": "41 31 0:38 \(root) /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            "/proc/self/cgroup": "0::\(group)\n",
            "/sys/fs/cgroup/memory.max": "\(300 * Self.mebi)\n", "/sys/fs/cgroup/memory.current": "0\n",
        ]
        #expect(try tightest(files)?.freeBytes == 300 * Self.mebi)
    }

    @Test("Lines that are none, and numbers that are none, limit nothing")
    func garbage() throws {
        let files = [
            "/proc/meminfo": "MemAvailable: 2048 kB\n",
            "/proc/self/mountinfo":
                "41 31\n- - -\n\n41 31 0:38 / /a\\040b rw - cgroup2 cgroup2 rw\n41 31 0:38 / /c rw -\n",
            "/proc/self/cgroup": "0:\n::\nx\n0::/\n",
            "/a b/memory.max": "99999999999999999999999\n", "/a b/memory.high": "-\n", "/a b/memory.current": "\n",
        ]
        #expect(try limits(files).map(\.scope) == [.host])
    }

    @Test("The size that a shell allows a process counts, less what threads need beside the offer")
    func shell() throws {
        let files = ["/proc/self/status": "Name:\tx\nVmSize:\t  204800 kB\nVmData:\t 102400 kB\n"]
        let found = try limits(files, .init(addressSpace: 1 << 30, data: 512 << 20))
        let (space, data) = ((1 << 30) - (200 << 20), (512 << 20) - (100 << 20))
        #expect(found.map(\.freeBytes) == [space, data].map { $0 - MemoryLimit.threadBytes })
        #expect(try limits(files, .init(addressSpace: 100 << 20, data: nil)).map(\.freeBytes) == [0])
    }

    @Test("A quota of processors' time is whole processors, at least one, and never more than there are")
    func quotas() throws {
        func cores(_ files: [String: String]) throws -> Int {
            let system = try SampleSystem(files)
            return withExtendedLifetime(system) {
                MachineDescription.coreCount(ControlGroups(system: system.path), usable: 8)
            }
        }
        var files = ["/proc/self/mountinfo": Self.version2, "/proc/self/cgroup": "0::/a\n"]
        #expect(try cores(files) == 8)
        for (text, count) in [
            ("max 100000", 8), ("250000 100000", 2), ("50000 100000\n", 1), ("9900000 100000", 8), ("1 0", 8), ("", 8),
        ] {
            files["/sys/fs/cgroup/a/cpu.max"] = text
            #expect(try cores(files) == count, "\(text)")
        }
        files["/sys/fs/cgroup/cpu.max"] = "300000 100000"
        #expect(try cores(files) == 3)
        let old = [
            "/proc/self/mountinfo": "32 31 0:29 / /cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
            "/proc/self/cgroup": "3:cpu,cpuacct:/\n", "/cpu/cpu.cfs_quota_us": "400000\n",
            "/cpu/cpu.cfs_period_us": "100000\n",
        ]
        #expect(try cores(old) == 4)
    }
}
