// Responsible for: the stage of one epoch: how far it is loaded, and which of its steps is next. Must not know: the
// coordinator, other epochs, tensors.

import DequeModule
import Wire

extension Worker {
    /// A share of one plan, and the steps that wait for it.
    struct AssignedStage: Sendable {
        /// What becomes of a step that has come.
        enum Acceptance: Sendable {
            case taken
            /// It is not what the plan allows, and it is gone with all that came beside it: why.
            case misfit(String)
            /// It came before, or so far ahead that it is of another connection.
            case stray
            /// Steps before it are lost, and nothing after them can be right.
            case gap(String)
        }

        private struct WaitingStep: Sendable {
            var header: Forward
            /// nil: there is none, or it is being computed with.
            var input: Input?
        }

        let assign: Assign
        private(set) var isLoaded = false
        /// In order; the first is being computed if `computingSince` is set.
        private var steps: Deque<WaitingStep> = []
        private(set) var computingSince: Moment?
        /// Steps that need not be computed, oldest first.
        private var skipped: [StepID] = []
        private(set) var stepsCompleted: UInt64 = 0
        /// The newest step taken up; they come without gaps.
        private var lastStep = StepID(0)
        /// Sequences whose sampling has begun here, where it is the last stage, and that are not over.
        private var begun: Set<SequenceID> = []
        /// Steps that were not what the plan allows.
        private(set) var misfits = 0
        private var copies = IncomingCopies()

        /// So many may have begun at once: all that run, and as many that are over but have steps under way.
        private static var mostBegun: Int { 2 * Limits.stepItems }

        init(_ assign: Assign) { self.assign = assign }

        var epoch: Epoch { assign.epoch }

        /// It is loaded beside another, and no step has come for it: nothing computes with its memory.
        var isPrepared: Bool { assign.isBeside && lastStep == StepID(0) }

        mutating func noteLoaded() { isLoaded = true }

        /// What came, or was to come, over a connection that is no more.
        mutating func forgetSteps() {
            steps.removeAll()
            skipped = []
            computingSince = nil
            stepsCompleted = 0
            lastStep = StepID(0)
            begun = []
        }

        /// These sequences are over.
        mutating func noteEnd(of sequences: [SequenceID]) { begun.subtract(sequences) }

        // MARK: Blocks of others

        /// Whether this is what is to be stored next.
        mutating func take(_ contents: BlockContents, from source: WorkerID) -> Bool {
            copies.take(contents, from: source, for: assign)
        }

        /// It is in memory. True: with all of its order.
        mutating func noteStored(_ contents: BlockContents, from source: WorkerID) -> Bool {
            copies.noteStored(contents, from: source)
        }

        // MARK: Steps

        /// Keeps a step, with what came beside its header, where it is the next.
        mutating func accept(_ forward: Forward, _ input: Input?) -> Acceptance {
            let most = UInt64(Limits.stepsInFlight(stages: assign.stageCount))
            guard forward.step > lastStep, forward.step.value - lastStep.value <= most else { return .stray }
            if let problem = problem(with: forward) {
                misfits += 1
                return .misfit("\(forward.step) \(problem): not what \(epoch) allows; dropped")
            }
            // Its connection was replaced, and what was on it is lost.
            guard forward.step.value == lastStep.value + 1 else {
                return .gap("\(forward.step) came after \(lastStep)")
            }
            lastStep = forward.step
            if assign.isLast { begun.formUnion(forward.items.lazy.filter { $0.begin != nil }.map(\.sequence)) }
            steps.append(WaitingStep(header: forward, input: input))
            return .taken
        }

        /// What of a step is outside the plan; nil: nothing, and whoever computes it need not look again.
        private func problem(with forward: Forward) -> String? {
            let most = Limits.stepsInFlight(stages: assign.stageCount)
            if steps.count >= most { return "comes while \(steps.count) wait" }
            let tokens = forward.tokenCount
            let expected = takesInput(forward) ? tokens * assign.activationsPerToken : 0
            if let layers = forward.rebuilt, layers.upperBound > assign.layerCount {
                return "rebuilds layers \(layers)"
            }
            guard forward.activationCount == expected, tokens <= assign.maximumBatchTokens else {
                return "has \(tokens) tokens and \(forward.activationCount) activations"
            }
            if begun.count + forward.items.count > Self.mostBegun { return "begins too many sequences" }
            if forward.rebuilt != nil,
                forward.items.contains(where: { $0.sampleCount > 0 || !$0.targets.isEmpty || $0.begin != nil })
            {
                return "rebuilds layers and samples"
            }
            return forward.items.lazy.compactMap(problem).first
        }

        // MARK: What is rebuilt

        /// Activations come with a step.
        private func takesInput(_ forward: Forward) -> Bool {
            guard let rebuilt = forward.rebuilt else { return !assign.isFirst }
            return !assign.isFirst && rebuilt.contains(assign.layers.lowerBound)
        }

        /// It computes something of a step, or gives what it has kept of its outputs.
        private func computes(_ forward: Forward) -> Bool {
            guard let rebuilt = forward.rebuilt else { return true }
            return rebuilt.overlaps(assign.layers) || rebuilt.lowerBound == assign.layers.upperBound
        }

        private func problem(with item: ForwardItem) -> String? {
            let end = item.position + item.tokens.count
            guard end <= assign.contextLength, item.restartLength <= assign.contextLength else {
                return "has \(end) positions of \(item.sequence)"
            }
            if item.blocks.contains(where: { $0 >= assign.keyValueBlockCount }) {
                return "names KV blocks that there are not"
            }
            let size = assign.vocabularySize
            let history = item.begin?.history ?? []
            if item.tokens.contains(where: { $0 >= size }) || item.targets.contains(where: { $0 >= size })
                || history.contains(where: { $0 >= size })
            {
                return "has tokens that there are not"
            }
            guard (0...item.sampleCount).contains(item.draftCount), item.sampleCount <= item.draftCount + 1 else {
                return "samples \(item.sampleCount) times with \(item.draftCount) guesses"
            }
            if assign.isLast, item.sampleCount > 0, item.begin == nil, !begun.contains(item.sequence) {
                return "samples for \(item.sequence), which has not begun"
            }
            return nil
        }

        /// These steps need not be computed.
        mutating func note(skipped more: [StepID]) {
            // Each is named once at most while it is in flight.
            skipped += more
            skipped.sort()
            if skipped.count > Limits.stepsInFlight { skipped.removeFirst(skipped.count - Limits.stepsInFlight) }
        }

        /// Computes the first step, after passing on those before it that need no computing.
        mutating func computeNext(_ now: Moment) -> [Action] {
            var actions: [Action] = []
            while computingSince == nil, let step = steps.first {
                skipped.removeAll { $0 < step.header.step }
                if !step.header.items.isEmpty && skipped.first != step.header.step && computes(step.header) {
                    computingSince = now
                    steps[0].input = nil
                    actions.append(.compute(step.header, step.input))
                } else {
                    let nothing = StepResult(epoch: epoch, step: step.header.step, timings: [StageMicroseconds()])
                    actions += passOn(nothing, nil, isEmpty: true)
                }
            }
            return actions
        }

        /// Sends on what was made of the step that is being computed; nothing if it is another.
        mutating func finish(_ result: StepResult, _ output: Output?) -> [Action] {
            guard computingSince != nil, steps.first?.header.step == result.step else { return [] }
            computingSince = nil
            return passOn(result, output, isEmpty: false)
        }

        /// Sends what became of the first step to where the stage's output goes. Behind the layers that a step rebuilds there
        /// is nothing to be done.
        private mutating func passOn(_ result: StepResult, _ output: Output?, isEmpty: Bool) -> [Action] {
            guard var forward = steps.popFirst()?.header else { return [] }
            stepsCompleted += 1
            if assign.isLast {
                var result = result
                result.timings = forward.timings + result.timings
                return [.sendResult(result)]
            }
            let end = assign.layers.upperBound
            if let rebuilt = forward.rebuilt {
                forward.items = rebuilt.upperBound > end ? forward.items : []
            } else if isEmpty {
                forward.items = []
            }
            let carries = !forward.items.isEmpty && forward.rebuilt?.contains(end) != false
            forward.activationCount = carries ? forward.tokenCount * assign.activationsPerToken : 0
            forward.timings += result.timings
            return [.sendForward(forward, carries ? output : nil)]
        }
    }
}
