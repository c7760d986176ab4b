// How a model's author suggests to choose tokens. Knows nothing of sampling.

/// Suggestions found beside a model; nil where there is none.
package struct SamplingDefaults: Sendable, Hashable {
    /// 0 is greedy: always the likeliest token.
    package var temperature: Float?
    /// 0 is off.
    package var topK: Int?
    /// Over 0; 1 is off.
    package var topP: Float?
    /// Between 0 (off) and 1.
    package var minP: Float?
    /// Over 0; 1 is off.
    package var repeatPenalty: Float?

    /// No suggestions.
    package init() {}

    /// As files have them. A number without a meaning is left out, and `topK` below 0 is off, as in llama.cpp: nobody needs
    /// a suggestion to use a model.
    init(temperature: Double?, topK: Double?, topP: Double?, minP: Double?, repeatPenalty: Double?) {
        func number(_ value: Double?, _ isMeant: (Float) -> Bool) -> Float? {
            value.map { Float($0) }.flatMap { $0.isFinite && isMeant($0) ? $0 : nil }
        }
        self.temperature = number(temperature) { $0 >= 0 }
        self.topK = topK.flatMap { Int32(exactly: $0) }.map { Int(max(0, $0)) }
        self.topP = number(topP) { $0 > 0 && $0 <= 1 }
        self.minP = number(minP) { $0 >= 0 && $0 <= 1 }
        self.repeatPenalty = number(repeatPenalty) { $0 > 0 }
    }
}
