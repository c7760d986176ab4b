// Responsible for: where the models of these tests lie, and folders that vanish with their test.
// Must not know: what is tested on them.
import Foundation
import ModelFile
import Testing

enum TestFiles {
    /// The root of the package.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The model that comes with Tandem: GPT-2, 6 layers, context 512, output matrix tied to the embedding.
    static let tales = root.appendingPathComponent("Deploy/models/tandem-tales.gguf").path

    /// A model of `Tests/Fixtures/models`.
    static func fixture(_ name: String) -> String {
        root.appendingPathComponent("Tests/Fixtures/models").appendingPathComponent(name).path
    }

    /// The Hugging Face folders of all families and of all ways in which weights are packed.
    static func everyFolder() throws -> [String] {
        try ["families", "experts", "packed"].flatMap { kind in
            let folder = root.appendingPathComponent("Tests/Fixtures").appendingPathComponent(kind).path
            return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                .map { "\(folder)/\($0)" }
                .filter { FileManager.default.fileExists(atPath: $0 + "/model.safetensors") }
        }
    }
}

/// A new empty folder, removed with the last reference.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/tandem-node-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Names of the files in it, sorted.
    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

    func file(_ name: String) -> String { path + "/" + name }
}

/// A copy of `TestFiles.tales` in a folder of its own, with a NaN in a norm of layer 2, as damaged files have it.
final class DamagedModel: Sendable {
    private let folder: TemporaryFolder
    var path: String { folder.file("damaged.gguf") }
    /// Where it begins, as `checksLayers` finds out.
    static let origin = "the output of layer 2"

    init() throws {
        folder = try TemporaryFolder()
        let tensor = try #require(
            try Model.open(path: TestFiles.tales).tensors.first { $0.name == "blk.2.ffn_norm.weight" })
        try #require(tensor.type == .f32)
        var content = try Data(contentsOf: URL(fileURLWithPath: TestFiles.tales))
        let place = tensor.offset + 12
        content.replaceSubrange(place..<place + 4, with: [0, 0, 0xC0, 0x7F])
        try content.write(to: URL(fileURLWithPath: folder.file("damaged.gguf")))
    }
}

/// The same numbers for the same seed, everywhere (SplitMix64).
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

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
