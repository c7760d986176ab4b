// Responsible for: a model's tokenizer alone: text to ids and back, without weights.
// Must not know: stages, workers, sockets.
import ModelFile
import Sequences
import Tokenization

/// The tokenizer of a model file or folder, also of one that holds nothing else.
package struct ModelTokenizer: Sendable {
    private let tokenizer: Tokenizer
    /// What it was made of.
    let description: TokenizerDescription
    /// What of its files was guessed or left out: a sentence each.
    package var notices: [Sentence] { description.notices }

    /// A token of a text.
    package struct Token: Sendable {
        package var id: Int32
        /// What it adds to the text; U+FFFD for bytes that are no whole character.
        package var piece: String
    }

    /// Opens only the tokenizer at `path`. Throws where there is none, or one that cannot be used.
    package init(path: String) throws(TandemError) {
        let description: TokenizerDescription?
        do { description = try Model.openTokenizer(path: path) } catch { throw TandemError(error) }
        guard let description else {
            throw TandemError(
                "\(path) has no tokenizer",
                hint: "give a GGUF file, a Hugging Face folder, a tokenizer.json or a SentencePiece file")
        }
        self.description = description
        do { tokenizer = try Tokenizer(description) } catch { throw TandemError("\(path): \(error)") }
    }

    /// The tokens of a text in UTF-8. `special`: the texts of special tokens are those tokens, and what the model puts
    /// around a prompt is put there; else all is text.
    package func tokens(of text: [UInt8], special: Bool) -> [Token] {
        tokenizer.encode(text, addSpecial: special, parseSpecial: special).map {
            Token(id: $0, piece: String(decoding: tokenizer.bytes(of: $0), as: UTF8.self))
        }
    }

    /// The tokens of a conversation as a chat template wrote it, or as it is written without one.
    func tokens(ofConversation text: String, isTemplated: Bool) -> [Token] {
        let ids =
            isTemplated
            ? tokenizer.encode(rendered: text) : tokenizer.encode(text, addSpecial: true, parseSpecial: false)
        return ids.map { Token(id: $0, piece: String(decoding: tokenizer.bytes(of: $0), as: UTF8.self)) }
    }

    /// The text of tokens. `special`: special tokens are shown. Throws for an id that is no token.
    package func text(of ids: [Int32], special: Bool) throws(TandemError) -> String {
        for id in ids where id < 0 || Int(id) >= tokenizer.vocabularySize {
            throw TandemError("\(id) is no token: the ids of this model are 0 to \(tokenizer.vocabularySize - 1)")
        }
        return tokenizer.decode(ids, skipSpecial: !special)
    }
}
