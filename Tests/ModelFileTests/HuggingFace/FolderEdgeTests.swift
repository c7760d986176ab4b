// Hugging Face folders as they really arrive: files beside the model that are spoiled in every way, numbers and flags in
// other forms, weights in parts without an index, templates without text.
import Foundation
import Sequences
import Testing

@testable import ModelFile

@Suite("Folders as they arrive")
struct FolderEdgeTests {
    /// Ways to spoil a JSON file.
    static let damages: [(name: String, bytes: [UInt8])] = [
        ("empty", []), ("white space", Array(" \n".utf8)), ("cut", Array(#"{"a": "#.utf8)),
        ("a list", Array("[]".utf8)),
        ("a number", Array("5".utf8)), ("a text", Array("\"x\"".utf8)), ("null", Array("null".utf8)),
        ("UTF-16", [0xFF, 0xFE, 0x7B, 0, 0x7D, 0]),
        ("not UTF-8", Array("{\"a\": \"".utf8) + [0xFF] + Array("\"}".utf8)),
        ("nested", [UInt8](repeating: UInt8(ascii: "["), count: 100_000)), ("zeros", [UInt8](repeating: 0, count: 64)),
        ("a pointer", Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n".utf8)),
        ("a page", Array("<!DOCTYPE html><html></html>".utf8)),
    ]

    /// A folder with a tokenizer, and the sentences about it.
    private func folder() throws -> MemoryFolder {
        var folder = try TinyModels.llamaFolder()
        folder.files["tokenizer.json"] = try jsonBytes(TinyModels.byteLevelTokenizer())
        return folder
    }

    @Test(
        "Files beside the model do no harm, however they are spoiled; each that would be read is named once",
        arguments: [
            ("generation_config.json", true), ("tokenizer_config.json", true), ("special_tokens_map.json", true),
            ("model.safetensors.index.json", true), ("quantize_config.json", true), ("quant_config.json", true),
            ("added_tokens.json", false), ("vocab.json", false), ("merges.txt", false), ("chat_template.json", false),
            ("preprocessor_config.json", false), ("processor_config.json", false), ("adapter_config.json", false),
            ("params.json", false), ("pytorch_model.bin.index.json", false), ("README.md", false),
        ])
    func spoilt(file: String, isRead: Bool) throws {
        var folder = try folder()
        let whole = try folder.model()
        for (name, bytes) in Self.damages {
            folder.files[file] = bytes
            let model = try folder.model()
            #expect(model.tensors == whole.tensors && model.configuration == whole.configuration, "\(name)")
            #expect(model.generation == whole.generation && model.tokenizer != nil, "\(name)")
            #expect(model.notices.count == (isRead ? 1 : 0), "\(name): \(model.notices)")
            #expect(model.notices.allSatisfy { $0.description.contains(file) }, "\(name)")
        }
        folder.files[file] = [0xEF, 0xBB, 0xBF] + Array("{}".utf8)
        if file != "model.safetensors.index.json" { #expect(try folder.model().notices == []) }
    }

    @Test("A vocab.json without merges.txt is not read, whatever it holds", arguments: damages.map(\.name))
    func vocabularyAlone(name: String) throws {
        var folder = try TinyModels.llamaFolder()
        folder.files["vocab.json"] = Self.damages.first { $0.name == name }?.bytes
        #expect(try folder.tokenizer() == nil)
        #expect(try folder.model().notices == [])
    }

    private static let sizes = [
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size",
        "max_position_embeddings",
    ]

    @Test("Sizes of config.json may be written with a fraction of zero, or as a list of one", arguments: sizes)
    func forms(field: String) throws {
        var folder = try folder()
        let expected = try folder.model().configuration
        let settings = try HuggingFaceModel(folder).settings
        let size = try #require(try settings.integer(field))
        let text = String(decoding: try #require(folder.files["config.json"]), as: UTF8.self)
        for form in ["\(size).0", "\(size)e0", "[\(size)]", "[\(size), \(size).0]"] {
            folder.files["config.json"] = Array(
                text.replacing("\"\(field)\":\(size)", with: "\"\(field)\":\(form)").utf8)
            #expect(try folder.model().configuration == expected, "\(form)")
        }
        for form in [
            "\"\(size)\"", "true", "-\(size)", "0", "\(size).5", "NaN", "Infinity", "1e300", "9223372036854775808",
            "1180591620717411303424", "[]", "{}", "[[\(size)]]",
        ] {
            folder.files["config.json"] = Array(
                text.replacing("\"\(field)\":\(size)", with: "\"\(field)\":\(form)").utf8)
            #expect(refusal { try folder.model() }?.problem.isEmpty == false, "\(form)")
        }
    }

    @Test("Flags may be written as 1 and 0, and as nothing else but true and false")
    func flags() throws {
        var folder = try folder()
        let expected = try folder.model().configuration
        for (field, value) in [("tie_word_embeddings", 0), ("attention_bias", 0), ("mlp_bias", 0)] {
            try folder.set(field, value, in: "config.json")
            #expect(try folder.model().configuration == expected)
            for wrong: Any in ["false", 2, -1, 0.5, [0]] {
                try folder.set(field, wrong, in: "config.json")
                #expect(refusal { try folder.model() }?.field == field)
            }
            try folder.set(field, false, in: "config.json")
        }
        try folder.set("attention_bias", 1, in: "config.json")
        #expect(refusal { try folder.model() }?.code == .missing)
    }

    @Test(
        "Ids that are no tokens are left out, and an answer ends at those that are",
        arguments: ["bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id"], ["config", "generation_config"])
    func ids(field: String, file: String) throws {
        for value: Any in [
            32_000, -1, -7, 1e300, 0x1p63, "2", true, [Int](), [[2]], ["2"], [String: Int](), NSNull(),
        ] {
            var folder = try folder()
            try folder.set(field, value, in: file + ".json")
            let model = try folder.model()
            #expect(model.generation.eosTokens.allSatisfy { (0..<8).contains($0) }, "\(value)")
            #expect(model.notices.count <= 2, "\(value)")
        }
    }

    @Test("Parts that are complete by their names need no index; one that lacks does")
    func parts() throws {
        var folder = try TinyModels.shardedFolder()
        let expected = try folder.model().tensors
        for index in [nil, [], Array("{".utf8), Array("[]".utf8)] as [[UInt8]?] {
            folder.files["model.safetensors.index.json"] = index
            let model = try folder.model()
            #expect(model.tensors == expected && model.notices.count == (index == nil ? 0 : 1))
        }
        folder.files["model.safetensors.index.json"] = nil
        folder.files["consolidated.safetensors"] = folder.files["model-00001-of-00002.safetensors"]
        #expect(try folder.model().tensors == expected)
        folder.files["model-00002-of-00002.safetensors"] = nil
        #expect(refusal { try folder.model() }?.code == .missing)
    }

    @Test(
        "An index that cannot be meant does not stand against weights that are complete",
        arguments: [
            "{}", #"{"weight_map": null}"#, #"{"weight_map": []}"#, #"{"weight_map": {}}"#,
            #"{"weight_map": {"a": 5}}"#,
            #"{"weight_map": {"a": "../x.safetensors"}}"#, #"{"weight_map": {"a": "/etc/passwd"}}"#,
            #"{"weight_map": {"a": ""}}"#, #"{"weight_map": {"a": "config.json"}}"#,
            #"{"weight_map": {"a": "pytorch_model.bin"}}"#, #"{"weight_map": {"a": "other.safetensors"}}"#,
        ])
    func indexes(text: String) throws {
        var folder = try folder()
        let whole = try folder.model()
        folder.files["model.safetensors.index.json"] = Array(text.utf8)
        let model = try folder.model()
        #expect(model.tensors == whole.tensors && model.notices.count == 1)
        #expect(model.notices.first?.description.contains("model.safetensors.index.json") == true)
    }

    @Test("A template of nothing but white space, or not in UTF-8, is none, with a sentence")
    func templates() throws {
        for bytes in [[], Array(" \n\n".utf8), [0xFF, 0xFE, 0x7B, 0], Array("{{ messages }}".utf8) + [0xFF]] {
            var folder = try folder()
            folder.files["chat_template.jinja"] = bytes
            let model = try folder.model()
            #expect(model.chatTemplate == nil && model.notices.count == 1, "\(bytes)")
        }
        for text in ["", "\n"] {
            var folder = try folder()
            try folder.set("chat_template", text, in: "tokenizer_config.json")
            #expect(try folder.model().chatTemplate == nil)
            // The template of the other place counts.
            folder.files["chat_template.jinja"] = Array("{{ messages }}".utf8)
            #expect(try folder.model().chatTemplate == "{{ messages }}")
        }
    }

    @Test(
        "A method of quantization is named as it stands there, misspelt or without a name",
        arguments: [
            (#"{"quant_method": "ftp8"}"#, "ftp8"), (#"{"quant_method": "compresed-tensors"}"#, "compresed-tensors"),
            (#"{"quant_method": "bitsandbyte"}"#, "bitsandbyte"), (#"{"quant_method": "g p t q"}"#, "g p t q"),
            (#"{"quant_method": null}"#, "not named"), (#"{"quant_method": 5}"#, "not named"), ("{}", "not named"),
        ])
    func methods(fields: String, name: String) throws {
        var folder = try folder()
        let text = String(decoding: try #require(folder.files["config.json"]), as: UTF8.self)
        folder.files["config.json"] = Array((text.dropLast() + ", \"quantization_config\": \(fields)}").utf8)
        let error = refusal { try folder.model() }
        #expect(error?.code == .unsupported && error?.problem.contains(name) == true && error?.hint != nil)
    }

    @Test(
        "Strange sizes of groups and blocks are refused by name",
        arguments: [
            #"{"quant_method": "gptq", "bits": 4, "group_size": 0}"#, #"{"quant_method": "gptq", "bits": "4"}"#,
            #"{"quant_method": "gptq", "bits": 4, "group_size": -2}"#, #"{"quant_method": "gptq"}"#,
            #"{"quant_method": "awq", "bits": 4, "group_size": 0}"#, #"{"quant_method": "awq", "bits": true}"#,
            #"{"quant_method": "fp8", "weight_block_size": [0, 0]}"#,
            #"{"quant_method": "fp8", "weight_block_size": [1]}"#,
            #"{"quant_method": "fp8", "weight_block_size": 128}"#, #"{"bits": 4, "group_size": 0}"#, "[]", "5",
            #""fp8""#,
        ])
    func groups(fields: String) throws {
        var folder = try folder()
        let text = String(decoding: try #require(folder.files["config.json"]), as: UTF8.self)
        folder.files["config.json"] = Array((text.dropLast() + ", \"quantization_config\": \(fields)}").utf8)
        #expect(refusal { try folder.model() }?.file.hasSuffix("config.json") == true)
    }

    @Test("An unknown family is told in one short sentence, with the one that may be meant")
    func families() throws {
        var folder = try folder()
        for (name, meant) in [("lama", "llama"), ("qwen3_moee", "qwen3_moe"), ("zorp", "no architecture")] {
            try folder.set("model_type", name, in: "config.json")
            let error = refusal { try folder.model() }
            #expect(error?.code == .unsupported && error?.problem.contains(meant) == true && error?.hint != nil)
            #expect((error?.description.utf8.count ?? 0) < 300)
        }
    }
}
