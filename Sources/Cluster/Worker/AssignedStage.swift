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
            /// It is not what the plan allows: why.
            case misfit(String)
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

        init(_ assign: Assign) { self.assign = assign }

        var epoch: Epoch { assign.epoch }

        mutating func noteLoaded() { isLoaded = true }

        /// What came, or was to come, over a connection that is no more.
        mutating func forgetSteps() {
            steps.removeAll()
            skipped = []
            computingSince = nil
            stepsCompleted = 0
            lastStep = StepID(0)
        }

        // MARK: Steps

        /// Keeps a step, with what came beside its header, where it is the next.
        mutating func accept(_ forward: Forward, _ input: Input?) -> Acceptance {
            let expected = assign.isFirst ? 0 : forward.tokenCount * assign.activationsPerToken
            let hasBadBlock = forward.items.contains { $0.blocks.contains { $0 >= assign.keyValueBlockCount } }
            guard forward.activationCount == expected, forward.tokenCount <= assign.maximumBatchTokens, !hasBadBlock,
                steps.count < Limits.stepsInFlight(stages: assign.stageCount)
            else {
                return .misfit(
                    "\(forward.step) has \(forward.tokenCount) tokens, \(forward.activationCount) activations, "
                        + "\(steps.count) steps before it: not what \(epoch) allows; dropped")
            }
            // Its connection was replaced, and what was on it is lost.
            guard forward.step.value == lastStep.value + 1 else {
                return .gap("\(forward.step) came after \(lastStep)")
            }
            lastStep = forward.step
            steps.append(WaitingStep(header: forward, input: input))
            return .taken
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
                if !step.header.items.isEmpty && skipped.first != step.header.step {
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

        /// Sends what became of the first step to where the stage's output goes.
        private mutating func passOn(_ result: StepResult, _ output: Output?, isEmpty: Bool) -> [Action] {
            guard var forward = steps.popFirst()?.header else { return [] }
            stepsCompleted += 1
            if assign.isLast {
                var result = result
                result.timings = forward.timings + result.timings
                return [.sendResult(result)]
            }
            if isEmpty { forward.items = [] }
            forward.activationCount = forward.tokenCount * assign.activationsPerToken
            forward.timings += result.timings
            return [.sendForward(forward, output)]
        }
    }
}
