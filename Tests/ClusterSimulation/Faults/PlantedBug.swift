// Responsible for: the bugs that worlds can be given on purpose, so that the checkers can be checked. Must not know: who
// finds them.

/// What is wrong in a world on purpose.
enum PlantedBug: CaseIterable {
    /// A stage leaves out its last layer in some steps.
    case skippedLayer
    /// A stage does not write where something is written already.
    case staleBlock
    /// A stage mixes up the first two sequences of a step.
    case swappedSequences
    /// A stage takes every sequence for as long as its tokens so far.
    case forgottenRestart
    /// A token does not reach its client.
    case lostToken
    /// A client is told a token twice.
    case doubledToken
    /// The last stage takes every guess for right.
    case trustedGuess
    /// A worker takes whatever bytes came for right.
    case uncheckedBytes
    /// A worker takes a load for done while bytes are missing.
    case earlyLoad
    /// What a result says that was meant for an earlier coordinator is taken for the next answer.
    case earlierResult
    /// A coordinator that starts again counts epochs from the same number.
    case repeatedEpochs

    /// A stage sends every block as it was when the first was sent.
    case staleCopy
    /// A stage leaves out what it is sent of blocks that are not full.
    case lostTail

    /// A stage says that it has kept what it was to keep, and begins with nothing.
    case keptNothing
    /// A stage keeps layers that it was to begin anew, and computes nothing of them again.
    case keptTooMuch
    /// A stage passes on what it is to rebuild, and computes nothing.
    case passedRebuild
    /// A stage gives the outputs that it has kept of another position.
    case shiftedOutputs
    /// A worker that is asked what it holds says of two blocks that each contains what the other does.
    case mixedBlocks
    /// A client that comes back after a restart is told the last token that it has once more.
    case repeatedToken
    /// A client is told that its request was accepted before that is safe.
    case earlyAcceptance

    /// Among so many worlds one must find it. Some need a coordinator that starts again at the right moment.
    var seeds: UInt64 {
        switch self {
        case .earlierResult, .repeatedEpochs, .mixedBlocks, .repeatedToken, .earlyAcceptance: 500
        case .staleCopy, .lostTail, .keptNothing, .keptTooMuch, .passedRebuild, .shiftedOutputs: 200
        default: 20
        }
    }
}
