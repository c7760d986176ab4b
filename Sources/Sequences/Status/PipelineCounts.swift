// Responsible for: what a coordinator counts for people, each under the name by which it is told. Must not know: who counts
// it, how it is shown.

/// Counts of a coordinator's whole life. They travel, and stand in `tandem status --json`, under their names: a new one is
/// a property and a line of `all` here, and otherwise named only where it is counted and, if it is, in the text for people.
package struct PipelineCounts: Sendable, Equatable, Encodable {
    /// Tokens of prompts that were computed, and tokens whose keys and values were there already.
    package var promptTokens = 0
    package var reusedTokens = 0
    /// Tokens that were guessed, and those of them that were right.
    package var draftedTokens = 0
    package var acceptedTokens = 0
    /// Tokens times layers whose keys and values were computed again, as a change of the plan had lost them.
    package var rebuiltLayerTokens = 0
    /// Plans that took the place of one that served without a break, and those that came to nothing beside it.
    package var planChanges = 0
    package var abandonedPlanChanges = 0
    /// KV blocks that were copied from worker to worker for them, each for every pair of workers.
    package var copiedBlocks = 0
    /// Steps that were passed on uncomputed.
    package var skippedSteps = 0
    /// Requests that gave way to others, that were refused, and that have ended.
    package var preemptions = 0
    package var refusals = 0
    package var finishedRequests = 0

    /// Nothing counted yet.
    package init() {}

    /// Every count with its name.
    package static let all: [(name: String, path: any WritableKeyPath<PipelineCounts, Int> & Sendable)] = [
        ("promptTokens", \.promptTokens), ("reusedTokens", \.reusedTokens), ("draftedTokens", \.draftedTokens),
        ("acceptedTokens", \.acceptedTokens), ("rebuiltLayerTokens", \.rebuiltLayerTokens),
        ("planChanges", \.planChanges), ("abandonedPlanChanges", \.abandonedPlanChanges),
        ("copiedBlocks", \.copiedBlocks), ("skippedSteps", \.skippedSteps), ("preemptions", \.preemptions),
        ("refusals", \.refusals), ("finishedRequests", \.finishedRequests),
    ]
}
