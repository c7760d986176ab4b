// Which module may import which: the drawing of Architecture.md as a table. Must not know what the modules do.

enum ImportRules {
    /// For each folder of Sources, the modules of this package and of others that it may import.
    static let allowed: [String: Set<String>] = [
        "Sequences": [],
        "ModelFile": ["Sequences"],
        "Jinja": [],
        "Tokenization": ["Jinja", "ModelFile"],
        "Inference": ["CKernels", "CThreads", "ModelFile", "Sequences"],
        "Generation": ["Inference", "ModelFile", "Sequences", "Tokenization"],
        "Wire": ["FoundationEssentials", "Sequences", "SwiftProtobuf"],
        "Cluster": ["DequeModule", "Sequences", "Wire"],
        "Transport": ["CZeroMQ"],
        "Node": [
            "CBuild", "Cluster", "Crypto", "Generation", "Inference", "Logging", "ModelFile", "Sequences",
            "ServiceLifecycle", "Transport", "Wire",
        ],
        "Bench": ["CKernels", "Generation", "Inference", "ModelFile", "Node", "Sequences"],
        "CLI": [
            "ArgumentParser", "Bench", "Configuration", "Generation", "Logging", "Node", "Sequences",
            "ServiceLifecycle",
        ],
    ]

    /// What tests may import beside their own module and `systemModules`, where that is less than everything.
    static let allowedInTests: [String: Set<String>] = [
        "ClusterSimulation": ["Cluster", "Sequences", "Wire"],
        "ClusterTests": ["Cluster", "Sequences", "Wire"],
        "GenerationTests": ["Generation", "Inference", "ModelFile", "Sequences", "Tokenization"],
        "TidyTests": [],
        "TransportTests": ["Transport"],
        "WireTests": ["Sequences", "SwiftProtobuf", "Wire"],
    ]

    static let systemModules: Set = [
        "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "Synchronization", "Testing",
    ]
    /// Values only: no files, clocks, threads or locks. Bytes in protobuf's messages are FoundationEssentials' `Data`.
    static let pureModules: Set = ["Sequences", "Wire", "Cluster"]

    static func check(_ file: SourceFile) -> [Violation] {
        guard file.isInSources || file.isInTests else { return [] }
        return imports(of: file).compactMap { name, line in
            func violation(_ message: String) -> Violation { Violation(path: file.path, line: line, message: message) }

            if name == "CZeroMQ" && file.module != "Transport" { return violation("only Transport imports CZeroMQ") }
            if systemModules.contains(name) {
                let isForbidden =
                    file.isInSources && pureModules.contains(file.module)
                    && allowed[file.module]?.contains(name) != true
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
