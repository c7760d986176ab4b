// Text to token ids and back, after the rules of one model. Knows nothing of weights, chats or streams.

import ModelFile

/// A tokenizer: byte-level BPE (GPT-2, Llama 3) or SentencePiece-style BPE with byte fallback (Llama 2).
///
/// Text in: broken UTF-8 is read as U+FFFD, one for each maximal broken part, as Hugging Face's libraries see such text.
/// Text out: likewise. All special behaviour is data in the `TokenizerDescription`.
package struct Tokenizer: Sendable {
    let description: TokenizerDescription
    /// Texts of tokens: bytes where the description's are byte-level characters, else its characters as UTF-8.
    let vocabulary: Vocabulary
    let rule: MergeRule
    let cuts: WordCuts
    /// The token of each byte, -1 for none: of the byte as such (byte level) or of "<0xNN>"; [256].
    let byteTokens: [Int32]
    /// Added tokens that are found before the text is normalized, and after.
    let rawAddedTokens: AddedTokenMatcher
    let normalizedAddedTokens: AddedTokenMatcher
    /// The byte of each byte token.
    let byteValues: [Int32: UInt8]
    /// What each token is in decoded text; [vocabularySize].
    let roles: [TokenRole]

    package var vocabularySize: Int { vocabulary.count }
    package var bosToken: Int32? { description.bos.map(Int32.init) }
    package var eosToken: Int32? { description.eos.map(Int32.init) }

    package init(_ description: TokenizerDescription) throws(TokenizationError) {
        try description.validate()
        self.description = description
        let vocabulary = Vocabulary(description)
        self.vocabulary = vocabulary
        rule = try MergeRule(description, vocabulary: vocabulary)
        cuts = try WordCuts(description)
        switch description.textForm {
        case .byteLevel:
            byteTokens = (0...255).map { vocabulary.token(for: [UInt8($0)]) ?? -1 }
            byteValues = [:]
        case .spaceMarker:
            let tokens = description.fallbackTokens()
            byteTokens = tokens
            byteValues = Dictionary(
                (0...255).map { (tokens[$0], UInt8($0)) }, uniquingKeysWith: { first, _ in first })
        }
        (rawAddedTokens, normalizedAddedTokens) = description.addedTokenMatchers()
        roles = description.roles()
    }

    /// The ids of a text. `addSpecial` puts BOS before and EOS after it where the model wants them; with
    /// `parseSpecial` the text of a special token ("<|eot_id|>") is that token, without it is text like any other:
    /// leave it off for what people type.
    package func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        var encoder = TextEncoder(self, parseSpecial: parseSpecial)
        if addSpecial { encoder.tokens += description.prefixTokens.map(Int32.init) }
        var text = text
        text.withUTF8 { encoder.encode(UTF8Text(bytes: UnsafeRawBufferPointer($0))) }
        if addSpecial { encoder.tokens += description.suffixTokens.map(Int32.init) }
        return encoder.tokens
    }

    /// The ids of a text in UTF-8; broken parts are read as U+FFFD.
    package func encode(_ bytes: [UInt8], addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
        encode(String(decoding: bytes, as: UTF8.self), addSpecial: addSpecial, parseSpecial: parseSpecial)
    }
}
