// Joins the pieces of one word until no pair can be joined. Knows nothing of words, bytes or special tokens.

/// A stretch of text that is one token, or one character without a token.
struct Piece: Sendable {
    /// -1: no token.
    var token: Int32
    /// Bytes `start..<end` of the text.
    var start: UInt32
    var end: UInt32
    /// What this piece and the next one become.
    var pair = Pair.none
}

/// Which pairs can be joined, and in which order.
enum MergeRule: Sendable {
    /// A list of merges; the earlier in the list the earlier joined.
    case table(MergeTable)
    /// Any two neighbours whose joined text is a token with a rank: `ranks[token]`, `UInt32.max` for none.
    case ranks([UInt32], Vocabulary)

    /// What two neighbouring pieces of `text` become.
    func pair(_ left: Piece, _ right: Piece, in text: UnsafeRawBufferPointer) -> Pair {
        switch self {
        case .table(let table):
            return table.pair(left.token, right.token)
        case .ranks(let ranks, let vocabulary):
            let joined = UnsafeRawBufferPointer(rebasing: text[Int(left.start)..<Int(right.end)])
            guard let token = vocabulary.token(for: joined), ranks[Int(token)] != .max else { return .none }
            return Pair(rank: ranks[Int(token)], token: token)
        }
    }
}

/// Merges the pair with the least rank first, the leftmost among equals. Its memory is reused from word to word.
///
/// Short words are searched from end to end for each merge; long ones keep their pairs in a queue, so that n pieces
/// take O(n log n) however they repeat.
struct PieceMerger {
    /// Up to here searching is faster than keeping a queue.
    private static let longestSearched = 48
    /// Merges between two looks at whether they are wanted any more.
    private static let mergesAtOnce = 4096

    /// The word: set before `merge`, read after it.
    var pieces: [Piece] = []
    /// Once it is true, pieces are left as they are.
    private let isCancelled: () -> Bool
    private var queue = MergeQueue()
    private var next: [UInt32] = []
    private var previous: [UInt32] = []

    init(isCancelled: @escaping () -> Bool = { false }) { self.isCancelled = isCancelled }

    mutating func merge(by rule: borrowing MergeRule, in text: UnsafeRawBufferPointer) {
        if pieces.count < 2 { return }
        for index in 0..<pieces.count - 1 {
            pieces[index].pair = rule.pair(pieces[index], pieces[index + 1], in: text)
        }
        pieces[pieces.count - 1].pair = .none
        if pieces.count <= Self.longestSearched {
            mergeBySearch(by: rule, in: text)
        } else {
            mergeByQueue(by: rule, in: text)
        }
    }

    private mutating func mergeBySearch(by rule: borrowing MergeRule, in text: UnsafeRawBufferPointer) {
        while true {
            var best = 0
            for index in pieces.indices where pieces[index].pair.rank < pieces[best].pair.rank { best = index }
            let pair = pieces[best].pair
            if pair == .none { return }
            pieces[best].token = pair.token
            pieces[best].end = pieces[best + 1].end
            pieces.remove(at: best + 1)
            pieces[best].pair =
                best + 1 < pieces.count ? rule.pair(pieces[best], pieces[best + 1], in: text) : .none
            if best > 0 { pieces[best - 1].pair = rule.pair(pieces[best - 1], pieces[best], in: text) }
        }
    }

    private mutating func mergeByQueue(by rule: borrowing MergeRule, in text: UnsafeRawBufferPointer) {
        let count = pieces.count
        precondition(count < Int(UInt32.max), "a text has fewer than 2^32 characters")
        next = (1...UInt32(count)).map { $0 }
        previous = (0..<UInt32(count)).map { $0 &- 1 }
        for index in 0..<count { enqueue(index) }
        var taken = 0
        while let (rank, left) = queue.popFirst() {
            taken += 1
            if taken % Self.mergesAtOnce == 0, isCancelled() { queue = MergeQueue() }
            // An entry is stale when its pair has since become another: only the pair that stands there now counts.
            guard pieces[left].pair.rank == rank else { continue }
            let right = Int(next[left])
            pieces[left].token = pieces[left].pair.token
            pieces[left].end = pieces[right].end
            pieces[right].pair = .none
            next[left] = next[right]
            if Int(next[left]) < count {
                previous[Int(next[left])] = UInt32(left)
                pieces[left].pair = rule.pair(pieces[left], pieces[Int(next[left])], in: text)
                enqueue(left)
            } else {
                pieces[left].pair = .none
            }
            if left > 0 {
                let before = Int(previous[left])
                pieces[before].pair = rule.pair(pieces[before], pieces[left], in: text)
                enqueue(before)
            }
        }
        compact()
    }

    private mutating func enqueue(_ index: Int) {
        if pieces[index].pair != .none { queue.push(rank: pieces[index].pair.rank, position: index) }
    }

    /// Drops the pieces that were swallowed by the one before them.
    private mutating func compact() {
        var kept = 0
        var index = 0
        while index < pieces.count {
            let following = Int(next[index])
            pieces[kept] = pieces[index]
            kept += 1
            index = following
        }
        pieces.removeLast(pieces.count - kept)
    }
}
