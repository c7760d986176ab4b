// Responsible for: asking this host for its facts: the kernel's files, its sockets, limits and folders.
// Must not know: what is good or bad.
import Foundation
import Generation
import Transport

extension HostFacts {
    /// The ports of a coordinator and of the first worker of a host.
    package static let ports: [UInt16] = [7070, 7071, 7072, 7080]

    /// Asks this host. `coordinator`: the host to which the way is looked for. Takes some milliseconds, and opens sockets
    /// on loopback.
    package static func gather(
        statePath: String, coordinator: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> HostFacts {
        var facts = HostFacts()
        facts.trials = [.refusing, .unattended, .admitting].map(trial)
        facts.statePath = statePath
        (facts.stateMode, facts.keyFiles) = secrets(in: statePath)
        facts.ports = ports.map { Port(number: $0, isFree: isFree($0)) }
        facts.ephemeralPorts = range(of: text("/proc/sys/net/ipv4/ip_local_port_range"))
        facts.addresses = ownAddresses()
        facts.advertised =
            if let coordinator { try? NumericAddress.local(towards: coordinator) } else { NumericAddress.ownAddress }
        facts.availableMemoryBytes = MachineDescription.availableMemoryBytes
        facts.addressSpace = limit(RLIMIT_AS)
        facts.coreCount = MachineDescription.coreCount
        facts.instructionLevel = MachineDescription.instructionLevel
        facts.hugePages = chosen(in: text("/sys/kernel/mm/transparent_hugepage/enabled"))
        facts.governor = text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
        let cache = UserFolder.path("XDG_CACHE_HOME", else: ".cache", in: environment) + "/tandem"
        facts.folders = [folder("weight cache", cache), folder("state", statePath)].compactMap { $0 }
        facts.openFiles = limit(RLIMIT_NOFILE)
        facts.lockedMemory = limit(__RLIMIT_MEMLOCK)
        return facts
    }

    private static func trial(_ probe: AdmissionProbe) -> Trial {
        do throws(TransportError) { return Trial(probe: probe, outcome: try probe.run()) } catch {
            return Trial(probe: probe, outcome: nil, reason: "\(error)")
        }
    }

    /// The folder's mode, and the files in it whose names say that they hold keys.
    private static func secrets(in folder: String) -> (UInt32?, [KeyFileFacts]) {
        var info = stat()
        guard stat(folder, &info) == 0 else { return (nil, []) }
        let mode = UInt32(info.st_mode & 0o7777)
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        // An empty one is closed to others before a key is made in it.
        if names.isEmpty, mode & 0o022 == 0 || info.st_uid == geteuid() { return (nil, []) }
        let files = names.filter { $0.hasSuffix(".key") }.compactMap { name -> KeyFileFacts? in
            let path = folder + "/" + name
            guard lstat(path, &info) == 0 else { return nil }
            return KeyFileFacts(
                path: path, mode: UInt32(info.st_mode & 0o7777), isOwned: info.st_uid == geteuid(),
                isPlain: info.st_mode & S_IFMT == S_IFREG)
        }
        return (mode, files)
    }

    /// Whether a node could listen there now, on all addresses.
    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // Connections that have ended do not keep a port, as they do not keep libzmq from it.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func ownAddresses() -> [Address] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var addresses: [Address] = []
        for entry in sequence(first: list, next: { $0?.pointee.ifa_next }) {
            guard let entry = entry?.pointee, let address = entry.ifa_addr,
                entry.ifa_flags & UInt32(IFF_UP) != 0
            else { continue }
            let family = Int32(address.pointee.sa_family)
            guard family == AF_INET || family == AF_INET6 else { continue }
            let size = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
            var text = [CChar](repeating: 0, count: 256)
            guard
                getnameinfo(address, socklen_t(size), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            else { continue }
            addresses.append(
                Address(
                    interface: String(cString: entry.ifa_name), text: string(text),
                    isLoopback: entry.ifa_flags & UInt32(IFF_LOOPBACK) != 0))
        }
        return addresses
    }

    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func folder(_ purpose: String, _ path: String) -> Folder? {
        var existing = path
        while access(existing, F_OK) != 0, let slash = existing.lastIndex(of: "/"), slash != existing.startIndex {
            existing = String(existing[..<slash])
        }
        var info = statvfs()
        guard statvfs(existing, &info) == 0 else { return nil }
        let free = Int(
            clamping: UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize)).partialValue)
        return Folder(purpose: purpose, path: path, freeBytes: free, isWritable: access(existing, W_OK) == 0)
    }

    private static func limit(_ resource: __rlimit_resource) -> ResourceLimit? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return nil }
        return ResourceLimit(soft: Int(clamping: limit.rlim_cur), hard: Int(clamping: limit.rlim_max))
    }

    private static func text(_ path: String) -> String? {
        let text = try? String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        return text?.isEmpty == false ? text : nil
    }

    /// "32768 60999" as a range.
    static func range(of text: String?) -> ClosedRange<UInt16>? {
        let numbers = (text ?? "").split(whereSeparator: \.isWhitespace).compactMap { UInt16($0) }
        return numbers.count == 2 && numbers[0] <= numbers[1] ? numbers[0]...numbers[1] : nil
    }

    /// The word in brackets of "always [madvise] never".
    static func chosen(in text: String?) -> String? {
        text?.split(separator: " ").first { $0.hasPrefix("[") && $0.hasSuffix("]") }.map {
            String($0.dropFirst().dropLast())
        }
    }
}
