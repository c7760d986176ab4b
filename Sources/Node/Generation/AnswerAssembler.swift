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
    private var reasoning: ReasoningReader?
    /// Text that comes before that of the next token.
    private var pending = ""

    /// `endTokens`: tokens that end the answer (none where they are to be ignored).
    init(tokenizer: Tokenizer?, promptTokens: [Int32], stops: [String], endTokens: Set<Int32>) {
        detokenizer = tokenizer.map { IncrementalDetokenizer($0, after: promptTokens) }
        matcher = StopMatcher(stops)
        self.endTokens = endTokens
    }

    /// Shows where reasoning begins and ends. `isOpen`: it began in the prompt.
    mutating func follow(_ marks: ReasoningMarks, isOpen: Bool) {
        reasoning = ReasoningReader(marks, isOpen: isOpen)
        if isOpen { pending = ReasoningMarks.opening }
    }

    /// Adds the answer's next token.
    mutating func append(_ token: Int32) -> Step {
        if endTokens.contains(token) { return Step(text: finish(), isFinished: true) }
        guard let piece = text(of: token) else { return Step(text: nil, isFinished: false) }
        let (text, isMatched) = matcher.append(pending + piece)
        pending = ""
        return Step(text: text, isFinished: isMatched)
    }

    /// What a token adds; nil where the model has no tokenizer.
    private mutating func text(of token: Int32) -> String? {
        if let mark = reasoning?.take(token) {
            let held = detokenizer?.finish() ?? ""
            return (reasoning?.take(text: held) ?? held) + mark
        }
        guard let piece = detokenizer?.append(token) else { return nil }
        return reasoning?.take(text: piece) ?? piece
    }

    /// The text still held back when the answer ends for another reason.
    mutating func finish() -> String? {
        guard let rest = detokenizer?.finish() else { return nil }
        let (text, isMatched) = matcher.append(rest)
        return isMatched ? text : text + matcher.finish()
    }
}
