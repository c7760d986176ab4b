// An opened, validated model: the one type through which the rest of the program sees model files.

import Sequences

/// A model whose metadata has been read and checked; weights are read on demand.
package struct Model: Sendable {
    /// The model's own name, or its file's.
    package let name: String
    package let configuration: ModelConfiguration
    /// Every tensor the model needs, once each, in the order embedding, layers, head; shapes and types are right.
    package private(set) var tensors: [TensorDescriptor]
    /// nil: a model without a tokenizer, usable with token ids.
    /// Its vocabulary may be larger than the model's: check ids against `configuration.vocabularySize`.
    package let tokenizer: TokenizerDescription?
    package let generation: GenerationDefaults
    /// The Jinja template for conversations, as found.
    package let chatTemplate: String?
    /// The one for conversations with tools, where the model has two.
    package let toolTemplate: String?
    /// What of the files was guessed, or left out because nobody needs it: a sentence each.
    package let notices: [Sentence]
    /// The files that hold tensors; `TensorDescriptor.file` is an index into them.
    let files: [any ByteSource]
    /// What reads the tensors where they are not as the files have them.
    private var replacement: (any TensorSource)?
    /// What was done to the tensors since they were read, "" for nothing: with the files it identifies their bytes.
    package private(set) var variant = ""
    /// By canonical name: tensors whose bytes are put in order when they are read.
    let forms: [String: StoredForm]
    /// Tensors that `Inference` makes of their parts while they are read (`Model.load`).
    package let packed: PackedTensors

    /// Paths of the files that hold tensors.
    package var fileNames: [String] { files.map(\.name) }

    /// The present states of these files; nil where that of one is not known.
    package var fileStates: [FileState]? {
        let states = files.compactMap(\.state)
        return states.count == files.count ? states : nil
    }

    /// Opens a GGUF file (any part of a split one) or a Hugging Face folder (or one safetensors file in such a folder).
    /// Packed tensors can be described, but not read; `Model.load` gives a model without that limit.
    package static func open(path: String) throws(ModelFileError) -> Model {
        switch try Location(path: path) {
        case .gguf(let source, let folder): try Model(GGUFModel(source, in: folder))
        case .huggingFace(let folder, let weights): try Model(HuggingFaceModel(folder), weights: weights)
        }
    }

    /// Opens only the tokenizer: also of a vocabulary-only GGUF file, of a model of an unsupported family, of a folder
    /// without weights, or of a tokenizer.json or SentencePiece file itself. nil where there is none.
    package static func openTokenizer(path: String) throws(ModelFileError) -> TokenizerDescription? {
        if try DiskFile.kind(of: path) == .file {
            let (folder, name) = DiskFolder.parent(of: path)
            let source = try DiskFile(path: path)
            if try source.bytes(at: 0, count: min(4, source.size)) != GGUFFile.magic,
                let tokenizer = try TokenizerJSON.description(ofFile: name, source, in: folder)
            {
                return tokenizer
            }
        }
        switch try Location(path: path) {
        case .gguf(let source, let folder): return try GGUFModel(source, in: folder).tokenizer()
        case .huggingFace(let folder, _): return try TokenizerJSON.description(in: folder)
        }
    }

    /// The same model with other bytes for its tensors: the same names and shapes, read from `source`.
    package func replacing(tensors: [TensorDescriptor], source: any TensorSource, variant: String) -> Model {
        var model = self
        (model.tensors, model.replacement, model.variant) = (tensors, source, variant)
        return model
    }

    /// The tensors as sources of conversions: those that are kept rounded as F32, as which they can be read, too.
    var exactTensors: [TensorDescriptor] {
        tensors.map { tensor in
            guard packed.byName[tensor.name]?.isExact == false,
                let bytes = TensorType.f32.byteCount(rows: tensor.rows, columns: tensor.columns)
            else { return tensor }
            var exact = tensor
            (exact.type, exact.byteCount) = (.f32, bytes)
            return exact
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
    /// A model without files, tokenizer and suggestions, whose tensors `source` reads.
    init(name: String, configuration: ModelConfiguration, tensors: [TensorDescriptor], source: any TensorSource) {
        (self.name, self.configuration, self.tensors) = (name, configuration, tensors)
        (tokenizer, generation, chatTemplate, toolTemplate) = (nil, GenerationDefaults(), nil, nil)
        (files, forms, notices, packed) = ([], [:], [], PackedTensors(files: []))
        replacement = source
    }

    init(_ gguf: GGUFModel) throws(ModelFileError) {
        var notices: [Sentence] = []
        configuration = try gguf.configuration()
        let assembled = try configuration.assemble(
            gguf.tensors(for: configuration), naming: .gguf(configuration.architecture), mainFile: gguf.mainFile)
        (tensors, forms) = (assembled.tensors, assembled.forms)
        tokenizer = try gguf.tokenizer()
        generation = try gguf.generationDefaults(vocabularySize: configuration.vocabularySize)
            .addingEndTokens(of: tokenizer, vocabularySize: configuration.vocabularySize)
        chatTemplate = gguf.template("tokenizer.chat_template", notices: &notices)
        toolTemplate = gguf.template("tokenizer.chat_template.tool_use", notices: &notices)
        name = gguf.name ?? gguf.files[0].source.lastName
        files = gguf.files.map(\.source)
        packed = PackedTensors(files: [])
        let ids = gguf.tokenIdNotices(count: configuration.vocabularySize)
        self.notices = Self.unique((tokenizer?.notices ?? []) + ids + notices)
    }

    init(_ folder: HuggingFaceModel, weights: String? = nil) throws(ModelFileError) {
        try folder.refuseOtherKinds(weights: weights)
        let family = try folder.family()
        let weights = try folder.weights(named: weights)
        var notices = weights.notices
        files = weights.files.map(\.source)
        let mainFile = files[0].name
        let packing = try WeightPacking(
            folder.settings, in: folder.folder, isMXFP4: family == .gptOSS, notices: &notices)
        var stored = try weights.tensors()
        if let packing { stored = try packing.unpacked(stored, files: files, mainFile: mainFile) }
        stored = try folder.withTiedEmbedding(stored, family)
        configuration = try folder.configuration(stored)
        let assembled: AssembledTensors
        do throws(ModelFileError) {
            assembled = try configuration.assemble(
                stored, naming: .huggingFace(family, tensors: stored), mainFile: mainFile)
        } catch {
            throw error.code == .missing && weights.absent.isEmpty ? weights.contradiction ?? error : error
        }
        (tensors, forms) = (assembled.tensors, assembled.forms)
        packed = PackedTensors(byName: assembled.packed, files: files)
        if let packing { notices += packing.notices(of: packed, file: folder.file) }
        tokenizer = try TokenizerJSON.description(in: folder.folder)
        notices += tokenizer?.notices ?? []
        generation = folder.generationDefaults(
            vocabularySize: configuration.vocabularySize, tokenizer: tokenizer, notices: &notices)
        chatTemplate = HuggingFaceModel.chatTemplate(named: "default", in: folder.folder, notices: &notices)
        toolTemplate = HuggingFaceModel.chatTemplate(named: "tool_use", in: folder.folder, notices: &notices)
        name = folder.folder.path.split(separator: "/").last.map(String.init) ?? folder.folder.path
        self.notices = Self.unique(notices)
    }

    /// Each sentence once.
    static func unique(_ sentences: [Sentence]) -> [Sentence] {
        var seen: Set<Sentence> = []
        return sentences.filter { seen.insert($0).inserted }
    }
}

extension Model: TensorSource {
    /// Throws for a range outside the tensor, so a peer may name it.
    package func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        let source = replacement ?? TensorFiles(name: name, files: files, forms: forms, packed: packed.byName)
        try source.read(tensor, at: offset, into: buffer)
    }
}

/// What kind of model a path leads to.
enum Location {
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
            try source.refuseStandIn()
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
