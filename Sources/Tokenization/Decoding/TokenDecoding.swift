// What is needed to make text of tokens: the texts of tokens and the steps. Knows nothing of sequences.

import ModelFile

/// Texts, roles and steps; the same for all sequences.
struct TokenDecoding: Sendable {
    /// A step, ready to be done.
    enum Step: Sendable {
        case byteLevel, byteFallback, bytes, fuse, spaces
        case replace(TextPattern, with: [UInt8])
        case strip(content: [UInt8], start: Int, stop: Int)
        case metaspace(mark: [UInt8], trimsFirst: Bool)
        case wordPiece(prefix: [UInt8], cleansUp: Bool)
        case wordSuffix([UInt8])
        case repetitions(padding: [UInt8], delimiter: [UInt8], cleansUp: Bool)
    }

    let steps: [Step]
    private let tokens: [String]
    /// Added tokens whose text is not the vocabulary's.
    private var addedTexts: [Int32: [UInt8]] = [:]
    private var special: Set<Int32> = []
    private var literal: Set<Int32> = []

    init(_ description: TokenizerDescription, _ normalizers: [TextNormalizer]) throws(TokenizationError) {
        var steps: [Step] = []
        for decoder in description.decoders ?? [] { steps.append(try Step(decoder)) }
        self.steps = description.decoders == nil ? [.spaces] : steps
        tokens = description.tokens
        for token in description.addedTokens {
            let id = Int32(token.id)
            var text = Array(token.content.utf8)
            let content = text
            // A token that is normalized on the way in comes out as the normalized text.
            if token.isNormalized, !description.keepsAddedTokensInText { text = normalizers.apply(to: text) }
            addedTexts[id] = text
            if token.isSpecial, text == content { special.insert(id) }
            if description.keepsAddedTokensInText { literal.insert(id) }
        }
        guard description.keepsAddedTokensInText else { return }
        for (id, kind) in description.kinds.enumerated() where kind == .control || kind == .unknown {
            special.insert(Int32(id))
        }
    }

    /// The text of a token as the vocabulary writes it; nil for an id that is no token.
    func text(of token: Int32) -> [UInt8]? {
        if let text = addedTexts[token] { return text }
        guard token >= 0, Int(token) < tokens.count else { return nil }
        return Array(tokens[Int(token)].utf8)
    }

    func isSpecial(_ token: Int32) -> Bool { special.contains(token) }

    /// Whether a token's text is not changed by the steps.
    func isLiteral(_ token: Int32) -> Bool { literal.contains(token) }
}

extension TokenDecoding.Step {
    init(_ decoder: TokenizerDescription.Decoder) throws(TokenizationError) {
        switch decoder {
        case .byteLevel: self = .byteLevel
        case .byteFallback: self = .byteFallback
        case .bytes: self = .bytes
        case .fuse: self = .fuse
        case .replace(let pattern, let content):
            self = .replace(try TextPattern(pattern), with: Array(content.utf8))
        case .strip(let content, let start, let stop):
            self = .strip(content: Array(String(content).utf8), start: start, stop: stop)
        case .metaspace(let mark, let trimsFirst):
            self = .metaspace(mark: Array(String(mark).utf8), trimsFirst: trimsFirst)
        case .wordPiece(let prefix, let cleansUp): self = .wordPiece(prefix: Array(prefix.utf8), cleansUp: cleansUp)
        case .wordSuffix(let suffix): self = .wordSuffix(Array(suffix.utf8))
        case .ctc(let padding, let delimiter, let cleansUp):
            self = .repetitions(
                padding: Array(padding.utf8), delimiter: Array(delimiter.utf8), cleansUp: cleansUp)
        }
    }

    /// Whether what comes out of it is one text, whatever went in.
    var fuses: Bool {
        switch self {
        case .fuse, .byteLevel: true
        default: false
        }
    }
}
