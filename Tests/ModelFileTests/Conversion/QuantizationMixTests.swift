// Which tensor gets which type, against llama.cpp's llama_model_quantize (Tests/Reference/make_quantization_fixtures.py).
import Foundation
import Testing

@testable import ModelFile

@Suite("Mixes of types") struct QuantizationMixTests {
    /// Small models and the type of each of their tensors, one letter for each.
    struct Fixture: Decodable {
        struct Model: Decodable {
            var title: String
            var layers: Int
            var heads: Int
            var kv_heads: Int
            var tied: Bool
            var experts: Int
            /// Name, then shape; of the layers only the first.
            var tensors: [[NameOrLength]]
            var types: [String: String]
        }

        enum NameOrLength: Decodable {
            case name(String), length(Int)

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let name = try? container.decode(String.self) {
                    self = .name(name)
                } else {
                    self = .length(try container.decode(Int.self))
                }
            }
        }

        var letters: [String: String]
        var models: [Model]
    }

    private func fixture() throws -> Fixture {
        let path = Place.fixture("quantization/mixes.json")
        return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: URL(filePath: path)))
    }

    @Test("Every tensor gets the type that llama.cpp gives it", arguments: QuantizationMix.allCases)
    func types(mix: QuantizationMix) throws {
        let fixture = try fixture()
        for model in fixture.models {
            guard let letters = model.types[mix.rawValue] else { continue }
            let traits = QuantizationTraits(
                layerCount: model.layers, queryGroup: model.heads / model.kv_heads, expertCount: model.experts,
                hasTiedEmbeddings: model.tied)
            var expected = letters[...]
            for (name, shape) in tensors(of: model) {
                let letter = String(expected.removeFirst())
                let subject = QuantizationSubject(
                    name: name, columns: shape[shape.count - 1], isExperts: shape.count == 3)
                let type = mix.type(for: subject, isMatrix: shape.count > 1, in: traits)?.type ?? .f32
                #expect(type.name == fixture.letters[letter], "\(model.title): \(name)")
            }
            #expect(expected.isEmpty)
        }
    }

    private func tensors(of model: Fixture.Model) -> [(name: String, shape: [Int])] {
        let listed = model.tensors.map { row in
            var (name, shape) = ("", [Int]())
            for item in row {
                switch item {
                case .name(let text): name = text
                case .length(let length): shape.append(length)
                }
            }
            return (name: name, shape: shape)
        }
        let outside = listed.filter { !$0.name.hasPrefix("blk.") }
        let inside = listed.filter { $0.name.hasPrefix("blk.") }
        return outside
            + (0..<model.layers).flatMap { layer in
                inside.map { (name: "blk.\(layer)." + $0.name.dropFirst(6), shape: $0.shape) }
            }
    }

    @Test("Names are read as people write them")
    func names() {
        #expect(QuantizationMix(name: "Q4_K_M") == .q4_k_m)
        #expect(QuantizationMix(name: "q4_k") == .q4_k_m)
        #expect(QuantizationMix(name: "MXFP4") == .mxfp4_moe)
        #expect(QuantizationMix(name: "q4") == nil)
        #expect(QuantizationMix(name: "") == nil)
        for mix in QuantizationMix.allCases { #expect(QuantizationMix.names.contains(mix.rawValue)) }
    }

    @Test("Rows that are no whole blocks get a type that fits, and the caller is told")
    func fallback() throws {
        let traits = QuantizationTraits(layerCount: 2, queryGroup: 1, expertCount: 0, hasTiedEmbeddings: false)
        func choice(_ columns: Int) throws -> (type: TensorType, isFallback: Bool) {
            let subject = QuantizationSubject(name: "blk.0.ffn_up.weight", columns: columns, isExperts: false)
            return try #require(QuantizationMix.q4_k_m.type(for: subject, isMatrix: true, in: traits))
        }
        #expect(try choice(512) == (.q4_k, false))
        #expect(try choice(160) == (.q5_0, true))
        #expect(try choice(136) == (.f16, true))
    }

    @Test(
        "A layer number that no model has harms nothing",
        arguments: ["-9223372036854775808", "9223372036854775807", "x"])
    func layers(number: String) {
        let traits = QuantizationTraits(layerCount: 9, queryGroup: 1, expertCount: 0, hasTiedEmbeddings: false)
        let subject = QuantizationSubject(name: "blk.\(number).ffn_down.weight", columns: 256, isExperts: false)
        #expect(QuantizationMix.q4_k_m.type(for: subject, isMatrix: true, in: traits)?.type == .q6_k)
    }

    @Test("Every type has the number that its file says, and reads back as itself")
    func numbers() {
        for type in TensorType.allCases { #expect(TensorType(gguf: type.ggufNumber) == type) }
    }
}
