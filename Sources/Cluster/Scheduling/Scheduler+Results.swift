// Responsible for: what the result of a step means for its sequences. Must not know: workers, how steps are made up.

import Wire

extension Scheduler {
    /// What a result turned out to be.
    enum Completion: Sendable, Equatable {
        case done([Outcome])
        /// Already complete.
        case duplicate
        /// It is not what the oldest step in flight must give: a step was lost or a stage is wrong.
        case wrong(String)
    }

    /// What the result of a step of this epoch means. Steps complete in the order they were sent.
    mutating func complete(_ result: StepResult, _ now: Moment) -> Completion {
        guard let step = steps.first, step.id <= result.step else { return .duplicate }
        guard step.id == result.step else { return .wrong("the result of \(step.id) did not come") }
        guard let samples = Self.samples(of: step, in: result) else {
            let expected = step.items.reduce(0) { $0 + $1.sampleCount }
            return .wrong("\(step.id) must give \(expected) tokens and gave \(result.samples.count), or others")
        }
        let scored = step.items.filter { $0.targets > 0 }
        guard scored.map(\.sequence) == result.scores.map(\.sequence),
            scored.map(\.targets) == result.scores.map(\.logProbabilities.count)
        else { return .wrong("\(step.id) must give \(scored.count) lists of scores and gave others") }

        steps.removeFirst()
        monitor.note(result.timings, tokens: step.tokens, now)
        if steps.isEmpty { monitor.pause(now) }
        var outcomes: [Outcome] = []
        var scores = result.scores[...]
        for (item, samples) in zip(step.items, samples) {
            let score = item.targets > 0 ? scores.popFirst() : nil
            // It may have ended, or run anew, since.
            guard let index = sequences.firstIndex(where: { $0.id == item.sequence && $0.phase == .running }) else {
                continue
            }
            if item.round == sequences[index].round {
                guard let told = append(samples, item, index) else {
                    return .wrong("\(step.id) says that a right guess of \(item.sequence) is wrong")
                }
                outcomes += told
            } else if !samples.isEmpty {
                return .wrong("\(step.id) goes on from a wrong guess of \(item.sequence)")
            }
            if let score { outcomes += note(score, of: item.sequence) }
        }
        return .done(outcomes + drained(step))
    }

    /// The samples of each item of a step; nil: they cannot be those of this step.
    private static func samples(of step: Step, in result: StepResult) -> [ArraySlice<SampledToken>]? {
        var rest = result.samples[...]
        var samples: [ArraySlice<SampledToken>] = []
        for item in step.items {
            let own = rest.prefix(item.sampleCount).prefix { $0.sequence == item.sequence }
            // After a token that is no guess something is sampled in any case.
            let fewest = step.isSkipped || item.isGuess ? 0 : min(1, item.sampleCount)
            if own.count < fewest { return nil }
            samples.append(own)
            rest = rest.dropFirst(own.count)
        }
        return rest.isEmpty ? samples : nil
    }

    /// Sequences that were over before this step, of which no other is in flight.
    private mutating func drained(_ step: Step) -> [Outcome] {
        var outcomes: [Outcome] = []
        for item in step.items {
            guard let place = draining.firstIndex(of: item.sequence), !isInFlight(item.sequence) else { continue }
            draining.remove(at: place)
            outcomes.append(.release(item.sequence))
        }
        return outcomes
    }

    /// The next tokens of an answer. nil: guesses were right up to where the samples end, so there should be more.
    private mutating func append(
        _ samples: ArraySlice<SampledToken>, _ item: StepItem, _ index: Int
    ) -> [Outcome]? {
        var outcomes: [Outcome] = []
        var isWrong = false
        for sample in samples {
            if isWrong { return nil }
            learn(sample.token, index)
            sequences[index].tokens.append(sample.token)
            counts.generatedTokens += 1
            outcomes.append(.emit(sequences[index].request, sample))
            if let guess = sequences[index].draft.first {
                if guess == sample.token {
                    sequences[index].draft.removeFirst()
                    counts.acceptedTokens += 1
                } else {
                    isWrong = true
                    sequences[index].discardDraft()
                    outcomes += skipSteps(of: sequences[index])
                }
            }
            noteBlocks(index)
            if let reason = finishReason(sequences[index]) {
                outcomes.append(.finish(sequences[index].request, reason))
                return outcomes + retire(index)
            }
        }
        if samples.count < item.sampleCount && !isWrong { return nil }
        if sequences[index].needsReplay { outcomes += giveUp(index, restarting: true) }
        return outcomes
    }

    /// Whether what was expected, sent or not, has come: what guesses are worth.
    private mutating func learn(_ token: Int32, _ index: Int) {
        guard let guess = sequences[index].draft.first ?? sequences[index].expectation else { return }
        sequences[index].expectation = nil
        sequences[index].acceptance += ((guess == token ? 1 : 0) - sequences[index].acceptance) * 0.125
    }

    private mutating func note(_ score: SequenceScores, of sequence: SequenceID) -> [Outcome] {
        guard let index = sequences.firstIndex(where: { $0.id == sequence }) else { return [] }
        sequences[index].scored += score.logProbabilities.count
        let told = Outcome.score(sequences[index].request, score.logProbabilities)
        guard sequences[index].isScored else { return [told] }
        return [told, .finish(sequences[index].request, .length)] + retire(index)
    }

    private func finishReason(_ sequence: SequenceState) -> FinishReason? {
        if let last = sequence.tokens.last, sequence.task.endTokens.contains(last) { return .stop }
        let isFull = sequence.generated >= sequence.task.maximumTokens || sequence.tokens.count >= rules.contextLength
        return isFull ? .length : nil
    }
}
