// Reproducible test data: ordinary numbers, and the ones that break arithmetic.
// Must not know: kernels.

struct RandomValues {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// SplitMix64.
    mutating func bits() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int {
        Int(bits() % UInt64(bound))
    }

    /// Between -3 and 3.
    mutating func ordinary() -> Float {
        Float(Int(bits() % 6_000_001) - 3_000_000) * 1e-6
    }

    /// Mostly ordinary; one in ten is an infinity, NaN, subnormal, huge, tiny or of any bits.
    mutating func hostile() -> Float {
        let value = ordinary()
        switch below(100) {
        case 0: return .infinity
        case 1: return -.infinity
        case 2: return .nan
        case 3: return value * 0x1p-138
        case 4: return -0.0
        case 5: return value * 1e38
        case 6: return value * 0x1p-120
        case 7: return value * 50
        case 8: return Float(bitPattern: UInt32(truncatingIfNeeded: bits()))
        case 9: return value * 0x1p-126
        default: return value
        }
    }

    mutating func floats(_ count: Int, hostile isHostile: Bool = false) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        for i in 0..<count { values[i] = isHostile ? hostile() : ordinary() }
        return values
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var values = [UInt8](repeating: 0, count: count)
        for i in 0..<count { values[i] = UInt8(truncatingIfNeeded: bits()) }
        return values
    }
}
