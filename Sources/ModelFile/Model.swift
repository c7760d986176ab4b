// An opened, validated model: the one type through which the rest of the program sees model files.

/// A model whose metadata has been read and checked; weights are read on demand.
package struct Model: Sendable {
    /// The model's own name, or its file's.
    package let name: String
    package let configuration: ModelConfiguration
    /// Every tensor the model needs, once each, in the order embedding, layers, head; shapes and types are right.
    package let tensors: [TensorDescriptor]
    /// nil: a model without a tokenizer, usable with token ids.
    package let tokenizer: TokenizerDescription?
    package let generation: GenerationDefaults
    /// The Jinja template for conversations, as found.
    package let chatTemplate: String?
    /// Paths of the files that hold tensors; `TensorDescriptor.file` is an index into them.
    package let fileNames: [String]

    /// Opens a GGUF file (any part of a split one) or a Hugging Face folder (or a safetensors file in one).
    package static func open(path: String) throws(ModelFileError) -> Model {
        throw ModelFileError(.notFound, file: path, "no such file")
    }

    /// Opens only the tokenizer: also of a vocabulary-only GGUF file, of a model of an unsupported family, or of a
    /// folder without weights. nil where there is none.
    package static func openTokenizer(path: String) throws(ModelFileError) -> TokenizerDescription? {
        throw ModelFileError(.notFound, file: path, "no such file")
    }

    /// The tensors of one part, in the order of `ModelConfiguration.tensors(of:)`.
    package func tensors(of part: ModelPart) -> [TensorDescriptor] {
        let byName = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return configuration.tensors(of: part).compactMap { byName[$0.name] }
    }
}

extension Model: TensorSource {
    package func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        throw ModelFileError(.unreadable, file: name, "not yet")
    }
}
