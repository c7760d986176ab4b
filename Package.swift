// swift-tools-version: 6.2
// Tandem: distributed LLM inference. Sources/ has one folder a module; Documentation.docc/Architecture.md there says what
// each is for and which may import which. Two pillars (what is computed; who computes it, and when) meet only in Node.
import PackageDescription

/// Warnings are errors in every Swift target: a warning nobody reads is a bug nobody fixes.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// The same for C.
let strictC = ["-Wall", "-Wextra", "-Werror"]

/// For `tandem --version`.
let commit = Context.gitInformation.map { $0.currentCommit.prefix(12) + ($0.hasUncommittedChanges ? "+" : "") }

/// Kernels are optimised in every configuration (tests of a debug build would take hours) and never contract
/// `a * b + c` on their own: the numerics contract says where an fma stands.
let kernelFlags: [CSetting] = [
    .headerSearchPath("."), .unsafeFlags(["-O3", "-ffp-contract=off", "-fno-math-errno"] + strictC),
]

/// What stands in for these functions of the C library in the test program; see AllocationCounter.swift.
let countedFunctions = ["malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign"]

/// Inference is optimised in every configuration too: what it allocates is tested, and without optimisation each loop over
/// an array allocates.
let optimized: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

let package = Package(
    name: "tandem",
    products: [.executable(name: "tandem", targets: ["CLI"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.0.0", traits: []),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.10.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.10.0"),
    ],
    targets: [
        // Values that both sides speak of
        .target(name: "Sequences", swiftSettings: strict),

        // What is computed
        .target(name: "CKernels", cSettings: kernelFlags),
        .target(name: "CThreads", cSettings: [.unsafeFlags(["-O3"] + strictC)]),
        .target(name: "ModelFile", dependencies: ["Sequences"], swiftSettings: strict),
        .target(name: "Jinja", swiftSettings: strict),
        .target(name: "Tokenization", dependencies: ["Jinja", "ModelFile"], swiftSettings: strict),
        .target(
            name: "Inference", dependencies: ["CKernels", "CThreads", "ModelFile", "Sequences"],
            swiftSettings: strict + optimized),

        // Who computes it, and when
        .systemLibrary(name: "CZeroMQ"),
        .target(
            name: "Wire",
            dependencies: ["Sequences", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            exclude: ["tandem.proto"],
            swiftSettings: strict),
        .target(
            name: "Cluster",
            dependencies: ["Sequences", "Wire", .product(name: "DequeModule", package: "swift-collections")],
            swiftSettings: strict),
        .target(name: "Transport", dependencies: ["CZeroMQ"], swiftSettings: strict),

        // Text in, text out
        .target(
            name: "Generation", dependencies: ["Inference", "ModelFile", "Sequences", "Tokenization"],
            swiftSettings: strict),

        // Where the two meet
        .target(
            name: "CBuild",
            cSettings: [.unsafeFlags(strictC), .define("TANDEM_COMMIT", to: "\"\(commit ?? "unknown")\"")]),
        .target(
            name: "Node",
            dependencies: [
                "CBuild", "Cluster", "Generation", "Inference", "ModelFile", "Sequences", "Transport", "Wire",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .target(
            name: "Bench", dependencies: ["CKernels", "Generation", "Inference", "ModelFile", "Node", "Sequences"],
            swiftSettings: strict),
        .executableTarget(
            name: "CLI",
            dependencies: [
                "Bench", "Generation", "Node", "Sequences",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),

        // Each test target mirrors the module of its name; the last three look at the whole.
        .testTarget(name: "SequencesTests", dependencies: ["CKernels", "Sequences"], swiftSettings: strict),
        .testTarget(name: "CKernelsTests", dependencies: ["CKernels"], swiftSettings: strict),
        .testTarget(name: "ModelFileTests", dependencies: ["ModelFile", "Sequences"], swiftSettings: strict),
        .testTarget(name: "JinjaTests", dependencies: ["Jinja"], swiftSettings: strict),
        .testTarget(name: "TokenizationTests", dependencies: ["ModelFile", "Tokenization"], swiftSettings: strict),
        .testTarget(
            name: "InferenceTests", dependencies: ["CKernels", "CThreads", "Inference", "ModelFile", "Sequences"],
            swiftSettings: strict,
            linkerSettings: [.unsafeFlags(countedFunctions.flatMap { ["-Xlinker", "--defsym=\($0)=counting_\($0)"] })]),
        .testTarget(
            name: "WireTests",
            dependencies: ["Sequences", "Wire", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: strict),
        .testTarget(name: "ClusterTests", dependencies: ["Cluster", "Sequences", "Wire"], swiftSettings: strict),
        .testTarget(name: "TransportTests", dependencies: ["CZeroMQ", "Transport"], swiftSettings: strict),
        .testTarget(
            name: "GenerationTests",
            dependencies: ["Generation", "Inference", "ModelFile", "Sequences", "Tokenization"], swiftSettings: strict),
        .testTarget(
            name: "NodeTests",
            dependencies: [
                "Cluster", "Generation", "GenerationTests", "Inference", "ModelFile", "Node", "Sequences",
                "Tokenization", "Transport", "Wire",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "BenchTests",
            dependencies: [
                "Bench", "Generation", "GenerationTests", "Inference", "ModelFile", "Node", "NodeTests", "Sequences",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ClusterSimulation", dependencies: ["Cluster", "Sequences", "Wire"], path: "Tests/ClusterSimulation",
            swiftSettings: strict),
        .testTarget(
            name: "CommandTests", dependencies: ["CLI", "Generation", "ModelFile", "Node", "Sequences", "Wire"],
            swiftSettings: strict),
        .target(name: "MessageMutator", path: "Tests/MessageMutator", swiftSettings: strict),
        .testTarget(
            name: "MessageFuzz",
            dependencies: ["CommandTests", "MessageMutator", "ModelFile", "Node", "Sequences", "Transport", "Wire"],
            swiftSettings: strict),
        .testTarget(name: "TidyTests", exclude: ["exceptions.txt"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

// The fuzzer (Tests/Fuzz/run) links a library that only Clang's toolchains have, and is made apart from all else.
if Context.environment["TANDEM_FUZZ"] != nil {
    package.products.append(.executable(name: "fuzz", targets: ["Fuzz"]))
    // No program can depend on the one that reads settings, so that their reader is a module of its own here.
    let folder = "Configuration/TOML"
    package.targets.first { $0.name == "CLI" }?.exclude.append(folder)
    package.targets.append(.target(name: "TOML", path: "Sources/CLI/" + folder, swiftSettings: strict))
    package.targets.append(
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "Cluster", "Jinja", "MessageMutator", "ModelFile", "Node", "Sequences", "TOML", "Tokenization",
                "Transport", "Wire",
            ],
            path: "Tests/Fuzz", exclude: ["Corpus", "Dictionaries", "make_corpus.py", "run"], swiftSettings: strict))
}
