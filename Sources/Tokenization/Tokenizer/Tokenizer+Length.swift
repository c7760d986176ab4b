// How much text a token can stand for at most. Knows nothing of particular texts.

import ModelFile

extension TokenizerDescription {
    /// Bytes of text that one token of it stands for at most; nil where text can vanish, or any amount of it become one
    /// token.
    func mostBytesOfToken(longest: Int, byteTokens: [Int32]) -> Int? {
        guard addedTokens.allSatisfy({ !$0.stripsLeft && !$0.stripsRight }) else { return nil }
        let splits = preTokenizers.allSatisfy { step in
            if case .split(_, .removed, _) = step { false } else { true }
        }
        guard splits, let shrinking = normalizers.map(\.mostShrinking).reduce(1, Self.product) else { return nil }
        switch algorithm {
        case .bytePairs, .sentencePiece, .unigram: break
        // A word of any length may become the unknown token.
        case .wordPiece, .wordLevel: return nil
        }
        let isComplete = (usesByteFallback || isByteLevel) && !byteTokens.contains(-1)
        guard isComplete || unknown != nil && !fusesUnknown else { return nil }
        if case .unigram = algorithm, !isComplete { return nil }
        let added = addedTokens.map(\.content.utf8.count).max() ?? 0
        // A character without a token of its own is one unknown token.
        return max(longest, added, 4) * shrinking
    }

    private static func product(_ all: Int?, _ one: Int?) -> Int? {
        guard let all, let one else { return nil }
        return all * one
    }
}

extension TokenizerDescription.Normalizer {
    /// How many bytes become one at most; nil: any number.
    fileprivate var mostShrinking: Int? {
        switch self {
        // "\u{1D400}" becomes "A"; a letter with its marks becomes one character.
        case .nfc, .nfd, .nfkc, .nfkd, .lowercase: return 4
        case .byteLevel, .prepend: return 1
        case .replace(.literal(let old), let new):
            if old.isEmpty { return 1 }
            return new.isEmpty ? nil : max(1, (old.utf8.count + new.utf8.count - 1) / new.utf8.count)
        case .replace(.expression, _), .stripAccents, .controlCharacters, .strip, .bert, .characterMap: return nil
        }
    }
}
