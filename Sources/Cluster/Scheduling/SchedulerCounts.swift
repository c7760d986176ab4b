// Responsible for: what a scheduler counts for people. Must not know: how it is told or shown.

/// Of a scheduler's whole life, unless said otherwise.
struct SchedulerCounts: Sendable, Equatable {
    var generatedTokens: UInt64 = 0
    /// Tokens of prompts that were computed, and tokens whose keys and values were there already.
    var promptTokens: UInt64 = 0
    var reusedTokens: UInt64 = 0
    /// Tokens that were guessed, and those of them that were right.
    var draftedTokens: UInt64 = 0
    var acceptedTokens: UInt64 = 0
    var skippedSteps: UInt64 = 0
    var preemptions: UInt64 = 0
    var finished: UInt64 = 0
    /// Now: steps wanted in flight, and prompt tokens that the next step may have beside those that are decoded.
    var targetSteps = 0
    var prefillBudget = 0
}
