// Responsible for: turning sampled tokens into text and deciding where an answer's text ends.
// Must not know: where the tokens come from, who reads the text.
import Tokenization

/// Follows one answer token by token.
struct AnswerAssembler {
    /// What one token adds.
    struct Step {
        /// Complete characters ready to be shown; nil where the model has no tokenizer.
        var text: String?
        /// The answer ended with this token.
        var isFinished: Bool
    }

    private var detokenizer: IncrementalDetokenizer?
    private var matcher: StopMatcher
    private let endTokens: Set<Int32>

    /// `endTokens`: tokens that end the answer (none where they are to be ignored).
    init(tokenizer: Tokenizer?, promptTokens: [Int32], stops: [String], endTokens: Set<Int32>) {
        detokenizer = tokenizer.map { IncrementalDetokenizer($0, after: promptTokens) }
        matcher = StopMatcher(stops)
        self.endTokens = endTokens
    }

    /// Adds the answer's next token.
    mutating func append(_ token: Int32) -> Step {
        if endTokens.contains(token) { return Step(text: finish(), isFinished: true) }
        guard let piece = detokenizer?.append(token) else { return Step(text: nil, isFinished: false) }
        let (text, isMatched) = matcher.append(piece)
        return Step(text: text, isFinished: isMatched)
    }

    /// The text still held back when the answer ends for another reason.
    mutating func finish() -> String? {
        guard let rest = detokenizer?.finish() else { return nil }
        let (text, isMatched) = matcher.append(rest)
        return isMatched ? text : text + matcher.finish()
    }
}
