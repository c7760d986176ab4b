// Responsible for: what is asked for, as plain data, the same for one process, a cluster and every way in.
// Must not know: models, stages, sockets.

/// A prompt and all that decides its answer.
package struct GenerationRequest: Sendable, Equatable {
    /// The forms a prompt comes in.
    package enum Prompt: Sendable, Equatable {
        /// Text to continue.
        case text(String)
        /// A conversation whose next message is wanted.
        case messages([ChatMessage])
        /// Exactly these token ids.
        case tokens([Int32])
    }

    package var prompt: Prompt
    package var sampling = SamplingParameters()
    /// The answer ends after this many tokens.
    package var maximumTokens = 256
    /// The answer ends before the first of these strings.
    package var stops: [String] = []
    /// The answer ends before the first of these tokens.
    package var stopTokens: [Int32] = []
    /// Go on after an end-of-text token.
    package var ignoresEndOfText = false
    /// Text is continued as it is, and messages are written without the model's own chat template.
    package var isRaw = false
    /// The tools that the model may call, a JSON list in OpenAI's form. Only of prompts of messages.
    package var tools: String?
    /// Further variables of the model's chat template, a JSON object. Only of prompts of messages.
    package var templateVariables: String?
    /// Requests of higher priority are served before others, those of equal priority in the order they came.
    package var priority = 0
    /// Generate nothing: give the log-probability of each token of the prompt from this one on (the first has none).
    /// Only of prompts of token ids.
    package var scoringStart: Int?

    /// The first tokens of the answer, where somebody has them already: what follows them is wanted, the same that would
    /// have followed. None where the prompt is scored.
    package var answered: [Int32] = []

    /// A request that says nothing but its prompt.
    package init(prompt: Prompt) { self.prompt = prompt }
}
