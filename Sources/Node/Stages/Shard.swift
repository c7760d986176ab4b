// Responsible for: the weights of one assignment, from what this host has of them to all that a stage is made of.
// Must not know: threads, mailboxes, which bytes to ask for next.
import Cluster
import Generation
import Inference
import ModelFile
import Sequences
import Transport
import Wire

/// A shard on its way onto this host. Used by one thread.
final class Shard {
    let assign: Assign
    let inventory: ShardInventory
    /// Of the stage that is made of it.
    let configuration: StageConfiguration
    private let cache: WeightCache
    private var partials: [ContentHash: PartialTensor] = [:]

    /// Finds out what of it is here. Throws where the assignment cannot be carried out.
    init(_ assign: Assign, _ settings: StageSettings) throws(TandemError) {
        self.assign = assign
        cache = settings.cache
        inventory = try ShardInventory(
            description: assign.modelDescription, layers: assign.layers, local: settings.local, cache: settings.cache,
            digestBook: settings.digestBook, isSimulated: settings.simulatedSpeed != nil)
        var configuration = StageConfiguration(
            model: inventory.manifest.configuration, layers: assign.layers, blockCount: assign.keyValueBlockCount,
            maximumBatchTokens: assign.maximumBatchTokens, threads: settings.threads,
            keyValueType: inventory.manifest.keyValueType, checksLayers: settings.checksLayers)
        configuration.outputs = assign.outputs.map(\.layer)
        self.configuration = configuration
    }

    /// What the loop thread is told of it.
    var found: StageEvent {
        .inventory(
            assign.epoch,
            needs: inventory.needs.map {
                WeightFetch.Need(
                    content: $0.content, byteCount: UInt64($0.byteCount), cachedBytes: UInt64($0.cachedBytes))
            }, localBytes: inventory.localBytes)
    }

    var tensors: [TensorDescriptor] { inventory.manifest.entries.map(\.tensor) }

    /// What its stage takes alone.
    var memory: StageMemory { StageMemory(of: configuration, tensors: tensors) }

    /// Does what a command says, all but `load`: what the loop thread is told of it.
    func perform(_ command: ShardCommand) throws(TandemError) -> StageEvent? {
        switch command {
        case .write(let content, let offset, let frame):
            // Of a tensor that is not lacking it is nobody's.
            let partial = try partial(content)
            try frame.withUnsafeBytes { bytes throws(TandemError) in try partial?.write(bytes, at: offset) }
        case .verify(let content):
            defer { partials[content] = nil }
            guard let isRight = try partial(content)?.finish() else { return nil }
            return .verified(assign.epoch, content, isRight: isRight)
        case .discard(let content): partials[content] = nil
        case .load: break
        }
        return nil
    }

    private func partial(_ content: ContentHash) throws(TandemError) -> PartialTensor? {
        if let open = partials[content] { return open }
        guard let need = inventory.needs.first(where: { $0.content == content }) else { return nil }
        let partial = try cache.open(content, byteCount: need.byteCount)
        partials[content] = partial
        return partial
    }

    /// Its stage is loaded: the cache can tell that it has these layers.
    func noteLayers() {
        guard let model = assign.model, !inventory.needs.isEmpty else { return }
        cache.note(assign.layers, of: model, inventory.manifest)
    }

    /// Bytes as they are reported while its stage is loaded.
    func progress(_ done: Int) -> StageEvent {
        .progress(assign.epoch, done: done, total: tensors.reduce(0) { $0 + $1.byteCount })
    }
}
