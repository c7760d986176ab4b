// How a word becomes tokens, by the kind of model. Knows nothing of texts and steps.

import ModelFile

/// A model, ready to be used.
enum WordModel: Sendable {
    case merges(MergeRule)
    case unigram(UnigramModel)
    case wordPiece(WordPieceModel)
    case wordLevel

    init(_ description: TokenizerDescription, vocabulary: Vocabulary) throws(TokenizationError) {
        switch description.algorithm {
        case .bytePairs(let merges):
            self = .merges(.table(try MergeTable(merges, description, vocabulary: vocabulary)))
        case .sentencePiece(let scores):
            self = .merges(.ranks(Self.ranks(scores, description), vocabulary))
        case .unigram(let scores):
            let canComeFromText = description.canComeFromText
            let usable = description.tokens.indices.filter { canComeFromText[$0] }
            let hasOthers = !description.keepsAddedTokensInText && !description.hidesControlTokens
            let normal = usable.filter { hasOthers || description.kinds[$0] == .normal }
            self = .unigram(
                UnigramModel(
                    scores: scores, usable: usable.map(Int32.init), lowest: normal.map { scores[$0] }.min() ?? 0,
                    vocabulary: vocabulary))
        case .wordPiece(let continuation, let beginning, let maximumCharacters):
            self = .wordPiece(
                WordPieceModel(
                    continuation: Array(continuation.utf8), beginning: Array(beginning.utf8),
                    maximumCharacters: maximumCharacters))
        case .wordLevel: self = .wordLevel
        }
    }

    /// Ranks in the order of falling scores; equal scores have equal ranks.
    private static func ranks(_ scores: [Float], _ description: TokenizerDescription) -> [UInt32] {
        let scores = scores.map { $0.isNaN ? -Float.infinity : $0 }
        var ranks = [UInt32](repeating: .max, count: scores.count)
        var rank: UInt32 = 0
        var previous: Float?
        let canComeFromText = description.canComeFromText
        let ids = scores.indices.filter { canComeFromText[$0] }.sorted { scores[$0] > scores[$1] }
        for id in ids {
            if let previous, previous != scores[id] { rank += 1 }
            previous = scores[id]
            ranks[id] = rank
        }
        return ranks
    }
}

extension MergeTable {
    init(
        _ merges: TokenizerDescription.MergeList, _ description: TokenizerDescription, vocabulary: Vocabulary
    ) throws(TokenizationError) {
        self.init(capacity: merges.count)
        let prefix = description.continuationPrefix
        let isByteLevel = description.isByteLevel
        var joined: [UInt8] = []
        for (index, merge) in merges.enumerated() {
            joined.removeAll(keepingCapacity: true)
            let right = merge.right.utf8.starts(with: prefix.utf8) ? merge.right.utf8.dropFirst(prefix.utf8.count) : nil
            let isSpelled =
                Self.append(merge.left, isByteLevel, to: &joined)
                && Self.append(right.flatMap(String.init) ?? merge.right, isByteLevel, to: &joined)
            // A merge of characters that bytes never become is never used.
            if !isSpelled { continue }
            guard let left = Self.token(merge.left, isByteLevel, vocabulary),
                let rightToken = Self.token(merge.right, isByteLevel, vocabulary),
                let token = vocabulary.token(for: joined)
            else { throw .unknownMerge(index: index, left: merge.left, right: merge.right) }
            insert(left, rightToken, Pair(rank: UInt32(index), token: token))
        }
    }

    private static func token(_ text: String, _ isByteLevel: Bool, _ vocabulary: Vocabulary) -> Int32? {
        var bytes: [UInt8] = []
        _ = append(text, isByteLevel, to: &bytes)
        return vocabulary.token(for: bytes)
    }

    private static func append(_ text: String, _ isByteLevel: Bool, to bytes: inout [UInt8]) -> Bool {
        if isByteLevel { return ByteAlphabet.append(text, to: &bytes) }
        bytes += Array(text.utf8)
        return true
    }
}
