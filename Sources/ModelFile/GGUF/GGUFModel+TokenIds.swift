// The ids of tokens with a meaning in a GGUF model's metadata, and what had to be guessed of its tokenizer. Key names:
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import Sequences

extension GGUFModel {
    private static let prefix = "tokenizer.ggml."

    /// The model's own name, where it is a text.
    var name: String? { try? metadata.string("general.name") }

    /// BOS, the tokens that end an answer, and how to choose tokens.
    func generationDefaults(vocabularySize: Int) throws(ModelFileError) -> GenerationDefaults {
        var defaults = GenerationDefaults()
        let isSentencePiece = try metadata.string("tokenizer.ggml.model") == "llama"
        defaults.bosToken = token("bos", count: vocabularySize) ?? (isSentencePiece && vocabularySize > 1 ? 1 : nil)
        var ends = tokens("eos", count: vocabularySize)
        if ends.isEmpty, isSentencePiece, vocabularySize > 2 { ends = [2] }
        ends += tokens("eot", count: vocabularySize) + tokens("eom", count: vocabularySize)
        for id in ends where !defaults.eosTokens.contains(id) { defaults.eosTokens.append(id) }
        defaults.sampling = SamplingParameters(metadata)
        return defaults
    }

    /// One of the ids "tokenizer.ggml.NAME_token_id", the first where there are several; nil where there is none below
    /// `count`.
    func token(_ name: String, count: Int) -> Int? { tokens(name, count: count).first }

    /// The ids "tokenizer.ggml.NAME_token_id" and "tokenizer.ggml.NAME_token_ids" below `count`; both are a number or a
    /// list of numbers.
    private func tokens(_ name: String, count: Int) -> [Int] {
        ["\(name)_token_id", "\(name)_token_ids"].flatMap { key in
            Self.ids(metadata.values[Self.prefix + key]).compactMap { $0.whole }
        }.filter { (0..<count).contains($0) }
    }

    /// The values of one key; those that a file marks as absent (-1, also of 32 bits) are left out.
    private static func ids(_ value: GGUFValue?) -> [GGUFValue] {
        let values: [GGUFValue] =
            switch value {
            case nil: []
            case .numbers(let list)?: (0..<min(list.count, FileLimits.endTokens)).map { list[$0] }
            case let single?: [single]
            }
        return values.filter { $0.whole != -1 && $0.whole != Int(UInt32.max) }
    }

    /// A sentence for each id that is in no vocabulary of `count`.
    func tokenIdNotices(count: Int) -> [Sentence] {
        var notices: [Sentence] = []
        for key in metadata.places.map(\.key)
        where key.hasPrefix(Self.prefix) && (key.hasSuffix("_token_id") || key.hasSuffix("_token_ids")) {
            for value in Self.ids(metadata.values[key]) {
                if let id = value.whole, (0..<count).contains(id) { continue }
                let shown = ModelFileError.printable(value.kindName, limit: 80)
                notices.append(
                    "\(mainFile): \(key) is \(shown), which is no token of this vocabulary; it is not used")
            }
        }
        return notices
    }

    /// A sentence for each thing that the file does not say of its tokenizer and that decides which ids a text has.
    func guesses(model: String) -> [Sentence] {
        func lacks(_ key: String) -> Bool { metadata.values[Self.prefix + key] == nil }
        var guesses: [Sentence] = []
        if model == "gpt2", lacks("pre") {
            let sentence: Sentence = "\(mainFile) does not say how text is cut into words (tokenizer.ggml.pre)"
            guesses.append(sentence + ": it is cut as \"default\" is, a guess that may give tokens of other words")
        }
        if model == "llama" || model == "t5", lacks("scores") {
            guesses.append("\(mainFile) has no scores of tokens (tokenizer.ggml.scores): all are taken as 0")
        }
        if lacks("token_type"), ["gpt2", "gemma4", "llama", "t5", "bert"].contains(model) {
            let kinds = model == "llama" ? "it is guessed from their ids and texts" : "all are taken as plain text"
            guesses.append("\(mainFile) does not say which tokens are special (tokenizer.ggml.token_type): \(kinds)")
        }
        return guesses
    }

    /// A template for conversations; a value that is no text is left out, with a sentence.
    func template(_ key: String, notices: inout [Sentence]) -> String? {
        do {
            return try metadata.string(key).flatMap {
                ChatTemplateText.usable($0, from: "\(mainFile): \(key)", notices: &notices)
            }
        } catch {
            notices.append("\(error.description); it is not used")
            return nil
        }
    }
}
