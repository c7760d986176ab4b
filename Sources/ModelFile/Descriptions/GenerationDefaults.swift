// What a model's author suggests for generating with it. Knows nothing of sampling.

import Sequences

/// Suggestions found beside a model; nil where there is none.
package struct GenerationDefaults: Sendable, Hashable {
    package var bosToken: Int?
    /// Tokens that end an answer; all are inside the vocabulary.
    package var eosTokens: [Int] = []
    package var sampling = SamplingParameters()

    package init() {}
}
