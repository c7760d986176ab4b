// Small random models held in memory, for tests of the stage.
//
// Responsible for: configurations of every kind the stage tells apart, and weights of every type.
// Must not know: files.

import Inference
import ModelFile
import Testing

/// A random model whose tensors lie in memory.
struct TinyModel: TensorSource, CustomTestStringConvertible {
    let name: String
    let configuration: ModelConfiguration
    let tensors: [TensorDescriptor]
    private let bytes: [String: [UInt8]]

    var testDescription: String { name }

    /// Random weights from a seed: matrices of `type`, or of each of `mixed` in turn; norms and biases are F32.
    init(
        _ name: String, _ configuration: ModelConfiguration, type: TensorType = .f32, mixed: [TensorType] = [],
        transposed: Bool = false
    ) {
        var matrices = 0
        var random = Random(seed: UInt64(name.utf8.reduce(7) { $0 &* 31 &+ Int($1) }.magnitude))
        var tensors: [TensorDescriptor] = []
        var bytes: [String: [UInt8]] = [:]
        for part in configuration.parts(ofLayers: 0..<configuration.layerCount) {
            for requirement in configuration.tensors(of: part) where bytes[requirement.name] == nil {
                let isVector =
                    requirement.rows == 1 || requirement.name.hasSuffix(".bias")
                    || requirement.name.hasSuffix("ssm_conv1d.weight")
                let count = requirement.rows * requirement.columns
                var stored = isVector ? TensorType.f32 : type
                if !isVector && !mixed.isEmpty {
                    stored = mixed[matrices % mixed.count]
                    matrices += 1
                }
                bytes[requirement.name] = random.weights(
                    stored, count: count, center: requirement.name.hasSuffix("norm.weight") ? 1 : 0)
                tensors.append(
                    TensorDescriptor(
                        name: requirement.name, type: stored, rows: requirement.rows, columns: requirement.columns,
                        isTransposed: transposed && requirement.name.hasPrefix("blk") && !isVector,
                        byteCount: bytes[requirement.name]?.count ?? 0, file: 0, offset: 0))
            }
        }
        self.init(name: name, configuration: configuration, tensors: tensors, bytes: bytes)
    }

    /// A model of given tensors.
    init(name: String, configuration: ModelConfiguration, tensors: [TensorDescriptor], bytes: [String: [UInt8]]) {
        self.name = name
        self.configuration = configuration
        self.tensors = tensors
        self.bytes = bytes
    }

    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        guard let stored = bytes[tensor.name], offset + buffer.count <= stored.count else {
            throw ModelFileError(.truncated, file: name, field: tensor.name, "has no such bytes")
        }
        stored.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset...].prefix(buffer.count)))
        }
    }

    /// The same model with some tensors' descriptors changed.
    func replacingTensors(_ change: (inout TensorDescriptor) -> Void) -> [TensorDescriptor] {
        tensors.map { tensor in
            var tensor = tensor
            change(&tensor)
            return tensor
        }
    }
}

extension TinyModel {
    /// GPT-2's kind: learned positions, layer norms, biases, fused qkv, tied head; odd sizes.
    static let gpt2 = TinyModel(
        "gpt2-f32", .tiny(.gpt2, layers: 3, dim: 30, heads: 3, keyHeads: 3, headSize: 10, wide: 44, vocabulary: 53),
        type: .f32, transposed: true)
    /// Llama's kind with grouped queries and halved pairs.
    static let llama = TinyModel(
        "llama-f32", .tiny(.llama, layers: 5, dim: 24, heads: 4, keyHeads: 2, headSize: 6, wide: 40, vocabulary: 61),
        type: .f32)
    /// A tied BF16 model.
    static let bf16 = TinyModel(
        "llama-bf16", .tiny(.llama, layers: 2, dim: 32, heads: 4, keyHeads: 1, headSize: 8, wide: 48, tied: true),
        type: .bf16)
    static let f16 = TinyModel(
        "gpt2-f16", .tiny(.gpt2, layers: 2, dim: 32, heads: 2, keyHeads: 2, headSize: 16, wide: 64), type: .f16)
    static let q8 = TinyModel(
        "llama-q8_0",
        .tiny(.llama, layers: 3, dim: 64, heads: 4, keyHeads: 2, headSize: 16, wide: 96, tied: true, interleaved: true),
        type: .q8_0)
    static let q4 = TinyModel(
        "llama-q4_0", .tiny(.llama, layers: 2, dim: 64, heads: 4, keyHeads: 2, headSize: 16, wide: 96), type: .q4_0)

    /// A model of 16 matrices, each of another type; rows are whole panels.
    static let everyType = TinyModel(
        "llama-every-type",
        .tiny(.llama, layers: 2, dim: 256, heads: 4, keyHeads: 2, headSize: 64, wide: 512, vocabulary: 96),
        mixed: TensorType.allCases)

    /// Qwen3.5's kind: delta nets of odd sizes, three value heads for each key head, beside attention with gates.
    static let deltaNet = TinyModel(
        "qwen35-f32", .tinyDeltaNet(layers: [true, true, false, true], keySize: 7, valueSize: 19), type: .f32)
    /// The same quantized, with heads in GGUF's order.
    static let quantizedDeltaNet = TinyModel(
        "qwen35-q8_0",
        .tinyDeltaNet(layers: [true, false, true], keySize: 16, valueSize: 16, order: .inTurn), type: .q8_0)

    static let all = [gpt2, llama, bf16, f16, q8, q4, everyType]
}

extension ModelConfiguration {
    /// A small configuration of either family.
    static func tiny(
        _ architecture: Architecture, layers: Int, dim: Int, heads: Int, keyHeads: Int, headSize: Int, wide: Int,
        vocabulary: Int = 67, context: Int = 256, tied: Bool = false, interleaved: Bool = false
    ) -> ModelConfiguration {
        let isGPT2 = architecture == .gpt2
        let rotary = RotaryConfiguration(
            base: 10000, dimensions: headSize, pairing: interleaved ? .interleaved : .halves,
            scaling: interleaved
                ? .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 32) : .none)
        return ModelConfiguration(
            architecture: architecture, layerCount: layers, embeddingLength: dim, headCount: heads,
            keyValueHeadCount: keyHeads, headSize: headSize, feedForwardLength: wide, vocabularySize: vocabulary,
            contextLength: context, normalization: isGPT2 ? .layerNorm : .rmsNorm, normalizationEpsilon: 1e-5,
            positions: isGPT2 ? .learned : .rotary(rotary), activation: isGPT2 ? .geluTanh : .silu, isGated: !isGPT2,
            hasFusedQueryKeyValue: isGPT2, hasQueryKeyValueBias: isGPT2, hasAttentionOutputBias: isGPT2,
            hasFeedForwardBias: isGPT2, hasTiedEmbeddings: isGPT2 || tied)
    }
}

extension ModelConfiguration {
    /// A small configuration with delta nets in some layers.
    static func tinyDeltaNet(
        layers: [Bool], keySize: Int, valueSize: Int, order: DeltaNet.HeadOrder = .grouped
    ) -> ModelConfiguration {
        var model = ModelConfiguration.tiny(
            .qwen35, layers: layers.count, dim: 64, heads: 4, keyHeads: 2, headSize: 16, wide: 96)
        if case .rotary(var rotary) = model.positions {
            rotary.dimensions = 4
            model.positions = .rotary(rotary)
        }
        model.queryKeyNorm = .perHead
        model.hasAttentionGate = true
        model.deltaNet = DeltaNet(
            keyHeadCount: 2, valueHeadCount: 6, keySize: keySize, valueSize: valueSize, convolutionLength: 4,
            headOrder: order, hasLogarithmicRates: order == .grouped, layers: layers)
        return model
    }
}

/// SplitMix64, for test data.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Between -1 and 1.
    mutating func float() -> Float { Float(Int32(truncatingIfNeeded: next() >> 32)) * 0x1p-31 }

    /// Stored elements of a tensor.
    mutating func weights(_ type: TensorType, count: Int, center: Float) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        for _ in 0..<count / type.blockElements {
            let value = center + 0.35 * float()
            switch type {
            case .f32: append(value.bitPattern)
            case .f16: append(Float16(value).bitPattern)
            case .bf16: append(UInt16(value.bitPattern >> 16))
            default: appendBlock(type, scale: value * 0.1, to: &bytes)
            }
        }
        return bytes
    }

    /// Random bytes with F16 scales and minima (an exponent in MXFP4) that keep the weights below about 1.
    private mutating func appendBlock(_ type: TensorType, scale: Float, to bytes: inout [UInt8]) {
        let start = bytes.count
        for _ in 0..<type.blockBytes { bytes.append(UInt8(truncatingIfNeeded: next())) }
        // Largest quant times largest integer scale: what the scale must be small for.
        let halves: [(offset: Int, magnitude: Float)] =
            switch type {
            case .q8_0, .iq4_nl: [(0, 10)]
            case .q4_1: [(0, 1), (2, 1)]
            case .q5_0: [(0, 2)]
            case .q5_1: [(0, 2), (2, 1)]
            case .q2_k: [(80, 3), (82, 5)]
            case .q3_k: [(108, 10)]
            case .q4_k: [(0, 50), (2, 50)]
            case .q5_k: [(0, 100), (2, 50)]
            case .q6_k: [(208, 300)]
            case .iq4_xs: [(0, 300)]
            default: [(0, 1)]
            }
        if type == .mxfp4 { return bytes[start] = 123 }
        for (offset, magnitude) in halves {
            let half = Float16(scale / magnitude).bitPattern
            bytes[start + offset] = UInt8(truncatingIfNeeded: half)
            bytes[start + offset + 1] = UInt8(half >> 8)
        }
    }
}
