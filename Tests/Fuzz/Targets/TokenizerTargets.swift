// Responsible for: vocabularies, and the text that they are used on. Must not know: weights.

@testable import ModelFile
@testable import Tokenization

enum TokenizerTargets {
    private static let text = Array("Hé\u{301}llo  wörld\n\t<s>123 4,5 \u{2581}x\u{1F600}</s>".utf8)

    /// tokenizer.json, a text, tokenizer_config.json.
    static func tokenizer(_ bytes: [UInt8]) {
        let parts = Input.parts(bytes, atMost: 3)
        var folder = MemoryFolder()
        folder.add("tokenizer.json", parts[0])
        if parts.count > 2 { folder.add("tokenizer_config.json", parts[2]) }
        attempt { check(try TokenizerJSON.description(in: folder), text: parts.count > 1 ? parts[1] : text) }
    }

    /// A tokenizer.model.
    static func sentencePiece(_ bytes: [UInt8]) {
        var folder = MemoryFolder()
        folder.add("tokenizer.model", bytes)
        attempt { check(try TokenizerJSON.description(in: folder)) }
    }

    /// A regular expression, and a text to cut with it.
    static func pattern(_ bytes: [UInt8]) {
        let parts = Input.parts(bytes, atMost: 2)
        let text = parts.count > 1 ? parts[1] : text
        guard let pattern = try? TextPattern(.expression(parts[0].text)) else { return }
        var words = Words(bytes: Array(text.text.utf8), ranges: [0..<text.text.utf8.count], beginsText: true)
        WordStep.split(pattern, .isolated, inverted: false).apply(to: &words)
        precondition(words.ranges.reduce(0) { $0 + $1.count } == text.text.utf8.count, "text is lost")
    }

    /// Makes tokens of a text and text of the tokens.
    static func check(_ description: TokenizerDescription?, text: [UInt8] = text) {
        guard let description else { return }
        let ids = description.tokens.indices
        let used =
            description.addedTokens.map(\.id) + description.prefixTokens + description.suffixTokens
            + [description.bos, description.eos, description.unknown].compactMap { $0 }
        precondition(description.kinds.count == ids.count && used.allSatisfy(ids.contains), "an id without a token")
        _ = ReasoningMarks(description)
        guard let tokenizer = try? Tokenizer(description) else { return }
        let tokens = tokenizer.encode(text, addSpecial: true, parseSpecial: true)
        precondition(tokens.allSatisfy { ids.contains(Int($0)) }, "a token outside of the vocabulary")
        _ = tokenizer.decode(tokens, skipSpecial: false)
        var stream = IncrementalDetokenizer(tokenizer)
        for token in tokens.reversed() { _ = stream.append(token) }
        _ = stream.finish()
    }
}
