// Which module may import which: the drawing of Architecture.md as a table. Must not know what the modules do.

enum ImportRules {
    /// For each folder of Sources, the modules of this package and of others that it may import.
    static let allowed: [String: Set<String>] = [
        "ModelFile": [],
        "Jinja": [],
        "Tokenization": ["ModelFile", "Jinja"],
        "Inference": ["CKernels", "CThreads", "ModelFile"],
        "Wire": ["SwiftProtobuf"],
        "Cluster": ["Wire", "DequeModule"],
        "Transport": ["CZeroMQ"],
        "Node": [
            "ModelFile", "Tokenization", "Inference", "Wire", "Cluster", "Transport", "Crypto", "Logging",
            "ServiceLifecycle",
        ],
        "Bench": ["CKernels", "ModelFile", "Inference", "Node"],
        "CLI": ["Bench", "Node", "ArgumentParser", "Logging", "ServiceLifecycle"],
    ]

    /// What tests may import beside their own module and `systemModules`, where that is less than everything.
    static let allowedInTests: [String: Set<String>] = [
        "ClusterSimulation": ["Cluster", "Wire"],
        "ClusterTests": ["Cluster", "Wire"],
        "TidyTests": [],
        "TransportTests": ["Transport"],
        "WireTests": ["Wire", "SwiftProtobuf"],
    ]

    static let systemModules: Set = [
        "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Synchronization", "Testing",
    ]
    /// Values only: no files, clocks, threads or locks.
    static let pureModules: Set = ["Wire", "Cluster"]

    static func check(_ file: SourceFile) -> [Violation] {
        guard file.isInSources || file.isInTests else { return [] }
        return imports(of: file).compactMap { name, line in
            func violation(_ message: String) -> Violation { Violation(path: file.path, line: line, message: message) }

            if name == "CZeroMQ" && file.module != "Transport" { return violation("only Transport imports CZeroMQ") }
            if systemModules.contains(name) {
                let isForbidden = file.isInSources && pureModules.contains(file.module)
                return isForbidden ? violation("\(file.module) holds pure values: it may not import \(name)") : nil
            }
            if file.isInTests {
                guard let allowed = allowedInTests[file.module], !allowed.contains(name) else { return nil }
                return violation("\(file.module) may not import \(name)")
            }
            guard let allowed = allowed[file.module] else {
                return violation("\(file.module) is not in the table of modules; add it to ImportRules.swift")
            }
            return allowed.contains(name) ? nil : violation("\(file.module) may not import \(name)")
        }
    }

    /// The imported modules with their lines: "@testable import A" and "import struct A.B" give "A".
    static func imports(of file: SourceFile) -> [(name: String, line: Int)] {
        let kinds: Set = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias", "actor"]
        return file.code.enumerated().compactMap { index, line in
            guard line.contains("import") else { return nil }
            let words = line.split(separator: " ")
            guard let keyword = words.firstIndex(of: "import"),
                words[..<keyword].allSatisfy({ $0.hasPrefix("@") || accessLevels.contains(String($0)) })
            else { return nil }
            let name = words[(keyword + 1)...].first { !kinds.contains(String($0)) }
            return name.map { (String($0.prefix { $0 != "." && $0 != ";" }), index + 1) }
        }
    }

    private static let accessLevels: Set = ["public", "package", "internal", "fileprivate", "private"]
}
