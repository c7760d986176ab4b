// Text to token ids and back, after the rules of one model. Knows nothing of weights, chats or streams.

import ModelFile

/// A tokenizer: the steps of its `TokenizerDescription`, ready to be done.
///
/// Text in: broken UTF-8 is read as U+FFFD, one for each maximal broken part, as Hugging Face's libraries see such text.
/// Text out: likewise. All special behaviour is data in the `TokenizerDescription`.
package struct Tokenizer: Sendable {
    let description: TokenizerDescription
    /// What tokens are looked up by: bytes where `isByteLevel`, else the characters of the description as UTF-8; empty
    /// for tokens that text cannot become.
    let vocabulary: Vocabulary
    /// Words are bytes, and tokens are looked up by the bytes that their characters stand for: the last step, which
    /// would make characters of the bytes, need not be done.
    let isByteLevel: Bool
    let normalizers: [TextNormalizer]
    let steps: [WordStep]
    let model: WordModel
    /// The token of each byte, -1 for none: of the byte as such (byte level) or of "<0xNN>"; [256].
    let byteTokens: [Int32]
    /// Added tokens that are found before the text is normalized, and after.
    let rawAddedTokens: AddedTokenMatcher
    let normalizedAddedTokens: AddedTokenMatcher
    /// How tokens become text.
    let decoding: TokenDecoding
    /// Bytes of text that a token stands for at most; nil where there is no such number.
    package let mostBytesOfToken: Int?

    package var vocabularySize: Int { description.tokens.count }
    package var bosToken: Int32? { description.bos.map(Int32.init) }

    package init(_ description: TokenizerDescription) throws(TokenizationError) {
        if let unsupported = description.unsupported { throw .unsupported(unsupported) }
        try description.validate()
        self.description = description
        isByteLevel = description.isByteLevel
        let vocabulary = Vocabulary(description)
        self.vocabulary = vocabulary
        normalizers = try description.preparedNormalizers()
        model = try WordModel(description, vocabulary: vocabulary)
        steps = try description.preparedSteps(vocabulary)
        byteTokens =
            isByteLevel ? (0...255).map { vocabulary.token(for: [UInt8($0)]) ?? -1 } : description.fallbackTokens()
        (rawAddedTokens, normalizedAddedTokens) = description.addedTokenMatchers(normalizers)
        decoding = try TokenDecoding(description, normalizers)
        mostBytesOfToken = description.mostBytesOfToken(longest: vocabulary.longest, byteTokens: byteTokens)
    }

    /// The ids of a text. `addSpecial` puts BOS before and EOS after it where the model wants them; with
    /// `parseSpecial` the text of a special token ("<|eot_id|>") is that token, without it is text like any other:
    /// leave it off for what people type. `isCancelled` is asked again and again; once it is true, what comes is of no use.
    package func encode(
        _ text: String, addSpecial: Bool, parseSpecial: Bool, isCancelled: @escaping () -> Bool = { false }
    ) -> [Int32] {
        var encoder = TextEncoder(self, parseSpecial: parseSpecial, isCancelled: isCancelled)
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

    /// Whether a token is left out of text by default: BOS, EOS, "<|eot_id|>", ...
    package func isSpecial(_ token: Int32) -> Bool { decoding.isSpecial(token) }

    /// The text of a special token, which is left out of text by default; nil for every other one.
    package func specialText(of token: Int32) -> [UInt8]? { isSpecial(token) ? decoding.text(of: token) : nil }

    /// Whether there is a special token in a text.
    package func hasSpecial(_ text: String) -> Bool {
        encode(text, addSpecial: false, parseSpecial: true).contains(where: isSpecial)
    }

    /// The bytes that a token adds to a text, without any rule about the text's ends; empty for an id that is no token.
    package func bytes(of token: Int32) -> [UInt8] {
        guard let text = decoding.text(of: token) else { return [] }
        var decoder = TokenDecoder(decoding, insideText: true)
        return decoder.append(text, isLiteral: decoding.isLiteral(token)) + decoder.finish()
    }

    /// The text of a whole sequence; broken UTF-8 becomes U+FFFD.
    package func decode(_ tokens: [Int32], skipSpecial: Bool) -> String {
        var decoder = TokenDecoder(decoding)
        var bytes: [UInt8] = []
        for token in tokens where !(skipSpecial && isSpecial(token)) {
            guard let text = decoding.text(of: token) else { continue }
            bytes += decoder.append(text, isLiteral: decoding.isLiteral(token))
        }
        bytes += decoder.finish()
        return String(decoding: bytes, as: UTF8.self)
    }
}
