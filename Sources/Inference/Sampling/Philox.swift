// Random numbers that depend on a key and a counter alone.
//
// Responsible for: Philox4x32-10.
// Must not know: what is drawn with them.

/// The counter-based generator Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
/// 1, 2, 3" (SC 2011): a bijection of the counter for each key. No state: the same input gives the same output
/// on every host and on every replay.
enum Philox {
    /// Four random words for a counter of four words and a key of two, lowest word first.
    static func words(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var state = counter
        var key = key
        for _ in 0..<10 {
            let first = UInt64(state[0]) * 0xD251_1F53
            let second = UInt64(state[2]) * 0xCD9E_8D57
            state = SIMD4(
                UInt32(second >> 32) ^ state[1] ^ key[0], UInt32(truncatingIfNeeded: second),
                UInt32(first >> 32) ^ state[3] ^ key[1], UInt32(truncatingIfNeeded: first))
            key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
        }
        return state
    }

    /// A number in 0..<1 with 53 random bits, of a seed and a position.
    static func uniform(seed: UInt64, position: UInt64) -> Double {
        let words = words(
            counter: SIMD4(UInt32(truncatingIfNeeded: position), UInt32(position >> 32), 0, 0),
            key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)))
        let bits = UInt64(words[1]) << 32 | UInt64(words[0])
        return Double(bits >> 11) * 0x1p-53
    }
}
