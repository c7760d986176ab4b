// Responsible for: which layers of a model are whole in a cache of weights, as far as it was noted which tensors they are
// made of. Must not know: who asks, whether contents are right (they are hashed when they are used).
import Foundation
import Generation
import ModelFile
import Sequences
import Wire

/// The tensors of one layer as they are noted: the embedding is part of the first layer, the head of the last.
private struct NotedLayer {
    let layer: Int
    var tensors: [(content: ContentHash, byteCount: Int)] = []
}

extension WeightCache {
    /// Of one model.
    private static let mostNotedBytes = 64 << 20

    private func name(of model: ContentHash) -> String { "\(model).layers" }

    /// These layers of a model were loaded: what they are made of is told from now on by `layers(of:)`. Where it cannot be
    /// written down nothing is told of them.
    func note(_ layers: Range<Int>, of model: ContentHash, _ manifest: ModelManifest) {
        let digests = Dictionary(manifest.entries.map { ($0.tensor.name, $0) }, uniquingKeysWith: { first, _ in first })
        let new = layers.map { layer in
            let names = manifest.configuration.parts(ofLayers: layer..<layer + 1)
                .flatMap { manifest.configuration.tensors(of: $0).map(\.name) }
            return NotedLayer(
                layer: layer, tensors: names.compactMap { digests[$0] }.map { ($0.digest, $0.tensor.byteCount) })
        }
        // Of two workers that note something at the same moment both are to be there.
        _ = folder.locked("layers.lock") {
            let known = noted(model)
            if layers.allSatisfy({ layer in known.contains { $0.layer == layer } }) { return }
            let all = known.filter { !layers.contains($0.layer) } + new
            _ = folder.write(all.flatMap { Self.bytes($0) }, to: name(of: model))
        }
    }

    /// The layers of a model all of whose tensors lie here, in ascending ranges with gaps between them.
    func layers(of model: ContentHash) -> [Range<Int>] {
        let whole = noted(model).filter { noted in
            !noted.tensors.isEmpty
                && noted.tensors.allSatisfy { holding($0.content, byteCount: $0.byteCount) == .complete }
        }
        var ranges: [Range<Int>] = []
        for layer in Set(whole.map(\.layer)).sorted() {
            if let last = ranges.last, last.upperBound == layer {
                ranges[ranges.count - 1] = last.lowerBound..<layer + 1
            } else {
                ranges.append(layer..<layer + 1)
            }
        }
        return ranges
    }

    // MARK: The file: of each layer its number, how many tensors, and of each of these the hash and the length

    private static let tensorBytes = ContentHash.byteCount + 8

    private static func bytes(_ layer: NotedLayer) -> [UInt8] {
        littleEndian(UInt64(layer.layer)) + littleEndian(UInt64(layer.tensors.count))
            + layer.tensors.flatMap { $0.content.bytes + littleEndian(UInt64($0.byteCount)) }
    }

    /// What was noted; what does not look like it ends it.
    private func noted(_ model: ContentHash) -> [NotedLayer] {
        var rest = (folder.contents(of: name(of: model), limit: Self.mostNotedBytes) ?? [])[...]
        var layers: [NotedLayer] = []
        while let number = Self.number(&rest), let count = Self.number(&rest), number < Wire.Limits.layers,
            count <= rest.count / Self.tensorBytes
        {
            var layer = NotedLayer(layer: number)
            for _ in 0..<count {
                guard let content = ContentHash(rest.prefix(ContentHash.byteCount)) else { return layers }
                rest = rest.dropFirst(ContentHash.byteCount)
                guard let byteCount = Self.number(&rest) else { return layers }
                layer.tensors.append((content, byteCount))
            }
            layers.append(layer)
        }
        return layers
    }

    private static func littleEndian(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
    }

    /// nil: there is none, or one that nothing has.
    private static func number(_ bytes: inout ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= 8 else { return nil }
        let value = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        bytes = bytes.dropFirst(8)
        return Int(exactly: value)
    }
}
