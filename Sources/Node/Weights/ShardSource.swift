// Responsible for: where a worker reads each tensor of its shard: its own copy of the model, or the cache.
// Must not know: how tensors came into the cache.
import ModelFile
import Sequences
import Wire

/// The tensors of one shard, each with its place on this host.
struct ShardSource: TensorSource {
    /// Where one tensor lies.
    enum Place { case local(TensorDescriptor), cached(path: String) }

    let places: [String: Place]
    let local: Model?

    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        switch places[tensor.name] {
        case .local(let own)?:
            guard let local else { preconditionFailure("a local place without a local model") }
            try local.read(own, at: offset, into: buffer)
        // Opened for each read: reads are large, and a worker holds no descriptor for each of its tensors.
        case .cached(let path)?: try DiskFile(path: path).read(at: offset, into: buffer)
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

    /// Looks for each tensor of `layers`. Complete tensors of the cache are hashed, once in this process: `verified`
    /// remembers them. Throws where a file cannot be read, the description is wrong, or the model is pretended and this
    /// worker not (or the other way round).
    init(
        description: [UInt8], layers: Range<Int>, local: Model?, cache: WeightCache, digestBook: DigestBook,
        isSimulated: Bool = false, verified: inout Set<ContentHash>
    ) throws(TandemError) {
        let manifest = try ModelManifest(decoding: description, layers: layers).restricted(to: layers)
        try manifest.checkWorker(isSimulated: isSimulated)
        var places: [String: ShardSource.Place] = [:]
        var needs: [(content: ContentHash, byteCount: Int, cachedBytes: Int)] = []
        var localBytes = 0
        let own = try Self.matches(manifest, in: local, digestBook)
        for entry in manifest.entries {
            let (name, digest, byteCount) = (entry.tensor.name, entry.digest, entry.tensor.byteCount)
            if let tensor = own[name] {
                places[name] = .local(tensor)
                localBytes += byteCount
                continue
            }
            places[name] = .cached(path: cache.path(digest))
            if verified.contains(digest) && cache.holding(digest, byteCount: byteCount) == .complete {
                needs.append((digest, byteCount, byteCount))
                continue
            }
            var cachedBytes = 0
            switch cache.holding(digest, byteCount: byteCount) {
            case .complete:
                // One with wrong bytes is fetched again from its beginning, and then replaced.
                if try cache.check(digest) {
                    verified.insert(digest)
                    cachedBytes = byteCount
                }
            case .partial(let bytes): cachedBytes = min(bytes, byteCount - 1)
            case .nothing: break
            }
            needs.append((digest, byteCount, cachedBytes))
        }
        self.manifest = manifest
        source = ShardSource(places: places, local: local)
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
