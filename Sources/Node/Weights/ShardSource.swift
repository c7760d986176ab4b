// Responsible for: where a worker reads each tensor of its shard: its own copy of the model, or the cache.
// Must not know: how tensors came into the cache.
import ModelFile
import Sequences
import Wire

/// The tensors of one shard, each with its place on this host.
struct ShardSource: TensorSource {
    /// Where one tensor lies.
    enum Place { case local(TensorDescriptor), cached(ContentHash) }

    let places: [String: Place]
    let local: Model?
    let cache: WeightCache
    /// Of the local model's files when its tensors were compared with those that are needed.
    let localStates: [FileState]?

    /// Throws where the local model was changed since its tensors were compared.
    func checkUnchanged() throws(TandemError) {
        guard let local, local.fileStates != localStates else { return }
        throw TandemError(
            "\(local.name), this worker's own copy of the model, was changed while it was read",
            hint: "start the worker again")
    }

    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        switch places[tensor.name] {
        case .local(let own)?:
            guard let local else { preconditionFailure("a local place without a local model") }
            try local.read(own, at: offset, into: buffer)
        case .cached(let digest)?: try cache.read(digest, at: offset, into: buffer)
        case nil: preconditionFailure("\(tensor.name) is not in this shard")
        }
    }
}

/// What a worker must do to have a shard: what lies where, and what is lacking.
struct ShardInventory {
    let manifest: ModelManifest
    let source: ShardSource
    /// For `WeightFetch`: every tensor that is not in the worker's own model, with the bytes the cache holds.
    let needs: [(content: ContentHash, byteCount: Int, cachedBytes: Int)]
    /// Bytes that the worker's own copy of the model has.
    let localBytes: Int

    /// Looks for each tensor of `layers`. Complete tensors of the cache are hashed unless this process has hashed them as
    /// they are. Throws where a file cannot be read, the description is wrong, the disk has no room for what is lacking, or
    /// the model is pretended and this worker not (or the other way round).
    init(
        description: [UInt8], layers: Range<Int>, local: Model?, cache: WeightCache, digestBook: DigestBook,
        isSimulated: Bool = false
    ) throws(TandemError) {
        let manifest = try ModelManifest(decoding: description, layers: layers).restricted(to: layers)
        try manifest.checkWorker(isSimulated: isSimulated)
        var places: [String: ShardSource.Place] = [:]
        var needs: [(content: ContentHash, byteCount: Int, cachedBytes: Int)] = []
        var localBytes = 0
        let localStates = local?.fileStates
        let own = try Self.matches(manifest, in: local, digestBook)
        for entry in manifest.entries {
            let (name, digest, byteCount) = (entry.tensor.name, entry.digest, entry.tensor.byteCount)
            if let tensor = own[name] {
                places[name] = .local(tensor)
                localBytes += byteCount
                continue
            }
            places[name] = .cached(digest)
            var cachedBytes = 0
            switch cache.holding(digest, byteCount: byteCount) {
            // One with wrong bytes is fetched again from its beginning, and then replaced.
            case .complete: if try cache.check(digest) { cachedBytes = byteCount }
            case .partial(let bytes): cachedBytes = min(bytes, byteCount - 1)
            case .nothing: break
            }
            needs.append((digest, byteCount, cachedBytes))
        }
        try cache.checkRoom(for: needs.reduce(0) { $0 + $1.byteCount - $1.cachedBytes })
        self.manifest = manifest
        source = ShardSource(places: places, local: local, cache: cache, localStates: localStates)
        self.needs = needs
        self.localBytes = localBytes
    }

    /// Tensors of the worker's own model with the same content, by name.
    private static func matches(
        _ manifest: ModelManifest, in local: Model?, _ digestBook: DigestBook
    ) throws(TandemError) -> [String: TensorDescriptor] {
        guard let local else { return [:] }
        let byName = Dictionary(local.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let candidates = manifest.entries.filter { entry in
            guard let own = byName[entry.tensor.name] else { return false }
            return own.type == entry.tensor.type && own.rows == entry.tensor.rows
                && own.columns == entry.tensor.columns && own.isTransposed == entry.tensor.isTransposed
        }
        let tensors = candidates.compactMap { byName[$0.tensor.name] }
        let digests = try digestBook.digests(of: tensors, in: local)
        var result: [String: TensorDescriptor] = [:]
        for (entry, (tensor, digest)) in zip(candidates, zip(tensors, digests)) where entry.digest == digest {
            result[entry.tensor.name] = tensor
        }
        return result
    }
}
