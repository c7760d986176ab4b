// Responsible for: the bytes of the toy model's weights, known by their hash, and what a layer computes with them. Must
// not know: how they travel, who holds them.

import Wire

/// The weights of all layers.
enum ToyWeights {
    /// Some bytes of a layer.
    struct Tensor: Sendable {
        let content: ContentHash
        let bytes: [UInt8]

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            content = ToyWeights.hash(bytes)
        }
    }

    /// [layers] the tensors of each. Two layers have one in common.
    static let layers: [[Tensor]] = (0..<ToyModel.layerCount).map { layer in
        [
            Tensor(bytes(seed: UInt64(layer), count: 90 + 31 * layer)),
            Tensor(bytes(seed: layer == 4 ? 102 : 100 + UInt64(layer), count: 24)),
        ]
    }

    /// [layers] what each computes with.
    static let factors = layers.map { factor($0.map(\.bytes)) }

    private static func bytes(seed: UInt64, count: Int) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    static func tensor(_ content: ContentHash) -> Tensor? {
        for layer in layers { for tensor in layer where tensor.content == content { return tensor } }
        return nil
    }

    /// What a layer with these tensors computes with: another number for other bytes.
    static func factor(_ tensors: [[UInt8]]) -> UInt64 {
        tensors.reduce(1) { factor, bytes in bytes.reduce(factor) { ToyModel.mix($0, UInt64($1)) } }
    }

    /// In place of SHA-256.
    static func hash(_ bytes: [UInt8]) -> ContentHash {
        var state = bytes.reduce(UInt64(bytes.count)) { ToyModel.mix($0, UInt64($1)) }
        var digest: [UInt8] = []
        for _ in 0..<ContentHash.byteCount / 8 {
            state = ToyModel.mix(state, 5)
            for shift in 0..<8 { digest.append(UInt8(truncatingIfNeeded: state >> (8 * UInt64(shift)))) }
        }
        guard let hash = ContentHash(digest) else { preconditionFailure("a digest has 32 bytes") }
        return hash
    }
}
