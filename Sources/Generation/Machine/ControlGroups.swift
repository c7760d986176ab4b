// Responsible for: the control groups that this process is in, as Linux tells of them (version 1, 2, or both at once), and
// their limits.
// Must not know: what the limits are for.
import Foundation

/// The folders of this process's control groups. Everything is optional: a machine without them has no such limits.
struct ControlGroups: Sendable {
    /// One group that limits memory.
    struct Memory: Sendable, Equatable {
        /// Its folder.
        var folder: String
        /// Bytes that it allows, and those in use that the system cannot simply take back.
        var limitBytes: Int
        var usedBytes: Int
    }

    /// A hierarchy as it is mounted here.
    fileprivate struct Mount {
        let isVersion2: Bool
        /// Which of its groups lies at `point`.
        let root: String
        let point: String
        let controllers: Set<String>
    }

    private let system: String
    private let mounts: [Mount]
    /// The group of this process by controller; "" is version 2.
    private let groups: [String: String]

    /// Reads `/proc`; `system` stands before every path, for tests.
    init(system: String = "") {
        self.system = system
        mounts = Self.text(system + "/proc/self/mountinfo").split(separator: "\n").compactMap { Mount(line: $0) }
        var groups: [String: String] = [:]
        for line in Self.text(system + "/proc/self/cgroup").split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if fields[1].isEmpty { groups[""] = String(fields[2]) }
            for controller in fields[1].split(separator: ",") { groups[String(controller)] = String(fields[2]) }
        }
        self.groups = groups
    }

    /// The groups with a limit on memory, from this process's own up to the root of what can be seen from here.
    var memory: [Memory] {
        folders(isVersion2: true, controller: "").compactMap { folder in
            let limits = ["memory.max", "memory.high"].compactMap { number(folder + "/" + $0) }
            return limits.min().flatMap { memory(folder, $0, "memory.current", ["inactive_file"]) }
        }
            + folders(isVersion2: false, controller: "memory").compactMap { folder in
                // The second counts the groups above too, also those that a container cannot see.
                let limits = [
                    number(folder + "/memory.limit_in_bytes"),
                    statistic(folder, ["hierarchical_memory_limit"]),
                ].compactMap { $0 }
                let cache = ["total_inactive_file", "inactive_file"]
                return limits.min().flatMap { memory(folder, $0, "memory.usage_in_bytes", cache) }
            }
    }

    /// The group of this process in which memory is counted; "": none.
    var memoryFolder: String {
        folders(isVersion2: false, controller: "memory").first ?? folders(isVersion2: true, controller: "").first ?? ""
    }

    /// How many processors' time the groups allow; nil: no limit.
    var processorQuota: Double? {
        let version2 = folders(isVersion2: true, controller: "").compactMap { folder -> Double? in
            let words = Self.text(system + folder + "/cpu.max").split { $0 == " " || $0 == "\n" }
            guard words.count == 2 else { return nil }
            return Self.quota(Int(words[0]), of: Int(words[1]))
        }
        let version1 = folders(isVersion2: false, controller: "cpu").compactMap { folder in
            Self.quota(number(folder + "/cpu.cfs_quota_us"), of: number(folder + "/cpu.cfs_period_us"))
        }
        return (version1 + version2).min()
    }

    private static func quota(_ quota: Int?, of period: Int?) -> Double? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return Double(quota) / Double(period)
    }

    private func memory(_ folder: String, _ limit: Int, _ usage: String, _ cache: [String]) -> Memory? {
        guard let used = number(folder + "/" + usage) else { return nil }
        let reclaimable = statistic(folder, cache) ?? 0
        return Memory(folder: folder, limitBytes: limit, usedBytes: max(0, used - max(0, min(reclaimable, used))))
    }

    /// The folder of this process's group, and those above it up to where the hierarchy is mounted.
    private func folders(isVersion2: Bool, controller: String) -> [String] {
        guard let group = groups[controller] else { return [] }
        let candidates = mounts.filter {
            $0.isVersion2 == isVersion2 && (isVersion2 || $0.controllers.contains(controller))
        }
        // The mount that shows most of what is above this group.
        let inside = candidates.compactMap { mount in Self.path(group, below: mount.root).map { (mount, $0) } }
        guard let (mount, path) = inside.min(by: { $0.0.root.utf8.count < $1.0.root.utf8.count }) else {
            // A group outside of what this namespace can see: the nearest that can be seen is where it is mounted.
            return candidates.first.map { [$0.point] } ?? []
        }
        var folders: [String] = []
        var names = path.split(separator: "/")
        while true {
            let folder = ([mount.point == "/" ? "" : mount.point] + names.map(String.init)).joined(separator: "/")
            if isFolder(folder) { folders.append(folder) }
            if names.popLast() == nil { return folders }
        }
    }

    /// The rest of a path below `root`; nil: it is not below it.
    private static func path(_ path: String, below root: String) -> String? {
        guard !path.split(separator: "/").contains("..") else { return nil }
        if root == "/" { return path }
        guard path == root || path.hasPrefix(root + "/") else { return nil }
        return String(path.dropFirst(root.utf8.count))
    }

    // MARK: Files

    private func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(system + path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The number that a file holds; nil: it holds none ("max"), or is not there.
    private func number(_ path: String) -> Int? {
        Int(Self.text(system + path).prefix { $0 != "\n" && $0 != " " })
    }

    /// The first of these in a group's `memory.stat`.
    private func statistic(_ folder: String, _ names: [String]) -> Int? {
        let lines = Self.text(system + folder + "/memory.stat").split(separator: "\n")
        for name in names {
            guard let line = lines.first(where: { $0.hasPrefix(name + " ") }) else { continue }
            return Int(line.dropFirst(name.utf8.count + 1))
        }
        return nil
    }

    /// What a file holds, "" where it cannot be read.
    static func text(_ path: String) -> String {
        (try? Data(contentsOf: URL(fileURLWithPath: path))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

extension ControlGroups.Mount {
    /// A line of `mountinfo` (proc(5)); nil: another file system.
    fileprivate init?(line: Substring) {
        let words = line.split(separator: " ")
        guard let dash = words.firstIndex(of: "-"), dash >= 6, words.count > dash + 1 else { return nil }
        switch words[dash + 1] {
        case "cgroup2": isVersion2 = true
        case "cgroup": isVersion2 = false
        default: return nil
        }
        root = Self.unescaped(words[3])
        point = Self.unescaped(words[4])
        controllers = Set((words.last ?? "").split(separator: ",").map(String.init))
    }

    /// Blanks in names are written as "\040".
    private static func unescaped(_ word: Substring) -> String {
        [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
            .reduce(String(word)) { $0.replacing($1.0, with: $1.1) }
    }
}
