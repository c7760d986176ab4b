// Responsible for: a chosen token and how likely it was, the same from the stage that chose it to whoever reads the
// answer. Must not know: text.

/// A chosen token.
package struct SampledToken: Sendable, Equatable {
    /// Its id.
    package var token: Int32
    /// Its natural log-probability in the model's own distribution (log-softmax of the logits before any adjustment);
    /// nil where it was not asked for.
    package var logProbability: Float?
    /// The most likely tokens in the same distribution, most likely first, the lower id first on a tie.
    package var top: [TokenProbability]

    /// A sampled token.
    package init(token: Int32, logProbability: Float? = nil, top: [TokenProbability] = []) {
        self.token = token
        self.logProbability = logProbability
        self.top = top
    }
}

/// A token and its natural log-probability.
package struct TokenProbability: Sendable, Equatable {
    /// The token.
    package var token: Int32
    /// Its log-probability; -infinity where the model's output was not a number.
    package var logProbability: Float

    /// A candidate.
    package init(token: Int32, logProbability: Float) {
        self.token = token
        self.logProbability = logProbability
    }
}
