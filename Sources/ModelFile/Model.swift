// An opened, validated model: the one type through which the rest of the program sees model files.

/// A model whose metadata has been read and checked; weights are read on demand.
package struct Model: Sendable {
    /// The model's own name, or its file's.
    package let name: String
    package let configuration: ModelConfiguration
    /// Every tensor the model needs, once each, in the order embedding, layers, head; shapes and types are right.
    package let tensors: [TensorDescriptor]
    /// nil: a model without a tokenizer, usable with token ids.
    /// Its vocabulary may be larger than the model's: check ids against `configuration.vocabularySize`.
    package let tokenizer: TokenizerDescription?
    package let generation: GenerationDefaults
    /// The Jinja template for conversations, as found.
    package let chatTemplate: String?
    /// The files that hold tensors; `TensorDescriptor.file` is an index into them.
    let files: [any ByteSource]

    /// Paths of the files that hold tensors.
    package var fileNames: [String] { files.map(\.name) }

    /// Opens a GGUF file (any part of a split one) or a Hugging Face folder (or one safetensors file in such a folder).
    package static func open(path: String) throws(ModelFileError) -> Model {
        switch try Location(path: path) {
        case .gguf(let source, let folder): try Model(GGUFModel(source, in: folder))
        case .huggingFace(let folder, let weights): try Model(HuggingFaceModel(folder), weights: weights)
        }
    }

    /// Opens only the tokenizer: also of a vocabulary-only GGUF file, of a model of an unsupported family, or of a
    /// folder without weights. nil where there is none.
    package static func openTokenizer(path: String) throws(ModelFileError) -> TokenizerDescription? {
        switch try Location(path: path) {
        case .gguf(let source, let folder): try GGUFModel(source, in: folder).tokenizer()
        case .huggingFace(let folder, _): try TokenizerJSON.description(in: folder)
        }
    }

    /// The tensors of one part, in the order of `ModelConfiguration.tensors(of:)`.
    package func tensors(of part: ModelPart) -> [TensorDescriptor] {
        let names = Dictionary(
            uniqueKeysWithValues: configuration.tensors(of: part).enumerated().map { ($0.element.name, $0.offset) })
        let found = tensors.compactMap { tensor in names[tensor.name].map { (order: $0, tensor: tensor) } }
        return found.sorted { $0.order < $1.order }.map(\.tensor)
    }
}

extension Model {
    init(_ gguf: GGUFModel) throws(ModelFileError) {
        configuration = try gguf.configuration()
        tensors = try configuration.assemble(gguf.tensors, naming: .gguf, mainFile: gguf.mainFile)
        tokenizer = try gguf.tokenizer()
        generation = try gguf.generationDefaults(vocabularySize: configuration.vocabularySize)
        chatTemplate = try gguf.metadata.string("tokenizer.chat_template")
        name = try gguf.metadata.string("general.name") ?? gguf.files[0].source.lastName
        files = gguf.files.map(\.source)
    }

    init(_ folder: HuggingFaceModel, weights: String? = nil) throws(ModelFileError) {
        let weights = try folder.weights(named: weights)
        let stored = try StoredTensor.byName(weights.flatMap(\.tensors))
        configuration = try folder.configuration(stored)
        tensors = try configuration.assemble(
            stored, naming: .huggingFace(configuration.architecture, tensors: stored),
            mainFile: weights[0].source.name)
        tokenizer = try TokenizerJSON.description(in: folder.folder)
        generation = try folder.generationDefaults(
            vocabularySize: configuration.vocabularySize, tokenizer: tokenizer)
        chatTemplate = try folder.chatTemplate()
        name = folder.folder.path.split(separator: "/").last.map(String.init) ?? folder.folder.path
        files = weights.map(\.source)
    }
}

extension Model: TensorSource {
    /// Reads through `pread`; throws for a range outside the tensor, so a peer may name it.
    package func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        guard files.indices.contains(tensor.file) else {
            throw ModelFileError(
                .invalidValue, file: name, field: "file of tensor \(tensor.name)", value: tensor.file,
                "the model has \(files.count) files")
        }
        let file = files[tensor.file]
        guard offset >= 0, offset <= tensor.byteCount, buffer.count <= tensor.byteCount - offset else {
            throw ModelFileError(
                .invalidValue, file: file.name, field: "offset in tensor \(tensor.name)", value: offset,
                "\(buffer.count) bytes from there are not inside its \(tensor.byteCount)")
        }
        let (start, overflow) = tensor.offset.addingReportingOverflow(offset)
        guard !overflow else {
            throw ModelFileError(
                .invalidValue, file: file.name, field: "offset of tensor \(tensor.name)", value: tensor.offset,
                "is beyond every file")
        }
        try file.read(at: start, into: buffer)
    }
}

/// What kind of model a path leads to.
private enum Location {
    case gguf(any ByteSource, in: any ModelFolder)
    case huggingFace(any ModelFolder, weights: String?)

    init(path: String) throws(ModelFileError) {
        switch try DiskFile.kind(of: path) {
        case .missing:
            throw ModelFileError(
                .notFound, file: path, "there is no such file or folder",
                hint: "give the path of a GGUF file or of a Hugging Face folder")
        case .folder:
            self = .huggingFace(DiskFolder(path: path), weights: nil)
        case .file:
            let source = try DiskFile(path: path)
            let (folder, name) = DiskFolder.parent(of: path)
            if try source.bytes(at: 0, count: min(4, source.size)) == GGUFFile.magic {
                self = .gguf(source, in: folder)
            } else if name.hasSuffix(".safetensors") {
                self = .huggingFace(folder, weights: name)
            } else {
                throw ModelFileError(
                    .malformed, file: path, "is neither a GGUF file nor a safetensors file",
                    hint: "give the path of a GGUF file or of a Hugging Face folder")
            }
        }
    }
}
