// Values that are no numbers, where a stage comes upon them.
//
// Responsible for: what is found of them in one step, and the passes over memory that look for them.
// Must not know: what becomes of a sequence whose values are none.

/// What the last step of a stage found of values that are no numbers. Weights that are damaged are the likeliest cause.
package struct Damage: Sendable, Equatable {
    /// The sequences that sampled, or were scored, from logits of which one is NaN or +infinity, or none is above
    /// -infinity. What was sampled or scored of them means nothing. Only on the last stage.
    package internal(set) var sequences: [UInt64] = []
    /// Where `StageConfiguration.checksLayers`: what of this stage is the first that is not finite, such as "the output
    /// of layer 2"; nil where all is finite, or what came in was not.
    package internal(set) var origin: String?

    /// Nothing was found.
    package init() {}

    /// The next step begins.
    mutating func clear() {
        sequences.removeAll(keepingCapacity: true)
        origin = nil
    }

    mutating func note(_ sequence: UInt64) {
        if !sequences.contains(sequence) { sequences.append(sequence) }
    }

    /// Whether a token may be chosen from these logits [count]: one pass, small beside the product that made them.
    static func areLogits(_ values: UnsafePointer<Float>, _ count: Int) -> Bool {
        var wrong: UInt32 = 0
        var possible: UInt32 = 0
        for index in 0..<count {
            wrong |= values[index] < .infinity ? 0 : 1  // NaN is not less
            possible |= values[index] > -.infinity ? 1 : 0
        }
        return wrong == 0 && possible != 0
    }

    /// Whether all of values [count] are finite.
    static func areFinite(_ values: UnsafePointer<Float>, _ count: Int) -> Bool {
        var wrong: UInt32 = 0
        for index in 0..<count { wrong |= values[index].magnitude < .infinity ? 0 : 1 }
        return wrong == 0
    }
}
