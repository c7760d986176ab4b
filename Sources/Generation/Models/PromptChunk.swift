// Responsible for: how many tokens of a prompt are computed at once. Must not know: who computes them.

/// Tokens of a prompt computed at once; answers do not depend on it.
package enum PromptChunk {
    /// Where nobody says otherwise, in one process.
    package static let standard = 512
    /// At most.
    package static let largest = 4096
}
