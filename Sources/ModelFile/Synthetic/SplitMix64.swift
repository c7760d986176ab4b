// Responsible for: numbers that look random and are the same everywhere, from a counter or a seed.
// Must not know: what they are for.

/// Steele, Lea and Flood's generator (https://prng.di.unimi.it/splitmix64.c). Its n-th number follows from n alone.
package enum SplitMix64 {
    private static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15

    /// The number of this place in the sequence whose seed is 0.
    @inline(__always)
    package static func number(at place: UInt64) -> UInt64 { output(place &* increment) }

    /// The first number of the sequence with this seed.
    package static func first(seed: UInt64) -> UInt64 { output(seed &+ increment) }

    @inline(__always)
    private static func output(_ state: UInt64) -> UInt64 {
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
