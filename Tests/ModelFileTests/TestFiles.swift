// Files in memory, places of files on disk and a seeded generator, for the tests of this module.
import Foundation
import Testing

@testable import ModelFile

/// A file in memory.
struct MemoryFile: ByteSource {
    var name: String
    var content: [UInt8]

    var size: Int { content.count }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ModelFileError) {
        try checkRange(at: offset, count: buffer.count)
        content.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[offset..<offset + buffer.count])) }
    }
}

/// A folder in memory.
struct MemoryFolder: ModelFolder {
    var path = "folder"
    var files: [String: [UInt8]] = [:]

    func names() throws(ModelFileError) -> [String] { files.keys.sorted() }

    func open(_ name: String) throws(ModelFileError) -> (any ByteSource)? {
        files[name].map { MemoryFile(name: "\(path)/\(name)", content: $0) }
    }

    func model(weights: String? = nil) throws(ModelFileError) -> Model {
        try Model(HuggingFaceModel(self), weights: weights)
    }

    func tokenizer() throws(ModelFileError) -> TokenizerDescription? { try TokenizerJSON.description(in: self) }

    /// Puts a field into one of the folder's JSON files; nil takes it away.
    mutating func set(_ field: String, _ value: Any?, in name: String) throws {
        let data = Data(files[name] ?? Array("{}".utf8))
        var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        object[field] = value
        files[name] = try jsonBytes(object)
    }
}

func jsonBytes(_ object: Any) throws -> [UInt8] {
    Array(try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys]))
}

/// Where files on disk lie.
enum Place {
    static let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func fixture(_ name: String) -> String { packageRoot.path + "/Tests/Fixtures/" + name }

    /// Third-party files outside of the project: `../shared/data`, or what TANDEM_SHARED says.
    static let shared =
        ProcessInfo.processInfo.environment["TANDEM_SHARED"]
        ?? packageRoot.deletingLastPathComponent().path + "/shared/data"

    static var hasShared: Bool { FileManager.default.fileExists(atPath: shared + "/models") }
}

/// SplitMix64: the same numbers from the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// The error that `body` throws; records an issue where it throws none.
func refusal<Value>(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Value
) -> ModelFileError? {
    #expect(throws: ModelFileError.self, sourceLocation: sourceLocation) { _ = try body() }
}
