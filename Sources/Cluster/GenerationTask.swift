// Responsible for: a request as the coordinator's machine sees it: tokens in, tokens out. Must not know: text, clients.

import Wire

/// Continue a prompt. Request ids are the shell's and never used twice.
package struct GenerationTask: Sendable, Equatable {
    package var request: RequestID
    /// At least one token.
    package var prompt: [Int32]
    package var sampling: SamplingParameters
    /// At least 1.
    package var maximumTokens: Int
    /// The answer ends with (and includes) the first of these; empty where they are ignored.
    package var endTokens: [Int32]
    /// Requests of one session reuse the keys and values of their common beginning.
    package var session: SessionID?

    /// All of it.
    package init(
        request: RequestID, prompt: [Int32], sampling: SamplingParameters, maximumTokens: Int, endTokens: [Int32],
        session: SessionID? = nil
    ) {
        self.request = request
        self.prompt = prompt
        self.sampling = sampling
        self.maximumTokens = maximumTokens
        self.endTokens = endTokens
        self.session = session
    }
}
