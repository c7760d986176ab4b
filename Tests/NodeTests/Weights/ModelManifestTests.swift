// Responsible for: what a worker is told of a model, read from bytes that nobody vouches for; and where its shard lies.
import Foundation
import Inference
import ModelFile
import Sequences
import Testing
import Wire

@testable import GenerationTests
@testable import Node

@Suite("The manifest of a model")
struct ModelManifestTests {
    private let model: Model
    private let manifest: ModelManifest
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        model = try Model.open(path: TestFiles.fixture("llama-f32"))
        manifest = try DigestBook(folder: folder.file("digests")).manifest(of: model) { _, _ in }
    }

    @Test("It comes back from the wire as it was, restricted to what a worker needs")
    func roundTrip() throws {
        let layers = 0..<model.configuration.layerCount
        let back = try ModelManifest(decoding: manifest.encoded(), layers: layers)
        #expect(back.configuration == manifest.configuration && back.entries == manifest.entries)
        let first = manifest.restricted(to: 0..<1)
        #expect(first.entries.contains { $0.tensor.name == "token_embd.weight" })
        #expect(!first.entries.contains { $0.tensor.name.hasPrefix("blk.1.") || $0.tensor.name == "output.weight" })
    }

    @Test("How keys and values are kept crosses the wire, and a way that is not known is refused")
    func keyValueType() throws {
        for type in KeyValueType.allCases {
            var manifest = manifest
            manifest.keyValueType = type
            let bytes = manifest.encoded()
            #expect(try ModelManifest(decoding: bytes, layers: 0..<1).keyValueType == type)
            let text = String(decoding: bytes, as: UTF8.self)
            let unknown = text.replacing("\"keyValueType\":\"\(type.rawValue)\"", with: "\"keyValueType\":\"f64\"")
            #expect(unknown != text)
            #expect(throws: TandemError.self) { try ModelManifest(decoding: Array(unknown.utf8), layers: 0..<1) }
        }
    }

    @Test("A model of 48 layers with 128 experts each fits a message, with room for twice as many layers")
    func experts() throws {
        var configuration = model.configuration
        configuration.layerCount = 48
        configuration.experts = Experts(
            count: 128, usedCount: 8, feedForwardLength: 768, routing: .softmaxOverChosen,
            layers: [Bool](repeating: true, count: 48))
        let requirements = configuration.parts(ofLayers: 0..<48).flatMap(configuration.tensors(of:))
        let entries = try requirements.enumerated().map { index, requirement in
            let bytes = requirement.rows * requirement.columns * 4
            let tensor = TensorDescriptor(
                name: requirement.name, type: .f32, rows: requirement.rows, columns: requirement.columns,
                byteCount: bytes, file: 0, offset: 1 << 34 + index)
            let digest = try #require(ContentHash((0..<32).map { UInt8(truncatingIfNeeded: index >> $0) }))
            return ModelManifest.Entry(tensor: tensor, digest: digest)
        }
        #expect(entries.count > 18_432)
        let whole = ModelManifest(name: "experts", configuration: configuration, entries: entries)
        let bytes = whole.encoded()
        #expect(2 * bytes.count < Limits.descriptionBytes && 2 * bytes.count < Limits.headerBytes)
        let back = try ModelManifest(decoding: bytes, layers: 12..<24)
        #expect(back.restricted(to: 12..<24).entries.count == 12 * configuration.tensors(of: .layer(0)).count)
    }

    @Test("Layers outside the model, and lacking tensors, are refused")
    func refused() throws {
        let count = model.configuration.layerCount
        for layers in [0..<count + 1, count..<count + 1, 0..<0] {
            #expect(throws: TandemError.self) { try ModelManifest(decoding: manifest.encoded(), layers: layers) }
        }
        var poor = manifest
        poor.entries.removeLast()
        #expect(throws: TandemError.self) { try ModelManifest(decoding: poor.encoded(), layers: 0..<count) }
    }

    @Test("A tensor named twice, a digest of two lengths and a sum of bytes that overflows are refused")
    func contradictions() throws {
        func refusal(_ change: (inout ModelManifest) -> Void) -> String? {
            var changed = manifest
            change(&changed)
            return #expect(throws: TandemError.self) { try ModelManifest(decoding: changed.encoded(), layers: 0..<1) }?
                .message.description
        }
        #expect(refusal { $0.entries.append($0.entries[0]) }?.contains("twice") == true)
        #expect(refusal { $0.entries[1].digest = $0.entries[0].digest }?.contains("digest") == true)
        let huge = refusal { manifest in
            var entry = manifest.entries[0]
            (entry.tensor.rows, entry.tensor.columns) = (1 << 30, 1 << 30)
            entry.tensor.byteCount = 1 << 62
            entry.tensor.offset = 0
            for index in 0..<3 {
                entry.tensor.name = "huge\(index)"
                entry.digest = ContentHash((0..<32).map { UInt8($0 + index) }) ?? entry.digest
                manifest.entries.append(entry)
            }
        }
        #expect(huge?.contains("more bytes") == true)
    }

    @Test("A digest is 64 hexadecimal digits and nothing else")
    func digests() throws {
        func read(_ text: String) -> ContentHash? {
            try? JSONDecoder().decode([ContentHash].self, from: Data("[\"\(text)\"]".utf8)).first
        }
        let digits = String(repeating: "0f", count: 32)
        #expect(read(digits)?.description == digits)
        for wrong in [
            "+f" + digits.dropFirst(2), "0f" + digits, "", String(digits.dropLast()), "é" + digits.dropFirst(2),
        ] {
            #expect(read(String(wrong)) == nil)
        }
    }

    @Test("Ten thousand spoiled manifests are read or refused, nothing else")
    func spoiled() {
        let bytes = manifest.restricted(to: 0..<1).encoded()
        var random = SeededGenerator(seed: 5)
        var refusals = 0
        for _ in 0..<10_000 {
            var spoiled = bytes
            for _ in 0...random.below(3) {
                switch random.below(3) {
                case 0: spoiled[random.below(spoiled.count)] = UInt8(random.below(256))
                case 1: spoiled[random.below(spoiled.count)] = UInt8(ascii: "9")
                default: spoiled.removeLast(random.below(40))
                }
            }
            do { _ = try ModelManifest(decoding: spoiled, layers: 0..<1) } catch { refusals += 1 }
        }
        #expect(refusals > 5_000)
    }

    @Test("A worker reads its own copy where the bytes agree, and fetches where they do not")
    func ownCopy() throws {
        let cache = try WeightCache(folder: folder.file("cache"))
        let book = DigestBook(folder: folder.file("digests"))
        let layers = 0..<model.configuration.layerCount
        let same = try ShardInventory(
            description: manifest.encoded(), layers: layers, local: model, cache: cache, digestBook: book)
        #expect(same.needs.isEmpty && same.localBytes > 0)
        let other = try Model.open(path: TestFiles.fixture("llama-bf16-tied"))
        let different = try ShardInventory(
            description: manifest.encoded(), layers: layers, local: other, cache: cache, digestBook: book)
        #expect(different.localBytes == 0 && different.needs.count == manifest.entries.count)
    }
}
