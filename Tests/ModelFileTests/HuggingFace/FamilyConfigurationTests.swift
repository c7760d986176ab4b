// What config.json and GGUF metadata of each family say, in older and newer spellings; what they may not say.
import Foundation
import Sequences
import Testing

@testable import ModelFile

@Suite("Configurations of the families")
struct FamilyConfigurationTests {
    private static let sizes: [String: any Sendable] = [
        "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": 48, "vocab_size": 99, "max_position_embeddings": 128, "rms_norm_eps": 1e-6,
        "tie_word_embeddings": true,
    ]

    private func read(_ type: String, _ fields: [String: Any] = [:]) throws -> ModelConfiguration {
        let all = (Self.sizes as [String: Any]).merging(["model_type": type]) { $1 }.merging(fields) { $1 }
        return try HuggingFaceModel(MemoryFolder(files: ["config.json": jsonBytes(all)])).configuration([:])
    }

    private func rotary(_ type: String, _ fields: [String: Any]) throws -> RotaryConfiguration {
        guard case .rotary(let rotary) = try read(type, fields).positions else { throw CancellationError() }
        return rotary
    }

    private func gguf(
        _ name: String, _ values: [(String, GGUFBuilder.Value)] = [], tensors: [(String, [Float])] = []
    ) throws -> ModelConfiguration {
        var file = GGUFBuilder()
        file.metadata = [("general.architecture", .string(name))]
        for (key, value) in [
            ("block_count", 4), ("context_length", 128), ("embedding_length", 32), ("feed_forward_length", 48),
            ("attention.head_count", 4), ("attention.head_count_kv", 2),
        ] { file.metadata.append(("\(name).\(key)", .uint32(UInt32(value)))) }
        file.metadata.append(("\(name).attention.layer_norm_rms_epsilon", .float(1e-6)))
        for (key, value) in values { file.set("\(name).\(key)", value) }
        file.tensors = [.init(name: "token_embd.weight", dimensions: [32, 1], data: [UInt8](repeating: 0, count: 128))]
        for (name, values) in tensors {
            file.tensors.append(
                .init(
                    name: name, dimensions: [UInt64(values.count)],
                    data: values.flatMap { littleEndian($0.bitPattern) }))
        }
        return try GGUFModel(MemoryFile(name: "a.gguf", content: file.bytes), in: MemoryFolder()).configuration()
    }

    @Test("An unknown family is refused by name, with where those that are known are listed")
    func unknown() throws {
        let folder = refusal { try read("mamba") }
        #expect(folder?.value == "\"mamba\"")
        #expect(folder?.code == .unsupported && folder?.hint?.description.contains("README.md") == true)
        let file = refusal { try gguf("mamba") }
        #expect(file?.value == "\"mamba\"")
        #expect(file?.code == .unsupported && file?.hint?.description.contains("README.md") == true)
    }

    @Test("Windows: an absent field means the family's own, null means none")
    func windows() throws {
        #expect(try read("mistral").slidingWindow == .init(length: 4096, layers: [true, true, true, true]))
        #expect(try read("mistral", ["sliding_window": 8]).slidingWindow?.length == 8)
        #expect(try read("mistral", ["sliding_window": NSNull()]).slidingWindow == nil)
        #expect(try read("phi3").slidingWindow == nil)
        #expect(try read("qwen2", ["sliding_window": 8]).slidingWindow == nil)
        let qwen: [String: Any] = ["sliding_window": 8, "use_sliding_window": true, "max_window_layers": 3]
        #expect(try read("qwen2", qwen).slidingWindow == .init(length: 8, layers: [false, false, false, true]))
        let types = ["sliding_attention", "full_attention", "full_attention", "sliding_attention"]
        let stated = qwen.merging(["layer_types": types]) { $1 }
        #expect(try read("qwen3", stated).slidingWindow?.layers == [true, false, false, true])
        #expect(try read("gemma2").slidingWindow == .init(length: 4096, layers: [true, false, true, false]))
        #expect(refusal { try read("gemma2", ["layer_types": ["full_attention"]]) }?.field == "layer_types")
        let chunked = ["layer_types": Array(repeating: "chunked_attention", count: 4)]
        #expect(refusal { try read("gemma2", chunked) }?.value == "\"chunked_attention\"")
        #expect(refusal { try read("mistral", ["sliding_window": 0]) }?.field == "sliding window")
        #expect(refusal { try read("gemma2", ["num_hidden_layers": Int.max]) }?.code == .invalidValue)
    }

    @Test("Gemma 3 reads alike in the older and the newer spelling, with and without images")
    func gemma3() throws {
        let older: [String: Any] = [
            "head_dim": 8, "rope_theta": 2e6, "rope_local_base_freq": 5000, "sliding_window": 16,
            "sliding_window_pattern": 3, "query_pre_attn_scalar": 16,
            "rope_scaling": ["rope_type": "linear", "factor": 8.0],
        ]
        let newer: [String: Any] = [
            "head_dim": 8, "sliding_window": 16, "query_pre_attn_scalar": 16,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
            "rope_parameters": [
                "full_attention": ["rope_type": "linear", "factor": 8.0, "rope_theta": 2e6] as [String: Any],
                "sliding_attention": ["rope_type": "default", "rope_theta": 5000.0] as [String: Any],
            ],
        ]
        let configuration = try read("gemma3_text", older)
        #expect(try read("gemma3_text", newer) == configuration)
        let text = (Self.sizes as [String: Any]).merging(newer) { $1 }
        #expect(try read("gemma3", ["text_config": text]) == configuration)
        #expect(configuration.slidingWindow?.rotary?.base == 5000)
        #expect(configuration.slidingWindow?.rotary?.scaling == RotaryConfiguration.Scaling.none)
        #expect(configuration.attentionScale == 0.25)
        #expect(configuration.contextLength == 4096)
        #expect(configuration.normWeightOffset == 1)
        #expect(refusal { try read("gemma3") }?.field == "text_config")
        #expect(refusal { try read("gemma3_text", ["sliding_window_pattern": 0]) }?.code == .invalidValue)
        #expect(refusal { try read("gemma3_text", ["use_bidirectional_attention": true]) }?.code == .unsupported)
        #expect(refusal { try read("gemma3_text", ["query_pre_attn_scalar": -1]) }?.field == "attention scale")
    }

    @Test("Softcaps: an absent field means the family's own, null means none")
    func softcaps() throws {
        #expect(try read("gemma2").attentionSoftcap == 50)
        #expect(try read("gemma2").logitSoftcap == 30)
        #expect(try read("gemma2", ["final_logit_softcapping": NSNull()]).logitSoftcap == nil)
        #expect(try read("gemma3_text").logitSoftcap == nil)
    }

    @Test("Rotary scaling: every kind, and whose original length counts")
    func scaling() throws {
        let yarn: [String: Any] = ["type": "yarn", "factor": 4, "beta_fast": 16, "mscale": 0.7, "truncate": false]
        var expected = RotaryConfiguration.YaRN(factor: 4, originalContextLength: 128)
        expected.betaFast = 16
        expected.mscale = 0.7
        expected.truncates = false
        #expect(try rotary("llama", ["rope_scaling": yarn]).scaling == .yarn(expected))
        expected.originalContextLength = 32
        let stated = yarn.merging(["original_max_position_embeddings": 32]) { $1 }
        #expect(try rotary("llama", ["rope_parameters": stated]).scaling == .yarn(expected))
        let outer: [String: Any] = ["rope_scaling": stated, "original_max_position_embeddings": 64]
        expected.originalContextLength = 64
        #expect(try rotary("qwen2", outer).scaling == .yarn(expected))
        let dynamic = try read("llama", ["rope_scaling": ["type": "dynamic", "factor": 2]])
        #expect(dynamic.dynamicLength == 128)
        #expect(dynamic.contextLength > 256)
        func context(_ declared: Int) throws -> Int {
            try read("llama", ["rope_scaling": ["type": "linear", "factor": 2], "max_position_embeddings": declared])
                .contextLength
        }
        #expect(try context(8192) == 16_384)
        #expect(try context(128) == 4096)
        #expect(try context(1 << 30) == 1 << 30)
        #expect(refusal { try rotary("llama", ["rope_scaling": ["type": "longrope"]]) }?.code == .missing)
    }

    @Test("Phi-3 turns a share of each head; its original length stands outside of the scaling")
    func phi3() throws {
        let factors: [String: Any] = [
            "type": "su", "short_factor": [1, 1.5], "long_factor": [2.0, 4.0], "original_max_position_embeddings": 7,
        ]
        let fields: [String: Any] = ["rope_scaling": factors, "partial_rotary_factor": 0.5]
        let longRope = RotaryConfiguration.LongRope(
            shortFactors: [1, 1.5], longFactors: [2, 4], originalContextLength: 32, factor: 4)
        let outer = fields.merging(["original_max_position_embeddings": 32]) { $1 }
        #expect(try rotary("phi3", outer).scaling == .longrope(longRope))
        #expect(try rotary("phi3", outer).dimensions == 4)
        #expect(try read("phi3", outer).replayLength == 32)
        #expect(try read("phi3", outer).dynamicLength == nil)
        #expect(try read("phi3", fields).replayLength == 4096)
        #expect(try read("phi3", outer).hasFusedGateUp)
        var short = factors
        short["short_factor"] = [1]
        #expect(refusal { try read("phi3", ["rope_scaling": short]) }?.field == "rotary factor count")
        short["short_factor"] = ["1", "2"]
        #expect(refusal { try read("phi3", ["rope_scaling": short]) }?.field == "short_factor")
        for share in [0, 2, -1] as [Double] {
            #expect(refusal { try read("phi3", ["partial_rotary_factor": share]) }?.code == .invalidValue)
        }
        // The other families' classes do not look at it.
        #expect(try rotary("llama", ["partial_rotary_factor": 0.5]).dimensions == 8)
    }

    @Test("GGUF: pairs lie side by side in Llama's files and those like it; norms' weights are stored as they are used")
    func ggufFamilies() throws {
        let sideBySide = ["llama", "smollm3", "granite", "granitemoe", "mistral3", "glm4", "chatglm", "ernie4_5"]
        for name in sideBySide + [
            "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "olmo2", "seed_oss", "exaone4",
        ] {
            let configuration = try gguf(name)
            guard case .rotary(let rotary) = configuration.positions else { Issue.record("\(name)"); continue }
            #expect(rotary.pairing == (sideBySide.contains(name) ? .interleaved : .halves), "\(name)")
            #expect(configuration.normWeightOffset == 0)
        }
        #expect(try gguf("gemma2").slidingWindow == .init(length: 4096, layers: [true, false, true, false]))
        let local = try gguf("gemma3", [("attention.sliding_window", .uint32(8)), ("rope.freq_base", .float(1e6))])
        #expect(local.slidingWindow?.rotary?.base == 10_000)
        #expect(local.slidingWindow?.layers == [true, true, true, true])
        let pattern: [(String, GGUFBuilder.Value)] = [
            ("attention.sliding_window", .uint32(8)), ("attention.sliding_window_pattern", .uint32(3)),
        ]
        #expect(try gguf("gemma3", pattern).slidingWindow?.layers == [true, true, false, true])
        let bad = [pattern[0], ("attention.sliding_window_pattern", .int32(-1))]
        #expect(refusal { try gguf("gemma3", bad) }?.code == .invalidValue)
        let list = [pattern[0], ("attention.sliding_window_pattern", .int32s([1, 0]))]
        #expect(refusal { try gguf("gemma3", list) }?.code == .mismatch)
        #expect(try gguf("phi3", [("attention.sliding_window", .uint32(0))]).slidingWindow == nil)
        #expect(try gguf("olmo2", [("attention.sliding_window", .uint32(0))]).slidingWindow == nil)
    }

    @Test("GGUF: YaRN's keys and longrope's tensors")
    func ggufScaling() throws {
        let keys: [(String, GGUFBuilder.Value)] = [
            ("rope.scaling.type", .string("yarn")), ("rope.scaling.factor", .float(4)),
            ("rope.scaling.original_context_length", .uint32(32)), ("rope.scaling.yarn_beta_fast", .float(16)),
            ("rope.scaling.attn_factor", .float(2)),
        ]
        var yarn = RotaryConfiguration.YaRN(factor: 4, originalContextLength: 32)
        yarn.betaFast = 16
        yarn.attentionMultiplier = 2
        let positions = ModelConfiguration.Positions.rotary(
            .init(base: 10_000, dimensions: 8, pairing: .halves, scaling: .yarn(yarn)))
        #expect(try gguf("qwen3", keys).positions == positions)
        #expect(
            refusal { try gguf("qwen3", keys + [("rope.scaling.yarn_ext_factor", .float(0))]) }?.code == .unsupported)
        let tensors: [(String, [Float])] = [
            ("rope_factors_long.weight", [2, 3, 4, 5]), ("rope_factors_short.weight", [1, 1, 1, 1]),
        ]
        let long = try gguf("phi3", [keys[2], keys[4]], tensors: tensors)
        #expect(long.replayLength == 32)
        guard case .rotary(let rotary) = long.positions, case .longrope(let longRope) = rotary.scaling else {
            Issue.record("no longrope")
            return
        }
        #expect(longRope.attentionFactor == 2)
        #expect(longRope.longFactors == [2, 3, 4, 5])
    }

    @Test("A spoiled field is refused or harmless, in every family")
    func spoiled() throws {
        let root = URL(filePath: Place.fixture("families"))
        let folders = try FileManager.default.contentsOfDirectory(atPath: root.path).sorted()
        #expect(folders.count >= 13)
        let values: [Any] = [
            0, -1, 3, Int.max, Int.min, 1e300, -0.5, 1e-300, "x", NSNull(), true, [Any](), [1, -1] as [Any],
            [String: Any](), ["full_attention": 3] as [String: Any],
        ]
        var opened = 0
        for folder in folders {
            let data = try Data(contentsOf: root.appending(path: "\(folder)/config.json"))
            let fields = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            for changed in Self.variants(of: fields, values: values) {
                let file = MemoryFolder(files: ["config.json": try jsonBytes(changed)])
                if (try? HuggingFaceModel(file).configuration([:])) != nil { opened += 1 }
            }
        }
        #expect(opened > 1000)
    }

    /// The object with each of its fields, also of those inside of it, replaced by each of the values.
    private static func variants(of fields: [String: Any], values: [Any]) -> [[String: Any]] {
        fields.keys.sorted().flatMap { key -> [[String: Any]] in
            var all = values.map { value in fields.merging([key: value]) { $1 } }
            if let inner = fields[key] as? [String: Any] {
                all += variants(of: inner, values: values).map { value in fields.merging([key: value]) { $1 } }
            }
            return all
        }
    }
}
