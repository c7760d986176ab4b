// Responsible for: how much memory this process can still take, and which of the limits that it has is the tightest.
// Must not know: what the memory is for, what other processes have asked for.
import Foundation
import Inference

/// One limit on the memory of this process, and how far it is from it.
package struct MemoryLimit: Sendable, Equatable {
    /// Who shares it.
    package enum Scope: Sendable, Equatable {
        case host
        /// All processes of a control group, and of those below it.
        case group(folder: String)
        case process
    }

    package var scope: Scope
    /// Bytes that can still be taken.
    package var freeBytes: Int
    /// For people, such as "the control group /sys/fs/cgroup/a".
    package var name: String

    /// A limit that leaves `freeBytes`.
    package init(_ scope: Scope, freeBytes: Int, name: String) {
        (self.scope, self.freeBytes, self.name) = (scope, max(0, freeBytes), name)
    }

    /// What a shell calls `ulimit -v` and `ulimit -d`, in bytes; nil: no limit.
    struct ResourceLimits: Sendable {
        var addressSpace: Int?
        var data: Int?

        static var current: ResourceLimits {
            ResourceLimits(addressSpace: limit(RLIMIT_AS), data: limit(RLIMIT_DATA))
        }

        private static func limit(_ resource: __rlimit_resource) -> Int? {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return nil }
            return Int(exactly: limit.rlim_cur)
        }
    }

    /// Address space and data that a process needs beside what it asks for: stacks and heaps of its threads.
    static var threadBytes: Int { (64 << 20) + UsableCores.count * (16 << 20) }

    /// Every limit that this process has. `system` stands before every path, for tests.
    static func all(system: String = "", resources: ResourceLimits = .current) -> [MemoryLimit] {
        var limits: [MemoryLimit] = []
        if let free = kibibytes("MemAvailable:", in: system + "/proc/meminfo") {
            limits.append(MemoryLimit(.host, freeBytes: free, name: "this host"))
        }
        for group in ControlGroups(system: system).memory {
            let free = group.limitBytes - min(group.usedBytes, group.limitBytes)
            limits.append(
                MemoryLimit(.group(folder: group.folder), freeBytes: free, name: "the control group \(group.folder)"))
        }
        let status = system + "/proc/self/status"
        if let most = resources.addressSpace {
            let used = kibibytes("VmSize:", in: status) ?? 0
            limits.append(
                MemoryLimit(
                    .process, freeBytes: most - min(most, used) - threadBytes, name: "the address space (ulimit -v)"))
        }
        if let most = resources.data {
            let used = kibibytes("VmData:", in: status) ?? 0
            limits.append(
                MemoryLimit(.process, freeBytes: most - min(most, used) - threadBytes, name: "data (ulimit -d)"))
        }
        return limits
    }

    /// The value behind `key` in a file of the kernel's, in bytes; nil where it is not there.
    static func kibibytes(_ key: String, in path: String) -> Int? {
        let line = ControlGroups.text(path).split(separator: "\n").first { $0.hasPrefix(key) }
        let word = line?.split { $0 == " " || $0 == "\t" }.dropFirst().first
        return word.flatMap { Int($0) }.map { $0.multipliedReportingOverflow(by: 1024) }
            .flatMap { $0.overflow ? nil : $0.partialValue }
    }
}
