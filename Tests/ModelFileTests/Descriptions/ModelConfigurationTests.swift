// Configurations and descriptors as they cross the network: what a receiver must refuse.
import Foundation
import Testing

@testable import ModelFile

@Suite struct ModelConfigurationTests {
    @Test("A configuration survives JSON unchanged")
    func codable() throws {
        var llama = TinyModels.llamaConfiguration()
        let scalings: [RotaryConfiguration.Scaling] = [
            .none, .linear(factor: 2), .factors([1.1]),
            .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192),
            .yarn(.init(factor: 4, originalContextLength: 32)),
            .longrope(.init(shortFactors: [1], longFactors: [2], originalContextLength: 8, factor: 2)),
        ]
        for scaling in scalings {
            llama.positions = .rotary(.init(base: 500_000, dimensions: 2, pairing: .halves, scaling: scaling))
            let decoded = try JSONDecoder().decode(ModelConfiguration.self, from: JSONEncoder().encode(llama))
            #expect(decoded == llama)
            try decoded.validate()
        }
        let gpt2 = TinyModels.gpt2Configuration()
        #expect(try JSONDecoder().decode(ModelConfiguration.self, from: JSONEncoder().encode(gpt2)) == gpt2)
    }

    @Test("A token is multiplied with every matrix of a layer once, but with few of many experts, and looks its row up")
    func operations() {
        var dense = TinyModels.llamaConfiguration()
        let matrices = dense.tensors(of: .layer(0)).filter { $0.rows > 1 }
        #expect(dense.operationsPerToken(of: .layer(0)) == Double(2 * matrices.reduce(0) { $0 + $1.rows * $1.columns }))
        #expect(dense.operationsPerToken(of: .head) == Double(2 * dense.vocabularySize * dense.embeddingLength))
        #expect(dense.operationsPerToken(of: .embedding) == 0)
        func sparse(_ count: Int) -> Double {
            dense.experts = Experts(
                count: count, usedCount: 2, feedForwardLength: 8, routing: .sigmoid,
                layers: Array(repeating: true, count: dense.layerCount))
            return dense.operationsPerToken(of: .layer(0))
        }
        // Each further expert has a row of the router, and nothing else that every token needs.
        #expect(sparse(16) - sparse(2) == Double(2 * 14 * dense.embeddingLength))
    }

    @Test("A received configuration with impossible values is refused")
    func validation() throws {
        let changes: [(inout ModelConfiguration) -> Void] = [
            { $0.layerCount = 0 }, { $0.layerCount = 10_001 }, { $0.embeddingLength = -1 }, { $0.headCount = Int.max },
            { $0.keyValueHeadCount = 0 }, { $0.keyValueHeadCount = 3 }, { $0.headSize = Int.min },
            { $0.feedForwardLength = 0 }, { $0.vocabularySize = 10_000_001 }, { $0.contextLength = 0 },
            { $0.normalizationEpsilon = .nan }, { $0.normalizationEpsilon = -1 },
            { $0.positions = .rotary(.init(base: .nan, dimensions: 2, pairing: .halves)) },
            { $0.positions = .rotary(.init(base: 10, dimensions: 3, pairing: .halves)) },
            { $0.positions = .rotary(.init(base: 10, dimensions: 4, pairing: .halves)) },
            { $0.positions = .rotary(.init(base: 10, dimensions: 2, pairing: .halves, scaling: .linear(factor: 0))) },
            { $0.positions = .rotary(.init(base: 10, dimensions: 2, pairing: .halves, scaling: .factors([]))) },
            { $0.positions = .rotary(.init(base: 10, dimensions: 2, pairing: .halves, scaling: .factors([-1]))) },
            {
                $0.isGated = false; $0.hasFusedGateUp = true
            }, { $0.embeddingScale = .infinity },
            { $0.normWeightOffset = 0.5 }, { $0.attentionScale = 0 }, { $0.attentionSoftcap = .nan },
            { $0.logitSoftcap = -1 }, { $0.slidingWindow = .init(length: 0, layers: [true]) },
            { $0.slidingWindow = .init(length: 4, layers: [Bool](repeating: true, count: 10_001)) },
            { $0.residualScale = 0 }, { $0.logitScale = .infinity }, { $0.unrotatedLayers = [] },
            { $0.unrotatedLayers = [Bool](repeating: true, count: 10_001) },
            { $0.attentionTemperature = .init(scale: .nan, length: 8) },
            { $0.attentionTemperature = .init(scale: 0.1, length: 0) },
            {
                $0.attentionTemperature = .init(scale: 0.1, length: 8)
                $0.attentionTemperature?.offset = .max
            },
            {
                $0.slidingWindow = .init(
                    length: 4, layers: [true, true], rotary: .init(base: 0, dimensions: 2, pairing: .halves))
            },
        ]
        let scalings: [RotaryConfiguration.Scaling] = [
            .dynamic(factor: 0.5, originalContextLength: 8), .dynamic(factor: 2, originalContextLength: 8),
            .yarn(.init(factor: .nan, originalContextLength: 8)), .yarn(.init(factor: 2, originalContextLength: 0)),
            .longrope(.init(shortFactors: [1], longFactors: [], originalContextLength: 8, factor: 2)),
            .longrope(.init(shortFactors: [1], longFactors: [0], originalContextLength: 8, factor: 2)),
            .longrope(.init(shortFactors: [1], longFactors: [1], originalContextLength: 1, factor: 2)),
            .longrope(
                .init(shortFactors: [1], longFactors: [1], originalContextLength: 8, factor: 2, attentionFactor: -1)),
        ]
        let scaled: [(inout ModelConfiguration) -> Void] = scalings.map { scaling in
            { (configuration: inout ModelConfiguration) in
                configuration.positions = .rotary(
                    .init(base: 10, dimensions: 2, pairing: .halves, scaling: scaling))
            }
        }
        for (index, change) in (changes + scaled).enumerated() {
            var configuration = TinyModels.llamaConfiguration()
            try configuration.validate()
            change(&configuration)
            let configuration2 = configuration
            #expect(throws: ModelFileError.self, "change \(index)") { try configuration2.validate() }
        }
    }

    @Test("Values that are large one by one are refused where the whole would be absurd")
    func largest() throws {
        var configuration = TinyModels.llamaConfiguration()
        configuration.layerCount = FileLimits.layers
        configuration.embeddingLength = FileLimits.embeddingLength
        configuration.headCount = FileLimits.heads
        configuration.keyValueHeadCount = FileLimits.heads
        configuration.headSize = FileLimits.headSize
        configuration.feedForwardLength = FileLimits.feedForwardLength
        configuration.vocabularySize = FileLimits.vocabulary
        let absurd = configuration
        #expect(refusal { try absurd.validate() }?.field == "parameter count")
        configuration.layerCount = 2
        configuration.embeddingLength = 1
        let wide = configuration
        #expect(refusal { try wide.validate() }?.field == "query elements of all layers")
        configuration.layerCount = 200
        configuration.embeddingLength = 1 << 15
        configuration.headCount = 256
        configuration.keyValueHeadCount = 8
        configuration.headSize = 128
        configuration.feedForwardLength = 1 << 17
        configuration.vocabularySize = 300_000
        try configuration.validate()
    }

    @Test("Parts of a range of layers include the embedding with the first and the head with the last")
    func parts() {
        let configuration = TinyModels.llamaConfiguration(layers: 3)
        #expect(configuration.parts(ofLayers: 0..<1) == [.embedding, .layer(0)])
        #expect(configuration.parts(ofLayers: 1..<2) == [.layer(1)])
        #expect(configuration.parts(ofLayers: 1..<3) == [.layer(1), .layer(2), .head])
        #expect(configuration.parts(ofLayers: 0..<3).count == 5)
        #expect(configuration.parts(ofLayers: 1..<1) == [])
    }

    @Test("A received descriptor with impossible values is refused")
    func descriptors() throws {
        let good = TensorDescriptor(name: "a", type: .q8_0, rows: 2, columns: 64, byteCount: 136, file: 0, offset: 3)
        try good.validate()
        #expect(try JSONDecoder().decode(TensorDescriptor.self, from: JSONEncoder().encode(good)) == good)
        let changes: [(inout TensorDescriptor) -> Void] = [
            { $0.rows = 0 }, { $0.columns = 63 }, { $0.rows = Int.max }, { $0.byteCount = 135 }, { $0.file = -1 },
            { $0.offset = -1 }, { $0.offset = Int.max }, { $0.isTransposed = true },
        ]
        for change in changes {
            var tensor = good
            change(&tensor)
            let changed = tensor
            #expect(throws: ModelFileError.self) { try changed.validate() }
        }
    }

    @Test("Sizes of types are checked for whole blocks and overflow")
    func typeSizes() {
        #expect(TensorType.q4_0.byteCount(rows: 3, columns: 64) == 3 * 36)
        #expect(TensorType.q4_0.byteCount(rows: 3, columns: 65) == nil)
        #expect(TensorType.f16.byteCount(rows: 3, columns: 5) == 30)
        #expect(TensorType.f32.byteCount(rows: Int.max, columns: 2) == nil)
        #expect(TensorType.f32.byteCount(rows: -1, columns: 2) == nil)
    }
}
