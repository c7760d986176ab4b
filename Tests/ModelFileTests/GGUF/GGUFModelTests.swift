// GGUF metadata as configuration and tokenizer, and split files.
import Testing

@testable import ModelFile

@Suite struct GGUFModelTests {
    @Test("A Llama file becomes a configuration with interleaved pairs")
    func llama() throws {
        let model = try TinyModels.llamaGGUF().model()
        #expect(model.configuration == TinyModels.llamaConfiguration())
        #expect(model.name == "tiny")
        #expect(model.tensors.count == 21)
        #expect(model.tensors.map(\.name).first == "token_embd.weight")
        #expect(model.tensors.map(\.name).last == "output.weight")
        #expect(model.generation.eosTokens == [2])
        #expect(model.generation.bosToken == 1)
    }

    @Test("A GPT-2 file becomes a configuration with fused, untransposed matrices and a tied head")
    func gpt2() throws {
        let model = try TinyModels.gpt2GGUF().model()
        #expect(model.configuration == TinyModels.gpt2Configuration())
        #expect(model.tensors.allSatisfy { !$0.isTransposed })
        #expect(model.tensors(of: .embedding).map(\.name) == ["token_embd.weight", "position_embd.weight"])
        #expect(
            model.tensors(of: .head).map(\.name) == ["output_norm.weight", "output_norm.bias", "token_embd.weight"])
    }

    @Test("A GPT-2 file with an output matrix is not tied")
    func untiedGPT2() throws {
        var file = TinyModels.gpt2GGUF()
        var output = file.tensors[0]
        output.name = "output.weight"
        file.tensors.append(output)
        #expect(try file.model().configuration.hasTiedEmbeddings == false)
    }

    @Test("Head size, rotary base and dimensions are taken from the file")
    func headSize() throws {
        var file = TinyModels.llamaGGUF()
        file.set("llama.attention.key_length", .uint32(4))
        file.set("llama.attention.value_length", .uint32(4))
        file.set("llama.rope.freq_base", .float(500_000))
        file.set("llama.rope.dimension_count", .uint32(2))
        for (name, rows) in [("q", 8), ("k", 4), ("v", 4)] {
            for layer in 0..<2 {
                file.edit("blk.\(layer).attn_\(name).weight") { tensor in
                    tensor.dimensions = [4, UInt64(rows)]
                    tensor.data = [UInt8](repeating: 0, count: rows * 16)
                }
            }
        }
        for layer in 0..<2 {
            file.edit("blk.\(layer).attn_output.weight") { tensor in
                tensor.dimensions = [8, 4]
                tensor.data = [UInt8](repeating: 0, count: 128)
            }
        }
        let configuration = try file.model().configuration
        #expect(configuration.headSize == 4)
        #expect(
            configuration.positions == .rotary(.init(base: 500_000, dimensions: 2, pairing: .interleaved)))
        file.set("llama.attention.value_length", .uint32(2))
        #expect(refusal { try file.model() }?.field == "llama.attention.value_length")
    }

    @Test("Rotary scaling: factors from a tensor, linear, and anything else refused by name")
    func rotaryScaling() throws {
        var file = TinyModels.llamaGGUF()
        file.tensors.append(
            .init(name: "rope_freqs.weight", dimensions: [1], data: littleEndian(Float(8).bitPattern)))
        func scaling(_ file: GGUFBuilder) throws -> RotaryConfiguration.Scaling? {
            guard case .rotary(let rotary) = try file.model().configuration.positions else { return nil }
            return rotary.scaling
        }
        #expect(try scaling(file) == .factors([8]))
        file.edit("rope_freqs.weight") { $0.data = littleEndian(Float.nan.bitPattern) }
        #expect(refusal { try scaling(file) }?.field == "rotary factor")
        file.edit("rope_freqs.weight") { tensor in
            tensor.dimensions = [2]
            tensor.data = [UInt8](repeating: 1, count: 8)
        }
        #expect(refusal { try scaling(file) }?.field == "rotary factor count")

        file = TinyModels.llamaGGUF()
        file.set("llama.rope.scaling.type", .string("linear"))
        file.set("llama.rope.scaling.factor", .float(4))
        #expect(try scaling(file) == .linear(factor: 4))
        file.set("llama.rope.scaling.type", .string("stretched"))
        let error = refusal { try scaling(file) }
        #expect(error?.code == .unsupported)
        #expect(error?.value == "stretched")
    }

    @Test("Biases are found by their tensors")
    func biases() throws {
        var file = TinyModels.llamaGGUF()
        for layer in 0..<2 {
            for (name, length) in [("attn_q", 4), ("attn_k", 2), ("attn_v", 2)] {
                file.tensors.append(
                    .init(
                        name: "blk.\(layer).\(name).bias", dimensions: [UInt64(length)],
                        data: [UInt8](repeating: 0, count: length * 4)))
            }
        }
        let model = try file.model()
        #expect(model.configuration.hasQueryKeyValueBias)
        #expect(!model.configuration.hasAttentionOutputBias)
        #expect(model.tensors(of: .layer(1)).contains { $0.name == "blk.1.attn_k.bias" })
    }

    @Test("An architecture, a type or a tensor that is not supported is refused by name")
    func unsupported() {
        var file = TinyModels.llamaGGUF()
        file.set("general.architecture", .string("mamba"))
        let architecture = refusal { try file.model() }
        #expect(architecture?.code == .unsupported)
        #expect(architecture?.description.contains("\"mamba\"") == true)
        #expect(architecture?.hint != nil)

        file = TinyModels.llamaGGUF()
        file.edit("blk.1.ffn_up.weight") { $0.type = 16 }
        let type = refusal { try file.model() }
        #expect(type?.field == "type of tensor blk.1.ffn_up.weight")
        #expect(type?.value == "IQ2_XXS")
        #expect(type?.problem.contains("Q8_0") == true)

        file = TinyModels.llamaGGUF()
        file.tensors.append(.init(name: "blk.1.attn_q_norm.weight", dimensions: [2], data: [0, 0, 0, 0, 0, 0, 0, 0]))
        #expect(refusal { try file.model() }?.field == "tensor blk.1.attn_q_norm.weight")

        file = TinyModels.llamaGGUF()
        file.set("llama.expert_count", .uint32(8))
        #expect(refusal { try file.model() }?.field == "llama.expert_used_count")
        file.set("llama.expert_used_count", .uint32(2))
        for (key, value) in [
            ("expert_shared_count", 1), ("expert_group_count", 4), ("expert_gating_func", 2),
            ("expert_weights_scale", 2),
        ] {
            var other = file
            other.set("llama." + key, .uint32(UInt32(value)))
            let refused = refusal { try other.model() }
            #expect(refused?.field == "llama." + key && refused?.code == .unsupported)
        }
    }

    @Test("A missing tensor and a wrong shape are refused; the message names both shapes")
    func shapes() {
        var file = TinyModels.llamaGGUF()
        file.tensors.removeAll { $0.name == "blk.1.ffn_gate.weight" }
        #expect(refusal { try file.model() }?.field == "tensor blk.1.ffn_gate.weight")
        file = TinyModels.llamaGGUF()
        file.edit("blk.0.attn_k.weight") { $0.dimensions = [2, 4] }
        let error = refusal { try file.model() }
        #expect(error?.description.contains("[4, 2]") == true)
        #expect(error?.description.contains("[2, 4]") == true)
    }

    @Test(
        "Settings that no model has are refused with key and value",
        arguments: [
            ("block_count", .uint32(0)), ("block_count", .uint32(1_000_000)), ("block_count", .int32(-1)),
            ("attention.head_count", .uint32(0)), ("attention.head_count", .uint32(3)),
            ("attention.head_count_kv", .uint32(0)), ("attention.head_count_kv", .uint32(4)),
            ("embedding_length", .uint64(.max)), ("embedding_length", .uint32(0)),
            ("feed_forward_length", .uint32(0)), ("context_length", .uint32(0)),
            ("attention.layer_norm_rms_epsilon", .float(.nan)), ("attention.layer_norm_rms_epsilon", .float(0)),
            ("attention.layer_norm_rms_epsilon", .float(.infinity)), ("rope.freq_base", .float(-1)),
            ("rope.freq_base", .float(.nan)), ("rope.dimension_count", .uint32(1)),
            ("rope.dimension_count", .uint32(4)), ("block_count", .string("2")),
        ] as [(String, GGUFBuilder.Value)])
    func impossibleSettings(key: String, value: GGUFBuilder.Value) {
        var file = TinyModels.llamaGGUF()
        file.set("llama." + key, value)
        let error = refusal { try file.model() }
        #expect(error?.field != nil)
        #expect(error?.value != nil)
    }

    @Test("A setting that is missing is named")
    func missingSetting() {
        var file = TinyModels.llamaGGUF()
        file.set("llama.block_count", nil)
        let error = refusal { try file.model() }
        #expect(error?.code == .missing)
        #expect(error?.field == "llama.block_count")
    }

    @Test("A file with a vocabulary alone opens for its tokenizer, not as a model")
    func vocabularyOnly() throws {
        var file = TinyModels.llamaGGUF()
        file.tensors = []
        #expect(try file.tokenizer()?.tokens.count == 8)
        #expect(refusal { try file.model() }?.problem.contains("no weights") == true)
    }

    // MARK: Split files

    private func split() -> MemoryFolder {
        let whole = TinyModels.llamaGGUF()
        var folder = MemoryFolder()
        for number in 0..<2 {
            var part = GGUFBuilder()
            if number == 0 { part.metadata = whole.metadata }
            part.set("split.no", .uint32(UInt32(number)))
            part.set("split.count", .uint32(2))
            part.set("split.tensors.count", .uint32(21))
            part.tensors = number == 0 ? Array(whole.tensors.prefix(10)) : Array(whole.tensors.dropFirst(10))
            folder.files["m-0000\(number + 1)-of-00002.gguf"] = part.bytes
        }
        return folder
    }

    private func open(_ name: String, in folder: MemoryFolder) throws -> Model {
        let source = try #require(try folder.open(name))
        return try Model(GGUFModel(source, in: folder))
    }

    @Test("Any part of a split model opens the whole", arguments: [1, 2])
    func splitModel(part: Int) throws {
        let model = try open("m-0000\(part)-of-00002.gguf", in: split())
        #expect(model.configuration == TinyModels.llamaConfiguration())
        #expect(model.fileNames.count == 2)
        #expect(Set(model.tensors.map(\.file)) == [0, 1])
    }

    @Test("A split model with a missing, swapped, renamed or foreign part is refused")
    func brokenSplit() {
        let first = "m-00001-of-00002.gguf"
        let second = "m-00002-of-00002.gguf"
        var folder = split()
        folder.files[second] = nil
        let missing = refusal { try open(first, in: folder) }
        #expect(missing?.code == .missing)
        #expect(missing?.value == second)

        folder = split()
        (folder.files[first], folder.files[second]) = (folder.files[second], folder.files[first])
        #expect(refusal { try open(first, in: folder) }?.field == "split.no")

        folder = split()
        folder.files["renamed.gguf"] = folder.files[first]
        #expect(refusal { try open("renamed.gguf", in: folder) }?.field == "split.count")

        folder = split()
        folder.files[second] = TinyModels.llamaGGUF().bytes
        #expect(refusal { try open(first, in: folder) }?.field == "split.no")
    }

    @Test("A tensor that is in two parts is refused")
    func splitDuplicates() throws {
        var folder = split()
        var part = GGUFBuilder()
        part.set("split.no", .uint32(1))
        part.set("split.count", .uint32(2))
        part.tensors = Array(TinyModels.llamaGGUF().tensors.dropFirst(9))
        folder.files["m-00002-of-00002.gguf"] = part.bytes
        #expect(refusal { try open("m-00001-of-00002.gguf", in: folder) }?.code == .mismatch)
        var first = GGUFBuilder()
        first.metadata = TinyModels.llamaGGUF().metadata
        first.set("split.no", .uint32(0))
        first.set("split.count", .uint32(2))
        first.tensors = Array(TinyModels.llamaGGUF().tensors.prefix(10))
        folder.files["m-00001-of-00002.gguf"] = first.bytes
        #expect(refusal { try open("m-00001-of-00002.gguf", in: folder) }?.code == .duplicate)
    }
}
