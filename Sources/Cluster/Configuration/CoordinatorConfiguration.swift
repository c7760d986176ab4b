// Responsible for: what a coordinator is told when it starts. Must not know: clocks, flags.

import Sequences
import Wire

/// Everything a coordinator decides by, apart from events.
package struct CoordinatorConfiguration: Sendable {
    package var model: ModelShape
    /// Goes into every `Assign` unread.
    package var modelDescription: [UInt8]
    /// The SHA-256 of that, by which workers know what they hold; nil: nothing that is held is taken up.
    package var modelHash: ContentHash?
    package var build: String
    /// Where the shell has bound its sockets, as workers reach them.
    package var weightsEndpoint: String
    package var tokensEndpoint: String
    /// The same, with the host that workers are told to join at, for people.
    package var weightsAddress: String
    package var tokensAddress: String
    /// The coordinator's own key, whose steps the first stage takes; nil: links are open.
    package var key: NodeKey?
    /// Tokens of a sequence at most, prompt and answer.
    package var contextLength: Int
    /// How keys and values depend on the length of their sequence.
    package var lengthRule = LengthRule()
    /// Epochs count up from here. Pass something that grows from one start to the next (the time of day), so that a
    /// stage of an earlier coordinator cannot be taken for one of this.
    package var firstEpoch: Epoch
    /// Of earlier processes, the newest last: their workers get the layers that they have on their disks.
    package var recalledPlans: [JournalPlan] = []
    /// Its term, and who decides whether it may serve.
    package var authority = Authority()
    /// Where the standby was that may have taken over; nil: there was none.
    package var standbyPlace: CoordinatorPlace?
    /// No plan is made with fewer workers.
    package var minimumWorkers = 1
    /// Layer ranges in the order of the workers' joining; nil: the planner decides.
    package var split: [Range<Int>]?
    /// The KV blocks wanted; fewer, but never fewer than one whole context, where memory is short.
    package var wantedBlocks: Int
    /// Tokens of prompts in one step.
    package var prefillChunk = 256
    /// While answers are decoded, prompts get so large a share of a step that it takes about so long at a stage.
    package var stepTime = Duration.milliseconds(100)
    /// Answers are guessed ahead from what was said before, where stages would be idle and it pays.
    package var guesses = true
    /// What requests have in common at their beginnings is computed once.
    package var keepsPrefixes = true
    /// Its workers only pretend to compute.
    package var isSimulated = false
    /// How keys and values are stored, for people: "f16".
    package var keyValueType = ""
    /// Tokens in one step.
    package var maximumBatchTokens = 512
    /// Requests computed at once, and requests that may wait.
    package var maximumRunning = 128
    package var maximumWaiting = 256

    /// A new plan is prepared beside the one that serves, where memory allows it.
    package var changesWhileServing = true
    /// While answers are computed, another plan is worth a change if its slowest stage is faster by this part, and where
    /// no member has come or gone only by that.
    package var leastGain = 0.08
    package var leastImbalance = 0.15
    /// It must have been for so long then, and there is at most one such change in so long.
    package var unbalancedFor = Duration.seconds(10)
    package var balancedEvery = Duration.seconds(60)
    package var copying = CopyRules()
    /// For so long after a loss those who are left go on with a plan that is not the fastest: whoever is lost may be back
    /// soon, and what it had is where it had it.
    package var returnAwaitedFor = Duration.seconds(5)
    /// While a plan serves, those who join within so long of each other come into the next one together, and it waits for
    /// them no longer than that.
    package var joinersFollowWithin = Duration.milliseconds(300)
    package var joinersAwaitedFor = Duration.milliseconds(1_500)

    package var heartbeatInterval = Duration.milliseconds(250)
    /// A worker not heard of for so long is lost.
    package var lostAfter = Duration.seconds(1)
    /// A step that computes for so long is hung, and its worker lost.
    package var hungAfter = Duration.seconds(120)
    /// A load without progress for so long has failed.
    package var loadStalledAfter = Duration.seconds(60)
    /// A plan waits so long at most for newcomers to prove their links.
    package var proofAwaitedFor = Duration.milliseconds(500)
    /// What serves is not interrupted by loads that take longer, but where nobody asks anything for long.
    package var interruptionLimit = Duration.seconds(10)
    /// A load without progress for so long has failed where its worker cannot fetch weights.
    package var weightsAwaitedFor = Duration.seconds(5)
    /// Steps outstanding for so long while every worker idles are lost, and replayed: at most, and where they have nothing
    /// to carry.
    package var stalledAfter = Duration.seconds(5)
    package var smallStepStalledAfter = Duration.milliseconds(1_250)
    /// What the slowest link that steps go over carries in a second.
    package var slowestLinkBytes = 1_250_000
    /// For so long a worker that could not load, or lost steps again and again, is left out of plans.
    package var setAsideFor = Duration.seconds(30)
    /// For so long after a loss an idle cluster waits for its minimum of workers before it plans with fewer.
    package var smallerPlanAfter = Duration.seconds(5)
    /// After a start, those that had layers before are waited for so long after the last of them came.
    package var recalledAwaitedFor = Duration.seconds(3)
    /// A request fails after so long without any service.
    package var waitingLimit = Duration.seconds(120)

    /// How long steps of so many tokens in all may be on their way while every worker idles.
    func stallLimit(tokens: Int) -> Duration {
        let bytes = Double(tokens) * Double(model.activationsPerToken * MemoryLayout<Float>.size)
        let milliseconds = min(bytes / Double(max(1, slowestLinkBytes)) * 1000, 1e6)
        return min(stalledAfter, smallStepStalledAfter + .milliseconds(Int64(milliseconds)))
    }

    /// The defaults, with KV blocks for four whole contexts.
    package init(
        model: ModelShape, modelDescription: [UInt8], build: String, weightsEndpoint: String, tokensEndpoint: String,
        contextLength: Int, firstEpoch: Epoch
    ) {
        precondition(contextLength > 0 && !model.layerBytes.isEmpty)
        self.model = model
        self.modelDescription = modelDescription
        self.build = build
        self.weightsEndpoint = weightsEndpoint
        self.tokensEndpoint = tokensEndpoint
        weightsAddress = weightsEndpoint
        tokensAddress = tokensEndpoint
        self.contextLength = contextLength
        self.firstEpoch = firstEpoch
        self.wantedBlocks = 4 * KeyValueBlock.count(forPositions: contextLength)
    }

    var schedulerRules: Scheduler.Rules {
        var rules = Scheduler.Rules(
            contextLength: contextLength, vocabularySize: model.vocabularySize,
            prefillChunk: max(1, min(prefillChunk, maximumBatchTokens)),
            maximumBatchTokens: max(1, maximumBatchTokens),
            maximumRunning: max(1, min(maximumRunning, Limits.stepItems)), lengthRule: lengthRule)
        rules.stepTime = stepTime
        rules.guesses = guesses
        rules.keepsPrefixes = keepsPrefixes
        return rules
    }

    /// KV blocks for one whole context: with so many, every admissible request can be computed.
    package var minimumBlocks: Int { KeyValueBlock.count(forPositions: contextLength) }
}
