// Responsible for: how weights are served: in which pieces, how fast, how often wrong. Must not know: who serves them,
// how they are fetched.

/// How weights are served in a world.
struct WeightService {
    let window: Int
    let chunkBytes: Int
    let bytesPerMillisecond: UInt64
    /// Of a hundred chunks, so many have a wrong bit; none once faults are over.
    var damagePercent: Int

    init(_ random: inout SeededRandom) {
        (window, chunkBytes) = [(8, 128), (3, 48), (1, 80)][random.below(3)]
        bytesPerMillisecond = [5, 50, 500][random.below(3)]
        damagePercent = [0, 0, 0, 2, 8][random.below(5)]
    }
}
