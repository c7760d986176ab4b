// Responsible for: which layers of a model each content belongs to. Must not know: workers, plans, where the bytes lie.
import ModelFile
import Wire

/// The parts of a model by the hashes of their tensors; several may share one.
struct LayerContents: Sendable {
    private let parts: [ContentHash: [ModelPart]]
    private let layerCount: Int

    init(_ manifest: ModelManifest) {
        let configuration = manifest.configuration
        layerCount = configuration.layerCount
        let digests = Dictionary(
            manifest.entries.map { ($0.tensor.name, $0.digest) }, uniquingKeysWith: { first, _ in first })
        var parts: [ContentHash: [ModelPart]] = [:]
        for part in configuration.parts(ofLayers: 0..<layerCount) {
            for tensor in configuration.tensors(of: part) {
                if let digest = digests[tensor.name] { parts[digest, default: []].append(part) }
            }
        }
        self.parts = parts
    }

    /// Whether a stage with these layers needs a content: the embedding comes with the first layer, the head with the last.
    func need(_ content: ContentHash, in layers: Range<Int>) -> Bool {
        (parts[content] ?? []).contains { part in
            switch part {
            case .embedding: layers.contains(0)
            case .layer(let layer): layers.contains(layer)
            case .head: layers.contains(layerCount - 1)
            }
        }
    }
}
