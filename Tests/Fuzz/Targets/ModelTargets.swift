// Responsible for: the files of models. Must not know: tokenizers' use.
import Sequences

@testable import ModelFile

enum ModelTargets {
    /// More than any model has: a header may name as many bytes of tensors as it likes.
    private static let zeros = 1 << 40

    /// A GGUF file without its tensors, behind whose header there are zeros.
    static func gguf(_ bytes: [UInt8]) {
        attempt {
            let gguf = try GGUFModel(MemoryFile(name: "model.gguf", content: bytes, zeros: zeros), in: MemoryFolder())
            attempt { TokenizerTargets.check(try gguf.tokenizer()) }
            try use(Model(gguf))
        }
        attempt { _ = try GGUFModel(MemoryFile(name: "model.gguf", content: bytes), in: MemoryFolder()) }
    }

    /// A safetensors file.
    static func safetensors(_ bytes: [UInt8]) {
        attempt { _ = try SafetensorsFile(MemoryFile(name: "model.safetensors", content: bytes)) }
        attempt { _ = try SafetensorsFile(MemoryFile(name: "model.safetensors", content: bytes, zeros: zeros)) }
    }

    /// A Hugging Face folder: config.json, an index or nothing, and the headers of up to three weight files, whose lengths
    /// are right.
    static func folder(_ bytes: [UInt8]) {
        let parts = Input.parts(bytes, atMost: 5)
        var folder = MemoryFolder()
        folder.add("config.json", parts[0])
        let headers = parts.dropFirst(2)
        if parts.count > 1, !parts[1].isEmpty { folder.add("model.safetensors.index.json", parts[1]) }
        for (number, header) in headers.enumerated() {
            let name =
                headers.count == 1
                ? "model.safetensors" : "model-0000\(number + 1)-of-0000\(headers.count).safetensors"
            let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) }
            folder.add(name, length + header, zeros: zeros)
        }
        attempt { try use(Model(HuggingFaceModel(folder))) }
    }

    /// config.json, generation_config.json and tokenizer_config.json of a folder without weights.
    static func configuration(_ bytes: [UInt8]) {
        let names = ["config.json", "generation_config.json", "tokenizer_config.json"]
        var folder = MemoryFolder()
        for (name, part) in zip(names, Input.parts(bytes, atMost: 3)) { folder.add(name, part) }
        attempt {
            let model = try HuggingFaceModel(folder)
            var notices: [Sentence] = []
            attempt { try model.refuseOtherKinds(weights: nil) }
            attempt {
                _ = try WeightPacking(model.settings, in: folder, isMXFP4: false, notices: &notices)
            }
            _ = model.generationDefaults(vocabularySize: 100, tokenizer: nil, notices: &notices)
            _ = HuggingFaceModel.chatTemplate(named: "default", in: folder, notices: &notices)
            let configuration = try model.configuration([:])
            for layer in 0..<configuration.layerCount { _ = configuration.tensors(of: .layer(layer)) }
        }
    }

    /// Looks at everything in a model that opened, as its users would.
    private static func use(_ model: Model) throws {
        try model.configuration.validate()
        for tensor in model.tensors.prefix(64) {
            try tensor.validate()
            var bytes = [UInt8](repeating: 0, count: min(tensor.byteCount, 64))
            attempt {
                try bytes.withUnsafeMutableBytes { buffer in
                    try model.read(tensor, at: tensor.byteCount - buffer.count, into: buffer)
                }
            }
        }
        _ = model.summary
        let vocabulary = 0..<model.configuration.vocabularySize
        let ids = model.generation.eosTokens + [model.generation.bosToken].compactMap { $0 }
        precondition(ids.allSatisfy(vocabulary.contains), "BOS or EOS outside of the vocabulary")
    }
}

/// Does what may be refused, with a sentence, for reasons that a model's files give.
func attempt(_ body: () throws -> Void) {
    do { try body() } catch let error as ModelFileError {
        precondition(!error.description.isEmpty, "a refusal without a sentence")
    } catch { preconditionFailure("not an error of model files: \(error)") }
}
