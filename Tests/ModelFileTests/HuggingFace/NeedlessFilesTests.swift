// Hugging Face folders whose files contradict each other, or hold what cannot be read but is not needed either.
import Sequences
import Testing

@testable import ModelFile

@Suite("Files and fields that are not needed")
struct NeedlessFilesTests {
    @Test(
        "A generation_config.json that cannot be read is left out with a sentence",
        arguments: [#"{"eos_token_id": 2,}"#, "", "[]", "<!DOCTYPE html><html>", "\u{1}", #"{"a": "#])
    func unreadable(text: String) throws {
        var folder = try TinyModels.llamaFolder()
        for name in ["generation_config.json", "tokenizer_config.json", "special_tokens_map.json"] {
            folder.files[name] = Array(text.utf8)
            folder.files["tokenizer.json"] = try jsonBytes(TinyModels.byteLevelTokenizer())
            let model = try folder.model()
            #expect(model.generation.eosTokens == [2, 3] && model.tokenizer != nil)
            #expect(model.notices.map(\.description).filter { $0.contains(name) }.count == 1)
            folder.files[name] = nil
        }
    }

    @Test("Fields without a meaning are left out, the rest of the file is used")
    func fields() throws {
        var folder = try TinyModels.llamaFolder()
        func generation(_ text: String) throws -> (GenerationDefaults, notices: Int) {
            folder.files["generation_config.json"] = Array(text.utf8)
            let model = try folder.model()
            return (model.generation, model.notices.count)
        }
        let off = try generation(#"{"top_k": -1, "eos_token_id": 2, "temperature": "hot", "top_p": 0.5}"#)
        #expect(off.0.sampling.topK == 0 && off.0.sampling.temperature == nil && off.0.sampling.topP == 0.5)
        #expect(off.0.eosTokens == [2] && off.notices == 0)
        let text = try generation(#"{"eos_token_id": "2", "bos_token_id": [1]}"#)
        #expect(text.0.eosTokens == [2, 3] && text.0.bosToken == 1 && text.notices == 1)
        let beyond = try generation(#"{"eos_token_id": [4, 50256, null, 4]}"#)
        #expect(beyond.0.eosTokens == [4] && beyond.notices == 2)
        let none = try generation(#"{"eos_token_id": [50256]}"#)
        #expect(none.0.eosTokens == [] && none.notices == 1)
        #expect(try generation(#"{"eos_token_id": NaN, "top_p": Infinity}"#).0.eosTokens == [2, 3])
    }

    @Test("Fields of tokenizer_config.json that are of another kind are left out with a sentence")
    func tokenizerFields() throws {
        var folder = try TinyModels.llamaFolder()
        folder.files["tokenizer.json"] = try jsonBytes(TinyModels.byteLevelTokenizer())
        folder.files["tokenizer_config.json"] = Array(
            #"{"add_bos_token": "yes", "tokenizer_class": 3, "chat_template": 5}"#.utf8)
        let model = try folder.model()
        #expect(model.tokenizer != nil && model.chatTemplate == nil && model.notices.count == 3)
    }

    @Test("An index of files that are not there does not stand against weights that are complete")
    func staleIndex() throws {
        var folder = try TinyModels.llamaFolder()
        let whole = try folder.model()
        let names = TinyModels.safetensors(.llama, TinyModels.llamaConfiguration()).tensors.map(\.name)
        let map = Dictionary(uniqueKeysWithValues: names.map { ($0, "model-00001-of-00003.safetensors") })
        folder.files["model.safetensors.index.json"] = try jsonBytes(["weight_map": map])
        var model = try folder.model()
        #expect(model.tensors == whole.tensors && model.fileNames == ["folder/model.safetensors"])
        #expect(model.notices.count == 1)
        folder.files["model.safetensors.index.json"] = Array("{".utf8)
        model = try folder.model()
        #expect(model.tensors == whole.tensors && model.notices.count == 1)

        folder = try TinyModels.shardedFolder()
        let sharded = try folder.model()
        #expect(sharded.notices == [])
        folder.files["model.safetensors.index.json"] = try jsonBytes(["weight_map": map])
        #expect(try folder.model().tensors == sharded.tensors)
    }

    @Test("Entries of an index for tensors that nobody needs do no harm, those for needed ones are named")
    func absentFiles() throws {
        var folder = try TinyModels.shardedFolder()
        let expected = try folder.model().tensors
        var map: [String: String] = [:]
        for (number, name) in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"].enumerated() {
            let file = try SafetensorsFile(MemoryFile(name: name, content: try #require(folder.files[name])))
            // Other names, so that nothing tells that the weights are complete.
            folder.files["part\(number).safetensors"] = folder.files.removeValue(forKey: name)
            for tensor in file.tensors { map[tensor.name] = "part\(number).safetensors" }
        }
        map["vision_tower.weight"] = "part9.safetensors"
        folder.files["model.safetensors.index.json"] = try jsonBytes(["weight_map": map])
        #expect(try folder.model().tensors == expected)
        map["vision_tower.weight"] = "part0.safetensors"
        folder.files["model.safetensors.index.json"] = try jsonBytes(["weight_map": map])
        #expect(try folder.model().tensors == expected)
        folder.files["part1.safetensors"] = nil
        let error = refusal { try folder.model() }
        #expect(error?.code == .missing && error?.file == "folder/part1.safetensors")
        #expect(error?.hint?.description.contains("download every file") == true)
    }

    @Test("Tied matrices are found under either name, by the file's own list of names or without it")
    func tiedAlias() throws {
        var folder = try TinyModels.llamaFolder()
        var file = TinyModels.safetensors(.llama, TinyModels.llamaConfiguration())
        file.tensors.removeAll { $0.name == "model.embed_tokens.weight" }
        folder.files["model.safetensors"] = try file.bytes()
        #expect(refusal { try folder.model() }?.code == .missing)  // it says that it is not tied
        for tied in [true, nil] {
            try folder.set("tie_word_embeddings", tied, in: "config.json")
            let model = try folder.model()
            let read = Set(
                model.tensors.filter { $0.name == "token_embd.weight" || $0.name == "output.weight" }.map(\.offset))
            #expect(read.count == 1)
        }
        file.metadata["model.embed_tokens.weight"] = "lm_head.weight"
        folder.files["model.safetensors"] = try file.bytes()
        for tied in [true, false, nil] {
            try folder.set("tie_word_embeddings", tied, in: "config.json")
            #expect(try folder.model().tensors.contains { $0.name == "token_embd.weight" })
        }
        folder = try TinyModels.gpt2Folder()
        file = TinyModels.safetensors(.gpt2, TinyModels.gpt2Configuration())
        for index in file.tensors.indices where file.tensors[index].name == "transformer.wte.weight" {
            file.tensors[index].name = "lm_head.weight"
        }
        folder.files["model.safetensors"] = try file.bytes()
        #expect(try folder.model().configuration.hasTiedEmbeddings)
    }

    @Test("config.json is read as Python reads it: NaN, Infinity, and the last of equal names")
    func python() throws {
        var folder = try TinyModels.llamaFolder()
        let expected = try folder.model().configuration
        var text = String(decoding: try #require(folder.files["config.json"]), as: UTF8.self).dropLast()
        text += #", "router_jitter": NaN, "logit_scale": [-Infinity, Infinity, 1e999]}"#
        text.insert(contentsOf: #""num_hidden_layers": 7, "vocab_size": "x", "#, at: text.index(after: text.startIndex))
        folder.files["config.json"] = Array(text.utf8)
        #expect(try folder.model().configuration == expected)
        try folder.set("rms_norm_eps", nil, in: "tokenizer_config.json")
        folder.files["config.json"] = Array(text.replacing(#""rms_norm_eps":"#, with: #""rms_norm_eps":NaN,"x":"#).utf8)
        #expect(refusal { try folder.model() } != nil)
    }

    @Test("A list of equal numbers in config.json is that number")
    func equalNumbers() throws {
        var folder = try TinyModels.llamaFolder()
        let expected = try folder.model().configuration
        try folder.set("num_key_value_heads", [1, 1], in: "config.json")
        #expect(try folder.model().configuration == expected)
        try folder.set("num_key_value_heads", [1, 2], in: "config.json")
        #expect(refusal { try folder.model() }?.field == "num_key_value_heads")
    }
}
