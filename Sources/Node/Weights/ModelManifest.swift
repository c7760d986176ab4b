// Responsible for: what a worker must know of a model: its configuration, and each tensor with its digest.
// Must not know: how it travels.
import Crypto
import Foundation
import Generation
import Inference
import ModelFile
import Sequences
import Wire

/// A model without its bytes. Crosses the wire as JSON inside `Assign`; `init(decoding:)` checks everything.
package struct ModelManifest: Sendable, Codable {
    /// A tensor and the digest of its stored bytes.
    package struct Entry: Sendable, Codable, Hashable {
        package var tensor: TensorDescriptor
        package var digest: ContentHash
    }

    package var name: String
    package var configuration: ModelConfiguration
    package var entries: [Entry]
    /// There are no weights, and no tensors: stages only pretend to compute.
    package var isSimulated = false
    /// How keys and values are kept; all stages of a model do it alike. Its name on the wire.
    package var keyValueType = KeyValueType.standard

    /// The bytes for the wire.
    package func encoded() -> [UInt8] {
        // The same bytes whenever it is the same: their hash names the model.
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        guard let data = try? encoder.encode(self) else { preconditionFailure("a manifest is plain data") }
        return Array(data)
    }

    /// Only the parts of `layers`: what one worker needs.
    package func restricted(to layers: Range<Int>) -> ModelManifest {
        let names = Set(configuration.parts(ofLayers: layers).flatMap { configuration.tensors(of: $0).map(\.name) })
        var result = self
        result.entries = entries.filter { names.contains($0.tensor.name) }
        return result
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        configuration = try values.decode(ModelConfiguration.self, forKey: .configuration)
        entries = try values.decode([Entry].self, forKey: .entries)
        isSimulated = try values.decodeIfPresent(Bool.self, forKey: .isSimulated) ?? false
        keyValueType = try values.decode(KeyValueType.self, forKey: .keyValueType)
    }

    init(name: String, configuration: ModelConfiguration, entries: [Entry], isSimulated: Bool = false) {
        (self.name, self.configuration, self.entries, self.isSimulated) = (name, configuration, entries, isSimulated)
    }

    /// Throws where a worker that only pretends to compute is to compute, or the other way round.
    func checkWorker(isSimulated: Bool) throws(TandemError) {
        if isSimulated && !self.isSimulated {
            throw TandemError(
                "this worker only pretends to compute (\(.simulatedStageMilliseconds)), but \(name) is a real model",
                hint: "start it without that flag, or the coordinator with \(.simulated)")
        }
        if self.isSimulated && !isSimulated {
            throw TandemError(
                "the coordinator only pretends to serve a model (\(.simulated)), which this worker cannot compute",
                hint: "start it with \(.simulatedStageMilliseconds), or the coordinator with \(.model)")
        }
    }

    /// Reads a peer's manifest. Throws unless configuration and tensors are valid and belong together.
    package init(decoding bytes: [UInt8], layers: Range<Int>) throws(TandemError) {
        do { self = try JSONDecoder().decode(ModelManifest.self, from: Data(bytes)) } catch {
            throw TandemError(
                "the coordinator's description of the model cannot be read",
                hint: "update both sides to the same version")
        }
        do {
            try configuration.validate()
            for entry in entries { try entry.tensor.validate() }
        } catch { throw TandemError(error) }
        guard layers.lowerBound >= 0, !layers.isEmpty, layers.upperBound <= configuration.layerCount else {
            throw TandemError("the coordinator assigned layers \(layers) of a model with \(configuration.layerCount)")
        }
        let byName = try Self.checked(entries)
        if isSimulated {
            guard entries.isEmpty else {
                throw TandemError("the coordinator pretends to serve a model that has tensors")
            }
            return
        }
        for part in configuration.parts(ofLayers: layers) {
            for needed in configuration.tensors(of: part) {
                guard let tensor = byName[needed.name], tensor.rows == needed.rows, tensor.columns == needed.columns
                else { throw TandemError("the coordinator's description of the model lacks tensor \(needed.name)") }
            }
        }
    }
}

extension ModelManifest {
    /// A peer's tensors by their names. Throws where a name occurs twice, contents of different length have one digest,
    /// or the bytes of all have no sum.
    fileprivate static func checked(_ entries: [Entry]) throws(TandemError) -> [String: TensorDescriptor] {
        var byName: [String: TensorDescriptor] = [:]
        var lengths: [ContentHash: Int] = [:]
        var total = 0
        for entry in entries {
            let tensor = entry.tensor
            guard byName.updateValue(tensor, forKey: tensor.name) == nil else {
                throw TandemError("the coordinator's description of the model has tensor \(tensor.name) twice")
            }
            guard lengths.updateValue(tensor.byteCount, forKey: entry.digest) ?? tensor.byteCount == tensor.byteCount
            else {
                throw TandemError(
                    "the coordinator's description of the model gives tensor \(tensor.name) the digest of a longer or "
                        + "shorter one")
            }
            let (sum, overflow) = total.addingReportingOverflow(tensor.byteCount)
            guard !overflow else {
                throw TandemError("the coordinator's description of the model has more bytes than any machine")
            }
            total = sum
        }
        return byName
    }
}

/// Digests of a model's tensors, remembered beside the weight cache so that a large model is hashed once.
package struct DigestBook: Sendable {
    private let folder: String

    /// Keeps its notes under `folder`, by default in the user's cache; without a writable folder nothing is remembered.
    package init(folder: String? = nil) { self.folder = folder ?? WeightCache.baseFolder + "/digests" }

    /// The digest of one tensor's bytes, read through `source`.
    package static func digest(of tensor: TensorDescriptor, in source: any TensorSource) throws(TandemError)
        -> ContentHash
    {
        do throws(ModelFileError) {
            return try ContentHash(byteCount: tensor.byteCount) { offset, buffer throws(ModelFileError) in
                try source.read(tensor, at: offset, into: buffer)
            }
        } catch { throw TandemError(error) }
    }

    /// The manifest of a model; `progress` gets bytes hashed and in all.
    package func manifest(of model: Model, progress: (Int, Int) -> Void) throws(TandemError) -> ModelManifest {
        let digests = try digests(of: model.tensors, in: model, progress: progress)
        return ModelManifest(
            name: model.name, configuration: model.configuration,
            entries: zip(model.tensors, digests).map { .init(tensor: $0, digest: $1) })
    }

    /// The digest of each of `tensors` of a model, hashing only those whose digest is not remembered.
    package func digests(
        of tensors: [TensorDescriptor], in model: Model, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(TandemError) -> [ContentHash] {
        let key = Self.identity(of: model)
        var known = key.flatMap { remembered($0) } ?? [:]
        let total = tensors.reduce(0) { $0 + $1.byteCount }
        var done = 0
        var isNew = false
        var result: [ContentHash] = []
        for tensor in tensors {
            // Tensors that are put together from pieces of one matrix lie at the same place.
            let place = "\(tensor.name):\(tensor.type.name):\(tensor.file):\(tensor.offset):\(tensor.byteCount)"
            if known[place] == nil {
                known[place] = try Self.digest(of: tensor, in: model)
                isNew = true
            }
            if let digest = known[place] { result.append(digest) }
            done += tensor.byteCount
            if isNew { progress(done, total) }
        }
        // A file that changes while it is read, or again in the same moment, cannot be told from what it was.
        if isNew, let key, key == Self.identity(of: model), !Self.hasJustChanged(model) { remember(known, key) }
        return result
    }

    /// A name for the state of the model's files and what is done to their tensors; nil if that cannot be told.
    private static func identity(of model: Model) -> String? {
        guard let states = model.fileStates else { return nil }
        var hash = SHA256()
        hash.update(data: Data(model.variant.utf8))
        for (path, state) in zip(model.fileNames, states) { hash.update(data: Data("\(path)|\(state)".utf8)) }
        return ContentHash(finishing: hash).description
    }

    /// Whether a file may change once more without its state telling: Linux has the times of changes in steps of some
    /// milliseconds.
    private static func hasJustChanged(_ model: Model) -> Bool {
        var (now, step) = (timespec(), timespec())
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        clock_getres(CLOCK_REALTIME_COARSE, &step)
        let before = now.tv_sec * 1_000_000_000 + now.tv_nsec - step.tv_nsec
        return model.fileStates?.contains { $0.changedNanoseconds > before } ?? true
    }

    /// What another user can have written does not count.
    private func remembered(_ key: String) -> [String: ContentHash]? {
        privateFolder?.contents(of: key + ".json", limit: Self.mostBytes)
            .flatMap { try? JSONDecoder().decode([String: ContentHash].self, from: Data($0)) }
    }

    private var privateFolder: PrivateFolder? { try? PrivateFolder(folder, hint: "") }

    private static let mostBytes = 256 << 20

    /// A failure to write costs time at the next start, nothing else.
    private func remember(_ digests: [String: ContentHash], _ key: String) {
        guard let data = try? JSONEncoder().encode(digests) else { return }
        _ = privateFolder?.write(Array(data), to: key + ".json")
    }
}

extension ContentHash: Codable {
    /// The hash of all that `hash` has taken in.
    init(finishing hash: SHA256) {
        guard let value = ContentHash(hash.finalize()) else { preconditionFailure("SHA-256 has 32 bytes") }
        self = value
    }

    /// The hash of these bytes.
    init(of bytes: [UInt8]) {
        var hash = SHA256()
        hash.update(data: bytes)
        self.init(finishing: hash)
    }

    /// The hash of `byteCount` bytes; `read` fills the whole of the buffer it gets with those from an offset on.
    init<Failure: Error>(
        byteCount: Int, read: (_ offset: Int, UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var hash = SHA256()
        var offset = 0
        while offset < byteCount {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, byteCount - offset)])
            try read(offset, part)
            hash.update(bufferPointer: UnsafeRawBufferPointer(part))
            offset += part.count
        }
        self.init(finishing: hash)
    }

    /// Reads 64 hexadecimal digits.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let digits = try container.decode(String.self).utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        let bytes = stride(from: 0, to: digits.count - digits.count % 2, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
        guard let value = ContentHash(bytes), try container.decode(String.self).utf8.count == 64 else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not 64 hexadecimal digits")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
