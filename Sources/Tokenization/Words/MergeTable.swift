// The merges of byte-pair encoding: which two neighbours become which token, and how early. Knows nothing of text.

/// A pair of neighbouring pieces that can be joined, in one comparable number: rank (less is earlier) above token.
struct Pair: Sendable, Equatable {
    let bits: UInt64

    static let none = Pair(bits: .max)

    init(rank: UInt32, token: Int32) {
        bits = UInt64(rank) << 32 | UInt64(UInt32(bitPattern: token))
    }

    private init(bits: UInt64) { self.bits = bits }

    var rank: UInt32 { UInt32(bits >> 32) }
    var token: Int32 { Int32(truncatingIfNeeded: bits) }
}

/// Merges by the ids of both sides: a hash table with open addressing.
struct MergeTable: Sendable {
    private static let free = UInt64.max

    private var keys: [UInt64]
    private var pairs: [Pair]
    private let shift: Int

    /// A table for at most `capacity` merges.
    init(capacity: Int) {
        var bits = 4
        while 1 << bits < 2 * capacity { bits += 1 }
        keys = [UInt64](repeating: Self.free, count: 1 << bits)
        pairs = [Pair](repeating: .none, count: 1 << bits)
        shift = 64 - bits
    }

    /// Of two merges of the same pair the first one counts.
    mutating func insert(_ left: Int32, _ right: Int32, _ pair: Pair) {
        let key = Self.key(left, right)
        let slot = slot(of: key)
        guard keys[slot] == Self.free else { return }
        keys[slot] = key
        pairs[slot] = pair
    }

    /// What `left` and `right` become; negative ids have no merges.
    func pair(_ left: Int32, _ right: Int32) -> Pair {
        if left < 0 || right < 0 { return .none }
        return pairs[slot(of: Self.key(left, right))]
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// The slot that holds `key`, or the free one where it would go.
    private func slot(of key: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> UInt64(shift))
        while keys[slot] != key, keys[slot] != Self.free { slot = (slot + 1) & (keys.count - 1) }
        return slot
    }
}
