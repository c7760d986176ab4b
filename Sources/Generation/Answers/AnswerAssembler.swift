// Responsible for: turning sampled tokens into the events of an answer, and deciding where its text ends.
// Must not know: where the tokens come from, who reads the text.
import Sequences
import Tokenization

/// Follows one answer token by token.
package struct AnswerAssembler: Sendable {
    private let tokenizer: Tokenizer?
    private var detokenizer: IncrementalDetokenizer?
    private var matcher: StopMatcher
    /// Of an answer, or a part of it, that begins.
    private let firstMatcher: StopMatcher
    private let endTokens: Set<Int32>
    private let stopTokens: Set<Int32>
    /// nil: whatever the text says, all of it is the answer.
    private var reasoning: (reader: ReasoningReader, splitter: ReasoningSplitter)?

    /// `tokenizer` nil: the answer has no text. `endTokens`: tokens that end it, as its last (none where they are to be
    /// ignored); `stopTokens`: those that end it and are no part of it. `stops` may have special tokens in them.
    package init(
        tokenizer: Tokenizer?, promptTokens: [Int32], stops: [String], endTokens: Set<Int32>,
        stopTokens: Set<Int32> = []
    ) {
        self.tokenizer = tokenizer
        detokenizer = tokenizer.map { IncrementalDetokenizer($0, after: promptTokens) }
        firstMatcher = StopMatcher(stops) { tokenizer?.hasSpecial($0) == true }
        matcher = firstMatcher
        (self.endTokens, self.stopTokens) = (endTokens, stopTokens)
    }

    /// Tells reasoning from the answer proper. `isOpen`: the prompt has opened it.
    package mutating func follow(_ marks: ReasoningMarks, isOpen: Bool) {
        reasoning = (ReasoningReader(marks, isOpen: isOpen), ReasoningSplitter(isOpen: isOpen))
    }

    /// Adds the answer's next token. `isFinished`: the answer ends with it.
    package mutating func append(_ sample: SampledToken) -> (events: [GenerationEvent], isFinished: Bool) {
        if stopTokens.contains(sample.token) { return (events([], rest()), true) }
        if endTokens.contains(sample.token) { return (events([sample], rest()), true) }
        let before = parts(before: sample.token)
        if matcher.hasMatched { return (events([], before), true) }
        let parts = before + parts(of: sample.token)
        return (events([sample], parts), matcher.hasMatched)
    }

    /// Follows what somebody has of the answer already. True: it is over with that.
    package mutating func take(_ answered: [Int32]) -> Bool {
        answered.contains { append(SampledToken(token: $0)).isFinished }
    }

    /// The text still held back when the answer ends for another reason.
    package mutating func finish() -> [GenerationEvent] {
        let rest = rest()
        return rest.allSatisfy(\.text.isEmpty) ? [] : events([], rest)
    }

    private typealias Part = ReasoningSplitter.Part

    private mutating func rest() -> [Part] {
        let parts = split(matched(detokenizer?.finish() ?? "") + matcher.finish())
        return parts + (reasoning?.splitter.finish() ?? [])
    }

    /// What of the text held back can be shown, now that a special token comes: its own text counts for stop strings.
    private mutating func parts(before token: Int32) -> [Part] {
        guard matcher.seesHidden, let text = tokenizer?.specialText(of: token) else { return [] }
        let (emit, isMatch) = matcher.append(hidden: text)
        return split(emit) + (isMatch ? reasoning?.splitter.finish() ?? [] : [])
    }

    /// What a token adds.
    private mutating func parts(of token: Int32) -> [Part] {
        guard let turn = reasoning?.reader.take(token) else {
            return split(matched(detokenizer?.append(token) ?? ""))
        }
        var parts = split(matched(detokenizer?.finish() ?? ""))
        if matcher.hasMatched { return parts }
        // No stop string reaches over a turn.
        parts += split(matcher.finish())
        matcher = firstMatcher
        parts += reasoning?.splitter.turn(toReasoning: turn.isReasoning) ?? []
        return parts + split(matched(turn.text))
    }

    /// What of more text can be shown: not what may become a stop string, and not the name of a channel.
    private mutating func matched(_ text: String) -> String {
        matcher.append(reasoning?.reader.take(text: text) ?? text).emit
    }

    private mutating func split(_ text: String) -> [Part] {
        reasoning?.splitter.append(text) ?? [Part(text: text, isReasoning: false)]
    }

    /// One event for each run of parts of a kind; the last one, of the kind that the answer is in now, has the tokens.
    private func events(_ tokens: [SampledToken], _ parts: [Part]) -> [GenerationEvent] {
        guard detokenizer != nil else { return [.tokens(tokens, text: nil)] }
        var runs: [Part] = []
        for part in parts + [Part(text: "", isReasoning: reasoning?.splitter.isReasoning ?? false)] {
            if let last = runs.last, last.isReasoning == part.isReasoning {
                runs[runs.count - 1].text += part.text
            } else if !part.text.isEmpty || runs.isEmpty || part.isReasoning != runs.last?.isReasoning {
                runs.append(part)
            }
        }
        return runs.enumerated().map { index, run in
            let tokens = index == runs.count - 1 ? tokens : []
            return run.isReasoning ? .reasoning(tokens, text: run.text) : .tokens(tokens, text: run.text)
        }
    }
}
