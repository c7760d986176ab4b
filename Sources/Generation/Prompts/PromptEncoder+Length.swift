// Responsible for: prompts that are refused by their length alone, before anything is done with them.
// Must not know: stages, workers, sockets.
import Sequences
import Tokenization

extension PromptEncoder {
    /// Throws where a text certainly has more tokens than the context holds. What is around it is not counted: templates
    /// leave it out, or put something in its place.
    func checkLength(of text: String, _ tokenizer: Tokenizer) throws(TandemError) {
        let fewest = Self.fewestTokens(of: text, tokenizer)
        guard fewest > contextLength else { return }
        throw TandemError(
            "the prompt has \(text.utf8.count) bytes, so at least \(fewest) tokens, but the context holds \(contextLength)",
            hint: "shorten the prompt, or start with a larger \(.context) if the model allows it")
    }

    /// The first of the places where a conversation may begin from which on it may fit into `room` tokens; the last one
    /// where none does. Only what users say counts: templates leave out parts of the rest.
    func firstThatMayFit(_ messages: [ChatMessage], _ starts: [Int], _ room: Int, _ tokenizer: Tokenizer) -> Int {
        var fewest = 0
        var end = messages.count
        for place in starts.indices.reversed() {
            for message in messages[starts[place]..<end] where message.role == .user {
                fewest += Self.fewestTokens(of: message.content, tokenizer)
            }
            end = starts[place]
            if fewest > room { return min(place + 1, starts.count - 1) }
        }
        return 0
    }

    /// No text has fewer tokens. Blanks at its ends do not count: templates cut them off.
    private static func fewestTokens(of text: String, _ tokenizer: Tokenizer) -> Int {
        guard let most = tokenizer.mostBytesOfToken else { return 0 }
        let isBlank = { (byte: UInt8) in byte <= 0x20 }
        let bytes = text.utf8.drop(while: isBlank)
        let blanks = bytes.reversed().prefix(while: isBlank).count
        return (bytes.count - blanks) / most
    }
}

extension TandemError {
    /// The end of a prompt that nobody wants any more.
    static let promptCancelled = TandemError("the prompt is not wanted any more", kind: .cancelled)
}
