// Responsible for: which layers' keys and values are to be computed again, and from where on, for contents of blocks that are
// older or newer. Must not know: workers, requests.
//
// What went into a layer was kept from some epoch on. Of a block that was begun before it is there only in part, so that what
// is in such a block has to be computed from an earlier layer on.

import Wire

/// Layers that nobody has, and what goes into which others is kept.
struct LostLayers: Sendable, Equatable {
    /// How blocks are computed again that were begun in `since` or later, and before that of the next way.
    private struct Way: Sendable, Equatable {
        let since: Epoch
        let ranges: [Range<Int>]
    }

    /// Oldest first, and the first for all that is older.
    private let ways: [Way]

    /// These, whatever block it is.
    init(_ ranges: [Range<Int>]) { ways = [Way(since: .none, ranges: ranges)] }

    /// [layers] whether somebody has each, and from which epoch on what goes into it is kept: `.none`, all of it is; nil,
    /// nothing. What goes into the first one are tokens.
    init(isThere: [Bool], inputs: [Epoch?]) {
        var ways: [Way] = []
        for since in ([Epoch.none] + inputs.compactMap(\.self)).sorted() {
            let isSource = inputs.enumerated().map { layer, input in layer == 0 || input.map { $0 <= since } ?? false }
            let ranges = Self.missing(isThere, isSource)
            if ways.last?.ranges != ranges { ways.append(Way(since: since, ranges: ranges)) }
        }
        self.ways = ways
    }

    /// Nothing is lost.
    var isEmpty: Bool { ways.allSatisfy(\.ranges.isEmpty) }

    /// All ranges that there are, each once.
    var ranges: [Range<Int>] {
        ways.flatMap(\.ranges).reduce(into: []) { all, range in if !all.contains(range) { all.append(range) } }
    }

    /// What is computed again in any case: of blocks that are new enough.
    var least: [Range<Int>] { ways.last?.ranges ?? [] }

    /// What is computed again where the oldest block was begun in this epoch: in ascending order, each from what goes into
    /// its first layer.
    func ranges(since oldest: Epoch) -> [Range<Int>] {
        (ways.last { $0.since <= oldest } ?? ways.first)?.ranges ?? []
    }

    /// Runs of layers that nobody has, each from the nearest inputs on that somebody has.
    private static func missing(_ isThere: [Bool], _ isSource: [Bool]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var layer = 0
        while layer < isThere.count {
            guard !isThere[layer] else {
                layer += 1
                continue
            }
            var first = layer
            while !isSource[first] { first -= 1 }
            while layer < isThere.count, !isThere[layer] { layer += 1 }
            while let last = ranges.last, last.upperBound > first {
                first = min(first, last.lowerBound)
                ranges.removeLast()
            }
            ranges.append(first..<layer)
        }
        return ranges
    }
}
