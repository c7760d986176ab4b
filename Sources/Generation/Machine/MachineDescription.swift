// Responsible for: what this host has: name, cores, memory.
import Foundation
import Inference
import Sequences

/// Facts about this host and process.
package enum MachineDescription {
    /// The name the kernel knows; no name service is asked.
    package static let hostName: String = {
        var name = [UInt8](repeating: 0, count: 256)
        let isKnown = name.withUnsafeMutableBytes { buffer in
            buffer.withMemoryRebound(to: CChar.self) { $0.baseAddress.map { gethostname($0, 255) } == 0 }
        }
        return isKnown ? String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) : "localhost"
    }()
    package static let processID = getpid()

    /// The kernels' instruction set in use.
    package static var instructionLevel: String { InstructionSet.current }

    /// Cores this process may use at once: cpusets count, and so do whole processors of a control group's quota.
    package static var coreCount: Int { coreCount(ControlGroups()) }

    static func coreCount(_ groups: ControlGroups, usable: Int = UsableCores.count) -> Int {
        max(1, min(usable, groups.processorQuota.map { Int(min($0, 1e6)) } ?? usable))
    }

    /// The limits on what this process can still take: the host's, those of its control groups, its own.
    package static var memoryLimits: [MemoryLimit] { MemoryLimit.all() }

    /// Bytes that can be taken without pushing others out; nil where that cannot be told.
    package static var availableMemoryBytes: Int? { memoryLimits.map(\.freeBytes).min() }

    /// Bytes of memory this process holds, from /proc/self/statm (in pages; total, then resident); 0 where that cannot be
    /// read. Made for a loop that reads it often.
    package static var residentBytes: Int {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { text in
            let count = max(0, read(file, text.baseAddress, text.count))
            guard let field = text[..<count].split(separator: UInt8(ascii: " ")).dropFirst().first else { return 0 }
            return field.reduce(0) { 10 * $0 + Int($1 & 15) } * sysconf(Int32(_SC_PAGESIZE))
        }
    }

    /// The most memory this process has held, from /proc/self/status; 0 where that cannot be read.
    package static var peakResidentBytes: Int { MemoryLimit.kibibytes("VmHWM:", in: "/proc/self/status") ?? 0 }

    /// From now on `peakResidentBytes` counts anew (`proc(5)`, clear_refs), where the kernel allows it.
    package static func forgetPeakResidentBytes() {
        let file = open("/proc/self/clear_refs", O_WRONLY)
        guard file >= 0 else { return }
        _ = write(file, "5", 1)
        close(file)
    }

    /// From now on this process may open as many files and connections as the system lets it (`getrlimit(2)`).
    package static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// The number of threads that somebody wants; nil: one for each core. Throws where it is out of range.
    package static func threadCount(_ wanted: Int?) throws(TandemError) -> Int {
        try wanted.map { value throws(TandemError) in
            try TandemError.checked(value, .threads, in: 1...1024)
        } ?? coreCount
    }
}
