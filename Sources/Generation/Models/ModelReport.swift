// Responsible for: what `tandem inspect` tells about a model; the property names are the keys of `--json` (in snake
// case). Must not know: terminals.
import Inference
import ModelFile
import Sequences

/// A model as facts: what is in its files, and what running it takes.
package struct ModelReport: Sendable, Encodable {
    /// The tensors of one type.
    package struct TypeCount: Sendable, Encodable {
        package var type: String
        package var tensors: Int
        package var bytes: Int
    }

    /// Embedding, a layer, or head: bytes in the file and, repacked, in a worker's memory.
    package struct Part: Sendable, Encodable {
        package var name: String
        package var fileBytes: Int
        package var memoryBytes: Int
    }

    /// One tensor.
    package struct Tensor: Sendable, Encodable {
        package var name: String
        package var type: String
        package var rows: Int
        package var columns: Int
        package var bytes: Int
    }

    /// A token with a meaning of its own.
    package struct SpecialToken: Sendable, Encodable, Equatable {
        package var id: Int
        package var text: String
        /// "beginning", "end", "end of answer", "unknown"; none where it is only marked as special.
        package var roles: [String]
    }

    /// How the author recommends to sample, which is what happens where a request says nothing; nil: nothing is said.
    package struct Sampling: Sendable, Encodable, Equatable {
        package var temperature: Float?
        package var topK: Int?
        package var topP: Float?
        package var minP: Float?
        package var repeatPenalty: Float?

        init(_ parameters: SamplingParameters) {
            temperature = parameters.temperature
            topK = parameters.topK
            topP = parameters.topP
            minP = parameters.minP
            repeatPenalty = parameters.repeatPenalty
        }
    }

    /// What one process with all layers takes, in bytes, for a context of so many tokens.
    package struct Memory: Sendable, Encodable, Equatable {
        package var context: Int
        package var weightBytes: Int
        package var keyValueBytesPerToken: Int
        package var keyValueBytes: Int
        /// Working buffers and sampling.
        package var bufferBytes: Int
        package var totalBytes: Int
    }

    package var name: String
    /// What of the files was guessed or left out: a sentence each.
    package var warnings: [String]
    package var parameters: Int
    package var fileBytes: Int
    package var types: [TypeCount]
    /// All that decides what is computed, RoPE and context length included.
    @PlainFields package var configuration: ModelConfiguration
    /// Tokens of the tokenizer; nil: there is none.
    package var tokenizerTokens: Int?
    package var specialTokens: [SpecialToken]
    package var chatTemplate: String?
    package var recommendedSampling: Sampling
    package var memory: Memory
    package var parts: [Part]
    package var tensors: [Tensor]

    /// Opens the model at `path`. `contextLength`: of the memory it tells; nil: as it would be served. Throws what is
    /// wrong with it.
    package init(path: String, contextLength: Int? = nil) throws(TandemError) {
        let loaded = try LoadedModel(path: path, contextLength: contextLength)
        let model = loaded.model
        let summary = model.summary
        name = model.name
        warnings = loaded.notices.map(\.description)
        parameters = summary.parameters
        fileBytes = summary.bytes
        types = summary.types.map { TypeCount(type: $0.type.name, tensors: $0.tensors, bytes: $0.bytes) }
        let shape = model.configuration
        configuration = shape
        tokenizerTokens = model.tokenizer?.tokens.count
        specialTokens = Self.specialTokens(of: model)
        chatTemplate = model.chatTemplate
        recommendedSampling = Sampling(model.generation.sampling)
        memory = Self.memory(of: loaded)
        // Large models have tens of thousands.
        let byName = Dictionary(uniqueKeysWithValues: model.tensors.map { ($0.name, $0) })
        parts = shape.parts(ofLayers: 0..<shape.layerCount).map { part in
            let memoryBytes = Stage.weightBytes(of: shape.tensors(of: part).compactMap { byName[$0.name] })
            return switch part {
            case .embedding: Part(name: "embedding", fileBytes: summary.embeddingBytes, memoryBytes: memoryBytes)
            case .layer(let index):
                Part(name: "layer \(index)", fileBytes: summary.layerBytes[index], memoryBytes: memoryBytes)
            case .head: Part(name: "head", fileBytes: summary.headBytes, memoryBytes: memoryBytes)
            }
        }
        tensors = model.tensors.map {
            Tensor(name: $0.name, type: $0.type.name, rows: $0.rows, columns: $0.columns, bytes: $0.byteCount)
        }
    }

    /// Those with a role first, then those that are only marked, each in order of id.
    private static func specialTokens(of model: Model) -> [SpecialToken] {
        var roles: [Int: [String]] = [:]
        func note(_ id: Int?, _ role: String) {
            if let id { roles[id, default: []].append(role) }
        }
        note(model.tokenizer?.bos ?? model.generation.bosToken, "beginning")
        note(model.tokenizer?.eos, "end")
        for id in model.generation.eosTokens { note(id, "end of answer") }
        note(model.tokenizer?.unknown, "unknown")
        let tokens = model.tokenizer?.tokens ?? []
        var marked = Set(model.tokenizer?.addedTokens.filter(\.isSpecial).map(\.id) ?? [])
        for (id, kind) in (model.tokenizer?.kinds ?? []).enumerated() where kind == .control { marked.insert(id) }
        func token(_ id: Int) -> SpecialToken {
            SpecialToken(id: id, text: tokens.indices.contains(id) ? tokens[id] : "", roles: roles[id] ?? [])
        }
        return roles.keys.sorted().map(token) + marked.subtracting(roles.keys).sorted().map(token)
    }

    private static func memory(of loaded: LoadedModel) -> Memory {
        let configuration = loaded.model.configuration
        let stage = StageConfiguration(
            model: configuration, layers: 0..<configuration.layerCount, blockCount: loaded.blocksPerSequence,
            maximumBatchTokens: PromptChunk.standard, threads: MachineDescription.coreCount,
            keyValueType: .standard)
        let weights = Stage.weightBytes(of: loaded.model.tensors)
        let block = Stage.keyValueBlockBytes(
            of: configuration, layers: 0..<configuration.layerCount, type: .standard)
        let buffers = Stage.workspaceBytes(of: stage)
        return Memory(
            context: loaded.contextLength, weightBytes: weights,
            keyValueBytesPerToken: block / KeyValueBlock.positions,
            keyValueBytes: block * loaded.blocksPerSequence, bufferBytes: buffers,
            totalBytes: Stage.memoryBytes(of: stage, tensors: loaded.model.tensors))
    }
}
