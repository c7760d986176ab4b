// How a model's author suggests to choose tokens. Knows nothing of sampling.

import Sequences

extension SamplingParameters {
    /// What files suggest. A number without a meaning is left out, and `topK` below 0 is off, as in llama.cpp: nobody needs
    /// a suggestion to use a model.
    init(temperature: Double?, topK: Double?, topP: Double?, minP: Double?, repeatPenalty: Double?) {
        func number(_ value: Double?, _ isMeant: (Float) -> Bool) -> Float? {
            value.map { Float($0) }.flatMap { $0.isFinite && isMeant($0) ? $0 : nil }
        }
        self.init()
        self.temperature = number(temperature) { $0 >= 0 }
        self.topK = topK.flatMap { Int32(exactly: $0) }.map { Int(max(0, $0)) }
        self.topP = number(topP) { $0 > 0 && $0 <= 1 }
        self.minP = number(minP) { $0 >= 0 && $0 <= 1 }
        self.repeatPenalty = number(repeatPenalty) { $0 > 0 }
    }
}
