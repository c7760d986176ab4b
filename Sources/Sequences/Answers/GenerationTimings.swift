// Responsible for: where the time of one answer went. Must not know: clocks, who computed it.

/// Where the time of one answer went, in seconds.
package struct GenerationTimings: Equatable, Sendable {
    package var promptTokens = 0
    /// From the start of the work to the first token.
    package var promptSeconds = 0.0
    package var generatedTokens = 0
    /// From the first token to the last.
    package var decodeSeconds = 0.0
    /// From the request to the first token, waiting included.
    package var firstTokenSeconds = 0.0

    /// Nothing has happened.
    package init() {}
}
