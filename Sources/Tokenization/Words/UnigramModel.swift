// The unigram model: the sequence of tokens with the highest sum of scores (Viterbi's algorithm). Knows nothing of words
// and ids that text cannot become.

/// Tokens with scores.
struct UnigramModel: Sendable {
    /// What an unknown character costs beyond the lowest score (SentencePiece's `kUnkPenalty`).
    private static let unknownPenalty = 10.0
    /// Characters between two looks at whether the word is wanted any more.
    private static let charactersAtOnce = 4096

    private let scores: [Double]
    private let unknownScore: Double
    private let tokens: SortedTokens
    private let vocabulary: Vocabulary

    /// The best way to an end so far.
    private struct Node {
        var score = 0.0
        /// Where its last token begins; -1: not reached.
        var start = -1
        /// -1: unknown.
        var token: Int32 = -1
    }

    /// `usable`: the tokens that text can become; `lowest`: the lowest score of a normal token.
    init(scores: [Double], usable: [Int32], lowest: Double, vocabulary: Vocabulary) {
        self.scores = scores
        self.vocabulary = vocabulary
        unknownScore = (lowest.isFinite ? lowest : 0) - Self.unknownPenalty
        tokens = SortedTokens(usable, of: vocabulary)
    }

    /// Appends the tokens of `word` with their ranges; neighbouring unknown characters are one range with token -1.
    /// Once `isCancelled`, nothing.
    func tokenize(
        _ word: Range<Int>, in text: UTF8Text, into pieces: inout [Piece], isCancelled: () -> Bool = { false }
    ) {
        let count = word.count
        var best = [Node](repeating: Node(), count: count + 1)
        best[0].start = 0
        var start = 0
        var characters = 0
        while start < count {
            characters += 1
            if characters % Self.charactersAtOnce == 0, isCancelled() { return }
            let score = best[start].score
            let characterEnd = text.end(of: word.lowerBound + start) - word.lowerBound
            var hasCharacter = false
            tokens.forEachPrefix(of: text, from: word.lowerBound + start, to: word.upperBound) { token, length in
                let end = start + length
                if end == characterEnd { hasCharacter = true }
                let candidate = score + scores[Int(token)]
                if best[end].start < 0 || candidate > best[end].score {
                    best[end] = Node(score: candidate, start: start, token: token)
                }
            }
            if !hasCharacter {
                let candidate = score + unknownScore
                if best[characterEnd].start < 0 || candidate > best[characterEnd].score {
                    best[characterEnd] = Node(score: candidate, start: start, token: -1)
                }
            }
            start = characterEnd
        }
        appendPath(best, word.lowerBound, to: &pieces)
    }

    private func appendPath(_ best: [Node], _ base: Int, to pieces: inout [Piece]) {
        let first = pieces.count
        var end = best.count - 1
        while end > 0 {
            let node = best[end]
            if node.token < 0, pieces.count > first, pieces[pieces.count - 1].token < 0 {
                pieces[pieces.count - 1].start = UInt32(base + node.start)
            } else {
                pieces.append(Piece(token: node.token, start: UInt32(base + node.start), end: UInt32(base + end)))
            }
            end = node.start
        }
        pieces[first...].reverse()
    }
}

/// Tokens in the order of their bytes, so that those with which a text begins are found byte by byte.
struct SortedTokens: Sendable {
    private let vocabulary: Vocabulary
    private var ids: [Int32]
    /// For each value of the first two bytes where its tokens begin; [65537].
    private var firstOfPair: [Int32]

    init(_ ids: [Int32], of vocabulary: Vocabulary) {
        self.vocabulary = vocabulary
        self.ids = ids.filter { !vocabulary.bytes(of: $0).isEmpty }.sorted {
            let (left, right) = (vocabulary.bytes(of: $0), vocabulary.bytes(of: $1))
            return left.lexicographicallyPrecedes(right) || left.elementsEqual(right) && $0 < $1
        }
        firstOfPair = [Int32](repeating: 0, count: 65_537)
        for id in self.ids {
            let bytes = vocabulary.bytes(of: id)
            let second = bytes.dropFirst().first ?? 0
            firstOfPair[Int(bytes[bytes.startIndex]) << 8 + Int(second) + 1] += 1
        }
        for index in 1...65_536 { firstOfPair[index] += firstOfPair[index - 1] }
    }

    /// Calls `body` with each token with which `text` begins at `start`, shortest first, and its length.
    func forEachPrefix(of text: UTF8Text, from start: Int, to end: Int, _ body: (Int32, Int) -> Void) {
        let first = Int(text.bytes[start]) << 8
        visitSingleByte(first, body)
        guard start + 1 < end else { return }
        let pair = first + Int(text.bytes[start + 1])
        var low = Int(firstOfPair[pair])
        var high = Int(firstOfPair[pair + 1])
        var length = 2
        while low < high {
            // The tokens of exactly this length come first; of equal ones the last counts.
            var exact: Int32?
            while low < high, vocabulary.length(of: ids[low]) <= length {
                if vocabulary.length(of: ids[low]) == length { exact = ids[low] }
                low += 1
            }
            if let exact { body(exact, length) }
            guard start + length < end else { return }
            let byte = text.bytes[start + length]
            low = bound(low, high, length, byte, isUpper: false)
            high = bound(low, high, length, byte, isUpper: true)
            length += 1
        }
    }

    /// Tokens of one byte stand with those whose second byte is zero.
    private func visitSingleByte(_ first: Int, _ body: (Int32, Int) -> Void) {
        var found: Int32?
        for index in Int(firstOfPair[first])..<Int(firstOfPair[first + 1]) {
            guard vocabulary.length(of: ids[index]) == 1 else { break }
            found = ids[index]
        }
        if let found { body(found, 1) }
    }

    /// The first token between `low` and `high` whose byte at `offset` is not less (not less or equal) than `byte`.
    private func bound(_ low: Int, _ high: Int, _ offset: Int, _ byte: UInt8, isUpper: Bool) -> Int {
        var low = low
        var high = high
        while low < high {
            let middle = (low + high) / 2
            let other = vocabulary.byte(of: ids[middle], at: offset)
            if other < byte || isUpper && other == byte { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
