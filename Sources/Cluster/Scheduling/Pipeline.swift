// Responsible for: the steps of one epoch that are in flight, and what is in each. Must not know: blocks, how steps
// are made up.

import DequeModule
import Sequences
import Wire

/// What is under way over the stages of one plan: its credit is as many steps as are wanted in flight.
struct Pipeline: Sendable {
    /// What is sent of a sequence in one step.
    struct Item: Sendable {
        let sequence: SequenceID
        /// Of its first token, and after its last.
        let start: Int
        let end: Int
        let round: Int
        let sampleCount: Int
        let draftCount: Int
        let targets: Int
        /// Log-probabilities that were asked for beside each token; nil: not even its own.
        let logProbabilityCount: Int?
        /// The blocks that it writes to, from that of its first position to that of its last.
        let blocks: ArraySlice<Int32>
        /// It is worth nothing unless earlier guesses are right.
        var isGuess: Bool { draftCount == end - start }

        init(_ item: ForwardItem, round: Int, logProbabilityCount: Int? = nil) {
            sequence = item.sequence
            start = item.position
            end = item.position + item.tokens.count
            self.round = round
            sampleCount = item.sampleCount
            draftCount = item.draftCount
            targets = item.targets.count
            blocks = item.blocks[(item.position / KeyValueBlock.positions)...]
            self.logProbabilityCount = logProbabilityCount
        }
    }

    struct Step: Sendable {
        let id: StepID
        let items: [Item]
        /// It computes again what some layers have lost.
        let isRebuild: Bool
        fileprivate(set) var isSkipped = false
        var tokens: Int { items.reduce(0) { $0 + $1.end - $1.start } }
        /// Tokens after which something is sampled.
        var samples: Int { items.reduce(0) { $0 + $1.sampleCount } }
    }

    /// What a result turned out to be.
    enum Arrival: Sendable {
        /// That of the oldest step, with the samples and the scores of each of its items.
        case complete(Step, [(samples: ArraySlice<SequenceSample>, score: SequenceScores?)])
        /// Its step is complete already.
        case duplicate
        /// The result of an earlier step was lost.
        case lost(String)
        /// It is nothing that this step can give: whoever sent it is wrong.
        case damaged(String)
    }

    let epoch: Epoch
    let stageCount: Int
    /// Token ids are below this.
    private let vocabularySize: Int
    private(set) var steps: Deque<Step> = []
    private(set) var monitor: PipelineMonitor
    private(set) var lastStep = StepID(0)
    /// Since when the oldest step in flight is the oldest.
    private(set) var oldestSince = Moment.start
    /// Sequences that are over, of which steps are in flight.
    private var draining: [SequenceID] = []

    init(epoch: Epoch, stageCount: Int, vocabularySize: Int) {
        self.epoch = epoch
        self.vocabularySize = vocabularySize
        self.stageCount = stageCount
        monitor = PipelineMonitor(stageCount: stageCount)
    }

    /// Of no plan: nothing can be sent.
    static let none = Pipeline(epoch: .none, stageCount: 0, vocabularySize: 0)

    /// As many steps are wanted in flight where so many answers are decoded, beside prompts or not.
    func target(answers: Int, hasPrompts: Bool) -> Int {
        let most = max(0, Limits.stepsInFlight(stages: stageCount) - 1)
        return stageCount == 0 ? 0 : monitor.targetSteps(answers: answers, hasPrompts: hasPrompts, most: most)
    }

    /// The number of the step that is sent with these items.
    mutating func send(_ items: [Item], isRebuild: Bool = false, _ now: Moment) -> StepID {
        lastStep = StepID(lastStep.value + 1)
        if steps.isEmpty {
            monitor.begin(now)
            oldestSince = now
        }
        steps.append(Step(id: lastStep, items: items, isRebuild: isRebuild))
        return lastStep
    }

    /// Steps that rebuild, and others.
    var rebuilding: Int { steps.count(where: \.isRebuild) }
    var ordinary: Int { steps.count - rebuilding }

    /// [blocks] the first position of each that steps in flight write to: some stages have done so, and others not. What is
    /// rebuilt was right before wherever it is there.
    func firstDoubtful(blockCount: Int) -> [Int] {
        var first = [Int](repeating: KeyValueBlock.positions, count: blockCount)
        for item in steps.lazy.filter({ !$0.isRebuild }).flatMap(\.items) {
            for (place, block) in item.blocks.enumerated() {
                first[Int(block)] = place == 0 ? min(first[Int(block)], item.start % KeyValueBlock.positions) : 0
            }
        }
        return first
    }

    /// Time in which this process itself did not run is nobody's delay.
    mutating func excuse(_ gap: Duration, _ now: Moment) { oldestSince = min(now, oldestSince + gap) }

    // MARK: Sequences that end

    /// Steps in flight that hold nothing but guesses of this sequence, and those of an earlier round, or for positions from
    /// `end` on; they are skipped.
    mutating func skipGuesses(of sequence: SequenceID, before round: Int, from end: Int) -> [StepID] {
        var skipped: [StepID] = []
        for index in steps.indices where !steps[index].isSkipped {
            let isVain = steps[index].items.allSatisfy { item in
                item.sequence == sequence && item.isGuess && (item.round != round || item.start >= end)
            }
            guard isVain else { continue }
            steps[index].isSkipped = true
            skipped.append(steps[index].id)
        }
        return skipped
    }

    /// A sequence is over: whether no step of it is in flight. If one is, `drained` tells when none is any more.
    mutating func end(_ sequence: SequenceID) -> Bool {
        guard isInFlight(sequence) else { return true }
        draining.append(sequence)
        return false
    }

    /// Sequences that were over before this step, of which no other is in flight.
    mutating func drained(by step: Step) -> [SequenceID] {
        var drained: [SequenceID] = []
        for item in step.items {
            guard let place = draining.firstIndex(of: item.sequence), !isInFlight(item.sequence) else { continue }
            draining.remove(at: place)
            drained.append(item.sequence)
        }
        return drained
    }

    private func isInFlight(_ sequence: SequenceID) -> Bool {
        steps.contains { $0.items.contains { $0.sequence == sequence } }
    }

    // MARK: Results

    /// Takes the oldest step out of flight if this is its result. Steps complete in the order they were sent.
    mutating func complete(_ result: StepResult, _ now: Moment) -> Arrival {
        guard result.step <= lastStep else { return .damaged("\(result.step) was never sent") }
        guard let step = steps.first, step.id <= result.step else { return .duplicate }
        guard step.id == result.step else { return .lost("the result of \(step.id) did not come") }
        guard let samples = Self.samples(of: step, in: result) else {
            let expected = step.items.reduce(0) { $0 + $1.sampleCount }
            return .damaged("\(step.id) must give \(expected) tokens and gave \(result.samples.count), or others")
        }
        for (item, samples) in zip(step.items, samples) {
            if let problem = problem(with: samples, of: item) { return .damaged("\(step.id) gave \(problem)") }
        }
        guard result.damaged.allSatisfy({ damaged in step.items.contains { $0.sequence == damaged } }) else {
            return .damaged("\(step.id) tells of values of sequences that are not in it")
        }
        let scored = step.items.filter { $0.targets > 0 && !result.damaged.contains($0.sequence) }
        guard scored.map(\.sequence) == result.scores.map(\.sequence),
            scored.map(\.targets) == result.scores.map(\.logProbabilities.count)
        else { return .damaged("\(step.id) must give \(scored.count) lists of scores and gave others") }

        steps.removeFirst()
        oldestSince = now
        if !step.isRebuild { monitor.note(result.timings, tokens: step.tokens, samples: step.samples, now) }
        if steps.isEmpty { monitor.pause(now) }
        var scores = result.scores[...]
        let parts = zip(step.items, samples).map { item, samples in
            let isScored = item.targets > 0 && scores.first?.sequence == item.sequence
            return (samples: samples, score: isScored ? scores.popFirst() : nil)
        }
        return .complete(step, parts)
    }

    /// Why these cannot be samples of an item; nil: they can.
    private func problem(with samples: ArraySlice<SequenceSample>, of item: Item) -> String? {
        for sample in samples.lazy.map(\.sample) {
            let isKnown = { (token: Int32) in token >= 0 && token < vocabularySize }
            guard isKnown(sample.token), sample.top.allSatisfy({ isKnown($0.token) }) else {
                return "token \(sample.token), or others beside it, but ids end at \(vocabularySize - 1)"
            }
            if sample.top.count > item.logProbabilityCount ?? 0 {
                return "\(sample.top.count) log-probabilities beside a token, where \(item.logProbabilityCount ?? 0) "
                    + "were asked for"
            }
        }
        return nil
    }

    /// The samples of each item of a step; nil: they cannot be those of this step.
    private static func samples(of step: Step, in result: StepResult) -> [ArraySlice<SequenceSample>]? {
        var rest = result.samples[...]
        var samples: [ArraySlice<SequenceSample>] = []
        for item in step.items {
            let own = rest.prefix(item.sampleCount).prefix { $0.sequence == item.sequence }
            // After a token that is no guess something is sampled in any case, unless there were no numbers.
            let isFree = step.isSkipped || item.isGuess || result.damaged.contains(item.sequence)
            let fewest = isFree ? 0 : min(1, item.sampleCount)
            if own.count < fewest { return nil }
            samples.append(own)
            rest = rest.dropFirst(own.count)
        }
        return rest.isEmpty ? samples : nil
    }
}
