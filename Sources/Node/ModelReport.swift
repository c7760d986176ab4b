// Responsible for: what `tandem inspect` tells about a model file.
// Must not know: terminals.
import Inference
import ModelFile

/// A model as a list of facts and a table of tensors.
package struct ModelReport: Sendable {
    /// Name and value, in the order they are shown.
    package var facts: [(name: String, value: String)] = []
    /// Bytes in the file and, repacked, in a worker's memory.
    package var parts: [(name: String, fileBytes: Int, memoryBytes: Int)] = []
    /// Every tensor: name, type, shape, bytes.
    package var tensors: [(name: String, type: String, shape: String, bytes: Int)] = []

    /// Opens the model at `path`. Throws what is wrong with it.
    package init(path: String) throws(NodeError) {
        let model: Model
        do { model = try Model.open(path: path) } catch { throw NodeError(error) }
        let configuration = model.configuration
        let summary = model.summary
        facts = [
            ("name", model.name), ("architecture", configuration.architecture.name),
            ("parameters", "\(summary.parameters)"),
            ("layers", "\(configuration.layerCount)"), ("embedding", "\(configuration.embeddingLength)"),
            ("heads", "\(configuration.headCount) (\(configuration.keyValueHeadCount) for keys and values)"),
            ("head size", "\(configuration.headSize)"), ("feed forward", "\(configuration.feedForwardLength)"),
            ("vocabulary", "\(configuration.vocabularySize)"), ("context", "\(configuration.contextLength)"),
            ("output", configuration.hasTiedEmbeddings ? "tied to the embedding" : "a matrix of its own"),
            ("tensor types", summary.types.map { "\($0.type.name) x\($0.tensors)" }.joined(separator: ", ")),
            ("tokenizer", model.tokenizer.map { "\($0.tokens.count) tokens" } ?? "none"),
            ("end tokens", model.generation.eosTokens.map(String.init).joined(separator: ", ")),
        ]
        for part in configuration.parts(ofLayers: 0..<configuration.layerCount) {
            let memoryBytes = Stage.weightBytes(of: model.tensors(of: part))
            switch part {
            case .embedding: parts.append(("embedding", summary.embeddingBytes, memoryBytes))
            case .layer(let index): parts.append(("layer \(index)", summary.layerBytes[index], memoryBytes))
            case .head: parts.append(("head", summary.headBytes, memoryBytes))
            }
        }
        tensors = model.tensors.map {
            ($0.name, $0.type.name, $0.rows == 1 ? "\($0.columns)" : "\($0.rows) x \($0.columns)", $0.byteCount)
        }
    }
}
