// What stands where a model should be: pages, pointers, adapters, classifiers, quantized weights. Each is said by name.
import Sequences
import Testing

@testable import ModelFile

@Suite("What is no model, by its name")
struct OtherKindsTests {
    private static let pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"

    @Test("A pointer, a page or a message is told from the file that it stands for, whichever file that is")
    func standIns() throws {
        let texts = [
            (Self.pointer, "Git LFS"), ("\n <!DOCTYPE html>\n<html>", "HTML"), ("<HTML lang=en>", "HTML"),
            ("\u{FEFF}<!doctype HTML>", "HTML"), ("<?xml version=\"1.0\"?><Error/>", "XML"),
            ("Entry not found", "server"), ("PK\u{3}\u{4}", "ZIP"), ("", "empty"),
        ]
        for (text, word) in texts {
            func check(_ open: () throws -> Void) {
                let error = refusal(open)
                #expect(error?.problem.contains(word) == true)
                #expect(error?.hint != nil)
            }
            let file = MemoryFile(name: "f", content: Array(text.utf8))
            check { _ = try GGUFFile(file) }
            check { _ = try SentencePieceFile(file) }
            for name in ["config.json", "model.safetensors", "tokenizer.json"] {
                check {
                    var folder = try TinyModels.llamaFolder()
                    folder.files[name] = file.content
                    _ = try folder.model()
                }
            }
        }
        #expect(StandIn(Array("GGUF".utf8)) == nil && StandIn(Array("{\"a\": 1}".utf8)) == nil)
        #expect(StandIn([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 3]) == .compressed)
        // The header of a safetensors file of 559,903 bytes.
        #expect(StandIn([0x1F, 0x8B, 8, 0, 0, 0, 0, 0] + Array("{\"a\"".utf8)) == nil)
    }

    @Test(
        "Methods of quantization that are not read are refused by their names",
        arguments: [
            (#"{"quantization": {"group_size": 32, "bits": 4, "mode": "mxfp4"}}"#, "MLX in mode mxfp4"),
            (#"{"quantization_config": {"group_size": 64, "bits": 7}}"#, "MLX of 7 bits"),
            (#"{"quantization_config": {"quant_method": "gptq", "bits": 5}}"#, "GPTQ of 5 bits"),
            (
                #"{"quantization_config": {"quant_method": "gptq", "bits": 4, "checkpoint_format": "marlin"}}"#,
                "GPTQ in the form marlin"
            ),
            (#"{"quantization_config": {"quant_method": "awq", "bits": 4, "version": "gemv"}}"#, "form gemv"),
            (#"{"quantization_config": {"quant_method": "awq", "bits": 3}}"#, "AWQ of 3 bits"),
            (
                #"{"quantization_config": {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized"}}"#,
                "compressed-tensors (nvfp4-pack-quantized)"
            ),
            (
                #"{"quantization_config": {"quant_method": "compressed-tensors", "sparsity_config": {"format": "sparse-24"}}}"#,
                "compressed-tensors (sparse-24)"
            ),
            (#"{"quantization_config": {"quant_method": "bitsandbytes"}}"#, "bitsandbytes"),
            (#"{"quantization_config": {"quant_method": "exl2", "bits": 4}}"#, "EXL2"),
            (#"{"quantization_config": {"quant_method": "exl3"}}"#, "EXL3"),
            (#"{"quantization_config": {"quant_method": "hqq"}}"#, "HQQ"),
            (#"{"quantization_config": {"quant_method": "aqlm"}}"#, "AQLM"),
            (#"{"quantization_config": {"quant_method": "torchao"}}"#, "TorchAO"),
            (#"{"quantization_config": {"quant_method": "gguf"}}"#, "GGUF"),
            (#"{"quantization_config": {"quant_method": "mxfp4"}}"#, "MXFP4"),
            (#"{"quantization_config": {"quant_method": "new"}}"#, "new"),
        ])
    func quantized(fields: String, name: String) throws {
        var folder = try TinyModels.llamaFolder()
        let config = String(decoding: try #require(folder.files["config.json"]), as: UTF8.self)
        folder.files["config.json"] = Array((config.dropLast() + "," + fields.dropFirst()).utf8)
        let error = refusal { try folder.model() }
        #expect(error?.code == .unsupported && error?.problem.contains(name) == true)
    }

    @Test("GPTQ and AWQ are recognised by files of their own, too; weights that they left alone are plain")
    func quantizationFiles() throws {
        for (file, field, refused, name) in [
            ("quantize_config.json", "bits", 5, "GPTQ of 5 bits"), ("quant_config.json", "w_bit", 3, "AWQ of 3 bits"),
        ] {
            var folder = try TinyModels.llamaFolder()
            folder.files[file] = Array("{\"\(field)\": \(refused)}".utf8)
            #expect(refusal { try folder.model() }?.problem.contains(name) == true)
            folder.files[file] = Array("{\"\(field)\": 4}".utf8)
            #expect(try folder.model().notices == [])
        }
    }

    @Test("A LoRA folder is an adapter of its base model, with or without a config.json")
    func adapter() throws {
        var folder = MemoryFolder(files: [
            "adapter_config.json": Array(#"{"peft_type": "LORA", "base_model_name_or_path": "org/base"}"#.utf8),
            "adapter_model.safetensors": try TinyModels.safetensors(.llama, TinyModels.llamaConfiguration()).bytes(),
        ])
        #expect(refusal { try folder.model() }?.problem.contains("a LoRA adapter of org/base") == true)
        folder.files["config.json"] = try TinyModels.llamaFolder().files["config.json"]
        #expect(refusal { try folder.model() }?.problem.contains("LoRA") == true)
        #expect(refusal { try folder.model(weights: "adapter_model.safetensors") }?.problem.contains("LoRA") == true)
        folder.files["model.safetensors"] = try TinyModels.llamaFolder().files["model.safetensors"]
        #expect(try folder.model().notices == [])
        folder.files["adapter_config.json"] = Array("{".utf8)
        folder.files["config.json"] = nil
        #expect(refusal { try folder.model() }?.problem.contains("adapter") == true)
    }

    @Test("A classifier is no language model, by the name of its class or by its head")
    func classifiers() throws {
        var folder = try TinyModels.llamaFolder()
        for name in ["LlamaForSequenceClassification", "LlamaForTokenClassification", "LlamaForQuestionAnswering"] {
            try folder.set("architectures", [name], in: "config.json")
            let error = refusal { try folder.model() }
            #expect(error?.field == "architectures" && error?.code == .unsupported)
        }
        for names in [["LlamaForCausalLM"], ["LlamaModel"], []] {
            try folder.set("architectures", names, in: "config.json")
            #expect(try folder.model().notices == [])
        }
        try folder.set("architectures", nil, in: "config.json")
        try folder.set("tie_word_embeddings", nil, in: "config.json")
        var file = TinyModels.safetensors(.llama, TinyModels.llamaConfiguration())
        for index in file.tensors.indices where file.tensors[index].name == "lm_head.weight" {
            file.tensors[index].name = "score.weight"
        }
        folder.files["model.safetensors"] = try file.bytes()
        #expect(refusal { try folder.model() }?.problem.contains("classifier") == true)
    }
}
