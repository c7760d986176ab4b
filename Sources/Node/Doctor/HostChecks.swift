// Responsible for: what is good and what is bad about the facts of a host, and what to do. Must not know: how the facts
// were found out, how findings are shown.
import Cluster
import Sequences
import Transport

/// Judges facts. Each check looks at one thing and says at least one sentence about it.
package enum HostChecks {
    /// All of them, in the order in which they matter.
    package static func findings(_ facts: HostFacts) -> [Finding] {
        [
            library(facts), admission(facts), keys(facts), ports(facts), addresses(facts), memory(facts),
            processor(facts), hugePages(facts), governor(facts), folders(facts), openFiles(facts), lockedMemory(facts),
        ].flatMap { $0 }
    }

    static func library(_ facts: HostFacts) -> [Finding] {
        let (version, oldest) = (facts.library.version, LibraryFacts.oldestSafe)
        guard version >= oldest else {
            return [
                .failure(
                    "libzmq", "libzmq is \(version), which strangers can crash (CVE-2020-15166)",
                    "install \(oldest) or later: libzmq5 of Debian 12 or Ubuntu 22.04")
            ]
        }
        guard facts.library.hasCurve else {
            return [
                .failure(
                    "libzmq", "libzmq \(version) cannot encrypt: it was built without CURVE",
                    "install one with libsodium, as libzmq5 of Debian and Ubuntu is")
            ]
        }
        return [.ok("libzmq", "libzmq \(version) with CURVE")]
    }

    /// What all trust stands on, tried with the library that is here.
    static func admission(_ facts: HostFacts) -> [Finding] {
        guard facts.library.hasCurve else { return [] }
        var findings: [Finding] = []
        for trial in facts.trials {
            guard let outcome = trial.outcome else {
                let message: Sentence = "whom libzmq lets in could not be tried: \(trial.reason)"
                findings.append(.failure("admission", message, "look at the limits of this process (ulimit -a)"))
                continue
            }
            switch (trial.probe.guarding.verdict, outcome) {
            case (.admit, .refused):
                let message: Sentence = "this libzmq refuses a key that is admitted"
                findings.append(.failure("admission", message, "install libzmq \(LibraryFacts.oldestSafe) to 4.3.5"))
            case (.refuse, .admitted), (nil, .admitted):
                let message: Sentence = "this libzmq lets in a key that nobody knows"
                findings.append(.failure("admission", message, "run no node here; install libzmq 4.3.4 or 4.3.5"))
            default: break
            }
        }
        return findings.isEmpty ? [.ok("admission", "an unknown key is refused, a known one is let in")] : findings
    }

    static func keys(_ facts: HostFacts) -> [Finding] {
        guard let mode = facts.stateMode else {
            return [.ok("keys", "none yet; they will be made in \(facts.statePath)")]
        }
        var findings: [Finding] = []
        if mode & 0o022 != 0 {
            findings.append(
                .failure(
                    "keys", "others may write into \(facts.statePath) (mode \(octal(mode)))",
                    "if nobody has, run chmod 700 \(facts.statePath)"))
        } else if mode & 0o077 != 0 {
            findings.append(
                .warning(
                    "keys", "others may look into \(facts.statePath) (mode \(octal(mode)))",
                    "run chmod 700 \(facts.statePath), which the next node to start does by itself"))
        }
        for file in facts.keyFiles {
            if !file.isPlain {
                findings.append(.failure("keys", "\(file.path) is no plain file", "put the file itself there"))
            } else if file.mode & 0o077 != 0 {
                findings.append(
                    .failure(
                        "keys", "others may read \(file.path) (mode \(octal(file.mode)))",
                        "if nobody has, run chmod 600 \(file.path); else delete it, and join again"))
            } else if !file.isOwned {
                findings.append(
                    .failure(
                        "keys", "\(file.path) belongs to another user", "run as its owner, or give it to this user"))
            }
        }
        let count = facts.keyFiles.count
        return findings.isEmpty
            ? [.ok("keys", "\(count) \(count == 1 ? "key" : "keys") in \(facts.statePath), for nobody else to read")]
            : findings
    }

    static func ports(_ facts: HostFacts) -> [Finding] {
        var findings: [Finding] = []
        for port in facts.ports where !port.isFree {
            findings.append(
                .warning(
                    "ports", "port \(port.number) is in use",
                    "if that is no node of Tandem, choose other ports for the nodes of this host"))
        }
        if let range = facts.ephemeralPorts {
            let inside = facts.ports.filter { range.contains($0.number) }.map { "\($0.number)" }
            if !inside.isEmpty {
                findings.append(
                    .warning(
                        "ports",
                        "the system gives away ports from \(range.lowerBound) to \(range.upperBound), "
                            + Sentence("\(inside.joined(separator: ", ")) among them"),
                        "set net.ipv4.ip_local_port_range to 32768 60999, or choose other ports"))
            }
        }
        let list = facts.ports.map { "\($0.number)" }.joined(separator: ", ")
        return findings.isEmpty ? [.ok("ports", "\(list) are free")] : findings
    }

    static func addresses(_ facts: HostFacts) -> [Finding] {
        let others = facts.addresses.filter { !$0.isLoopback && !$0.text.hasPrefix("fe80:") }
        guard !others.isEmpty else {
            return [
                .warning(
                    "addresses", "this host has no address but loopback: no other host can reach it",
                    "connect it to a network; on one machine nothing is missing")
            ]
        }
        let list = others.map { "\($0.text) (\($0.interface))" }.joined(separator: ", ")
        guard let advertised = facts.advertised else {
            return [
                .warning(
                    "addresses", "no way leads from here to other networks; this host has \(list)",
                    "look at the routes (ip route)")
            ]
        }
        return [.ok("addresses", "other hosts are told \(advertised); this host has \(list)")]
    }

    /// What the smallest models need beside the program.
    private static let littleMemory = 1 << 30

    static func memory(_ facts: HostFacts) -> [Finding] {
        guard let available = facts.availableMemoryBytes else {
            return [
                .warning(
                    "memory", "the kernel does not tell what memory is free",
                    "say with \(.memory) what a worker may use")
            ]
        }
        var findings: [Finding] = []
        if let space = facts.addressSpace, space.soft != .max {
            findings.append(
                .warning(
                    "memory",
                    "this process may have \(bytesText(UInt64(clamping: space.soft))) of addresses (ulimit -v)",
                    "lift it where workers run: weights and files are mapped, which counts more than what is used"))
        }
        if available < littleMemory {
            findings.append(
                .warning(
                    "memory", "only \(bytesText(UInt64(clamping: available))) of memory can be used",
                    "end other programs, or give the process more"))
        }
        return findings.isEmpty
            ? [.ok("memory", "\(bytesText(UInt64(clamping: available))) can be used")] : findings
    }

    static func processor(_ facts: HostFacts) -> [Finding] {
        let cores = "\(facts.coreCount) \(facts.coreCount == 1 ? "core" : "cores")"
        guard facts.instructionLevel != "portable" else {
            return [
                .warning(
                    "processor", "\(cores) without AVX2: answers are the same, but take many times as long",
                    "use a host with AVX2; a virtual machine may have to be told to pass it through")
            ]
        }
        return [.ok("processor", "\(cores), \(facts.instructionLevel)")]
    }

    static func hugePages(_ facts: HostFacts) -> [Finding] {
        switch facts.hugePages {
        case "never":
            [
                .warning(
                    "huge pages", "transparent huge pages are off: weights are read more slowly",
                    "write madvise to /sys/kernel/mm/transparent_hugepage/enabled")
            ]
        case let mode?: [.ok("huge pages", "transparent huge pages: \(mode)")]
        case nil: [.ok("huge pages", "this kernel does not tell")]
        }
    }

    static func governor(_ facts: HostFacts) -> [Finding] {
        switch facts.governor {
        case "powersave", "conservative", "userspace":
            [
                .warning(
                    "governor", "the frequency governor is \(facts.governor ?? "")",
                    "write performance to /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor, if speed matters more")
            ]
        case let name?: [.ok("governor", "the frequency governor is \(name)")]
        case nil: [.ok("governor", "frequencies are not this system's to choose")]
        }
    }

    /// A cache smaller than this holds little of any model; keys and lists take less than that.
    private static let littleCache = 2 << 30
    private static let littleState = 1 << 20

    static func folders(_ facts: HostFacts) -> [Finding] {
        facts.folders.map { folder in
            let free = bytesText(UInt64(clamping: folder.freeBytes))
            let isState = folder.purpose == "state"
            let variable = isState ? "XDG_STATE_HOME" : "XDG_CACHE_HOME"
            if !folder.isWritable {
                return .failure(
                    "disk", "the \(folder.purpose) folder \(folder.path) cannot be written",
                    "change its owner, or name another with \(variable)")
            }
            if folder.freeBytes < (isState ? littleState : littleCache) {
                let advice: Sentence = "free some space, or name another folder with \(variable)"
                let message: Sentence = "the disk of the \(folder.purpose) folder \(folder.path) has only \(free) free"
                return isState ? .failure("disk", message, advice) : .warning("disk", message, advice)
            }
            return .ok("disk", "\(free) free for the \(folder.purpose) in \(folder.path)")
        }
    }

    /// A node has a few dozen files, and one for each connection.
    private static let fewFiles = 256
    private static let enoughFiles = 4096

    static func openFiles(_ facts: HostFacts) -> [Finding] {
        guard let limit = facts.openFiles else { return [] }
        let advice: Sentence = "raise it: ulimit -n 65536, or LimitNOFILE=65536 in a unit"
        if limit.hard < fewFiles { return [.failure("open files", "at most \(limit.hard) files may be open", advice)] }
        if limit.hard < enoughFiles {
            return [.warning("open files", "at most \(limit.hard) files may be open, one for each client", advice)]
        }
        return [.ok("open files", limit.hard == .max ? "no limit" : "up to \(limit.hard)")]
    }

    /// Tandem locks no memory: told because people ask, and it may matter to others on the host.
    static func lockedMemory(_ facts: HostFacts) -> [Finding] {
        guard let limit = facts.lockedMemory else { return [] }
        let size = limit.hard == .max ? "no limit" : "up to \(bytesText(UInt64(clamping: limit.hard)))"
        return [.ok("locked memory", "\(size); Tandem needs none")]
    }

    private static func octal(_ mode: UInt32) -> String { String(mode & 0o777, radix: 8) }
}
