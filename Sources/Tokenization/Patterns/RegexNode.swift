// A regular expression as a tree. Knows nothing of how it is written or matched.

/// What a regular expression consists of.
indirect enum RegexNode: Sendable, Equatable {
    /// One character of a set.
    case set(ScalarSet)
    case sequence([RegexNode])
    /// The first alternative that leads to a match.
    case choice([RegexNode])
    /// `minimum` times at least; `maximum` nil: any number of times.
    case loop(RegexNode, minimum: Int, maximum: Int?, Greed)
    /// True where the node matches ahead of the place or behind it; takes nothing.
    case look(RegexNode, isBehind: Bool, isNegated: Bool)
    /// Once it has matched, no other way for it to match is tried.
    case atomic(RegexNode)
    case assertion(Assertion)

    /// Whether a loop prefers more or less, and whether it gives back what it took.
    enum Greed: Sendable { case greedy, lazy, possessive }

    /// What holds at a place between characters.
    enum Assertion: UInt8, Sendable {
        case lineStart, lineEnd, textStart, textEnd, textEndOrLastLineBreak, wordBoundary, noWordBoundary
    }

    /// Whether it can match without taking a character.
    var canBeEmpty: Bool {
        switch self {
        case .set: false
        case .sequence(let nodes): nodes.allSatisfy(\.canBeEmpty)
        case .choice(let nodes): nodes.contains(where: \.canBeEmpty)
        case .loop(let node, let minimum, _, _): minimum == 0 || node.canBeEmpty
        case .look, .assertion: true
        case .atomic(let node): node.canBeEmpty
        }
    }

    /// The characters with which a match can begin, if it takes any.
    var first: ScalarSet {
        switch self {
        case .set(let set): return set
        case .sequence(let nodes):
            var result = ScalarSet.empty
            for node in nodes {
                result = result.union(node.first)
                if !node.canBeEmpty { break }
            }
            return result
        case .choice(let nodes): return ScalarSet(nodes.flatMap(\.first.ranges))
        case .loop(let node, _, let maximum, _): return maximum == 0 ? .empty : node.first
        case .look, .assertion: return .empty
        case .atomic(let node): return node.first
        }
    }

    /// How many characters every match takes; nil where that differs.
    var fixedLength: Int? {
        switch self {
        case .set: return 1
        case .sequence(let nodes):
            return nodes.reduce(0) { sum, node in sum.flatMap { sum in node.fixedLength.map { sum + $0 } } }
        case .choice(let nodes):
            let lengths = Set(nodes.map(\.fixedLength))
            return lengths.count == 1 ? lengths.first ?? nil : nil
        case .loop(let node, let minimum, let maximum, _):
            return minimum == maximum ? node.fixedLength.map { $0 * minimum } : nil
        case .look, .assertion: return 0
        case .atomic(let node): return node.fixedLength
        }
    }
}
