// What Package.swift demands of the compiler in every Swift target. Must not know what the targets are for.

enum PackageRule {
    /// Add "MemberImportVisibility" as soon as Package.swift enables it.
    static let features = ["ExistentialAny", "MemberImportVisibility"]

    /// `modules` are the folders of Sources and Tests that hold Swift code.
    static func check(manifest: String, modules: Set<String>, features: [String] = features) -> [Violation] {
        let strict =
            manifest.firstRange(of: "let strict: [SwiftSetting] = [")
            .map { manifest[$0.upperBound...].prefix { $0 != "]" } } ?? ""
        // What follows `.target(`, `.executableTarget(` and `.testTarget(`.
        let targets = manifest.split(separator: "arget(").map { $0.drop(while: \.isWhitespace) }
        var messages: [String] = []
        for feature in features where !strict.contains(".enableUpcomingFeature(\"\(feature)\")") {
            messages.append("the setting `strict` must enable \(feature)")
        }
        for module in modules.sorted() {
            let isStrict = targets.contains {
                $0.hasPrefix("name: \"\(module)\"") && $0.contains("swiftSettings: strict")
            }
            if !isStrict { messages.append("the target \(module) must have `swiftSettings: strict`") }
        }
        return messages.map { Violation(path: "Package.swift", message: $0) }
    }
}
