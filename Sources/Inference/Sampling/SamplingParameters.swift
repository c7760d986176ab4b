// How the next token of a sequence is chosen, and what is told about it.
//
// Responsible for: the parameters of sampling and its result.
// Must not know: logits, text, defaults of any command.

/// How one sequence samples. `init` gives plain sampling from the model's distribution with everything else off.
package struct SamplingParameters: Sendable, Equatable {
    /// A number added to one token's logit; -infinity bans the token.
    package struct LogitBias: Sendable, Equatable {
        /// The token; ids outside the vocabulary are ignored.
        package var token: Int32
        /// What is added to its logit.
        package var bias: Float

        /// Adds `bias` to the logit of `token`.
        package init(token: Int32, bias: Float) {
            self.token = token
            self.bias = bias
        }
    }

    /// 0 (or less, or NaN) takes the most likely token; 1 is the model's distribution.
    package var temperature: Float = 1
    /// Keep only the K most likely tokens; 0: all.
    package var topK: Int = 0
    /// Keep the most likely tokens until their probabilities sum to this; 1: all.
    package var topP: Float = 1
    /// Drop tokens less likely than this fraction of the most likely one; 0: none.
    package var minP: Float = 0
    /// Divides positive and multiplies negative logits of tokens in prompt or answer (as Hugging Face does); 1: off.
    package var repeatPenalty: Float = 1
    /// Subtracted once from the logit of every token in the answer (as OpenAI does); 0: off.
    package var presencePenalty: Float = 0
    /// Subtracted from a token's logit for every time it is in the answer (as OpenAI does); 0: off.
    package var frequencyPenalty: Float = 0
    /// Added to logits.
    package var logitBias: [LogitBias] = []
    /// Tokens never chosen (end of sequence with `--ignore-eos`); ids outside the vocabulary are ignored.
    package var bannedTokens: [Int32] = []
    /// The seed: the same seed, position and logits give the same token.
    package var seed: UInt64 = 0
    /// How many of the most likely tokens to name with each sample; 0 or less: none.
    package var logProbabilityCount: Int = -1
    /// The tokens of the sequence before this position are its prompt.
    package var promptTokenCount: Int = 0

    /// Sampling from the model's distribution, nothing else.
    package init() {}
}

/// A chosen token.
package struct SampledToken: Sendable, Equatable {
    /// A token and its natural log-probability.
    package struct Candidate: Sendable, Equatable {
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

    /// The chosen token.
    package var token: Int32
    /// Its log-probability in the model's own distribution (log-softmax of the logits before any adjustment).
    package var logProbability: Float
    /// The most likely tokens in the same distribution, most likely first, the lower id first on a tie.
    package var top: [Candidate]

    /// A sampled token.
    package init(token: Int32, logProbability: Float, top: [Candidate] = []) {
        self.token = token
        self.logProbability = logProbability
        self.top = top
    }
}
