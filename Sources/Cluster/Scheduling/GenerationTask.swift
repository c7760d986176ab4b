// Responsible for: a request as the coordinator's machine sees it: tokens in, tokens or scores out. Must not know: text,
// what clients are beside a number.

import Sequences
import Wire

/// Continue a prompt, or score it. Request ids are the shell's and never used twice.
package struct GenerationTask: Sendable, Equatable {
    package var request: RequestID
    /// Who asks: requests of different clients take turns.
    package var client: ClientID
    /// At least one token.
    package var prompt: [Int32]
    /// What is known of the answer already: it goes on after these. Shorter than the answer may be.
    package var answered: [Int32]
    package var sampling: SamplingParameters
    /// Of the whole answer. At least 1; not looked at where the prompt is scored.
    package var maximumTokens: Int
    /// The answer ends with (and includes) the first of these; empty where they are ignored.
    package var endTokens: [Int32]
    /// Generate nothing: give the log-probability of each token of the prompt from this one on, at least 1 and inside
    /// the prompt. nil: generate.
    package var scoringStart: Int?
    /// Of one client's requests, and of those whose turn it is, higher ones are served before others, equal ones in the
    /// order they came.
    package var priority: Int
    /// It has its place in the queue since before this coordinator began: it is refused for nobody.
    package var isAccepted = false

    /// All of it.
    package init(
        request: RequestID, client: ClientID = .own, prompt: [Int32], answered: [Int32] = [],
        sampling: SamplingParameters, maximumTokens: Int, endTokens: [Int32], scoringStart: Int? = nil,
        priority: Int = 0
    ) {
        self.request = request
        self.client = client
        self.prompt = prompt
        self.answered = answered
        self.sampling = sampling
        self.maximumTokens = maximumTokens
        self.endTokens = endTokens
        self.scoringStart = scoringStart
        self.priority = priority
    }
}
