// Responsible for: a model whose next token is a hash over everything that must be right. Must not know: blocks,
// stages.

/// The arithmetic of the toy model. A layer's output depends on the token, its position, the layer and what earlier
/// positions left in that layer.
enum ToyModel {
    static let layerCount = 6
    static let vocabulary: UInt64 = 97
    /// An answer ends with one of these, where they are not ignored.
    static let endTokens: [Int32] = [5, 6]

    /// What of a sequence's length a model depends on, as real ones do (none, dynamic NTK, longrope).
    enum Lengths {
        case none
        case dynamic(beyond: Int)
        case replayed(beyond: Int)

        /// What a token at `position` is stretched by, in a sequence begun with `restartLength` tokens.
        func stretch(_ restartLength: Int, position: Int) -> UInt64 {
            switch self {
            case .none: 0
            case .dynamic(let length): UInt64(max(length, restartLength, position + 1))
            case .replayed(let length): max(restartLength, position + 1) > length ? 1 : 0
            }
        }
    }

    static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var z = (a &* 0x9e37_79b9_7f4a_7c15) ^ b
        z = (z ^ z >> 29) &* 0xbf58_476d_1ce4_e5b9
        return z ^ z >> 32
    }

    static func embed(_ token: Int32, position: Int) -> UInt64 { mix(UInt64(token) &+ 1, UInt64(position)) }

    /// What a layer keeps of a position.
    static func key(_ hidden: UInt64, layer: Int) -> UInt64 { mix(hidden, UInt64(layer) &+ 77) | 1 }

    /// The earlier positions that a layer looks at: enough that a wrong one does not stay unseen for long.
    static func looksAt(_ position: Int, layer: Int) -> (Int, Int, Int, Int) {
        (
            0, max(0, position - 1), (position &* 7 &+ layer &* 13) % (position + 1),
            (position &* 31 &+ layer &* 5 &+ 3) % (position + 1)
        )
    }

    static func attend(_ hidden: UInt64, _ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) -> UInt64 {
        mix(mix(mix(mix(hidden, a), b), c), d)
    }

    /// A digest of all tokens before the one that is sampled.
    static func remember(_ digest: UInt64, _ token: Int32) -> UInt64 { mix(digest, UInt64(token) &+ 3) }

    /// The "log-probability" of a target.
    static func score(_ hidden: UInt64, target: Int32) -> Float {
        -Float(mix(hidden, UInt64(target) &+ 11) % 100_000)
    }

    /// Of two seeds, one says much that it has said before.
    static func sample(_ hidden: UInt64, seed: UInt64, position: Int, digest: UInt64) -> Int32 {
        let hash = mix(mix(hidden, seed &+ UInt64(position)), digest)
        if seed % 2 == 0 && hash % 19 != 0 { return Int32(20 + position % 3) }
        return Int32(hash / 19 % vocabulary)
    }
}
