// Responsible for: in which order what stages have lost of running sequences is computed again. Must not know: which
// worker holds what, steps in flight.

import Sequences
import Wire

/// The keys and values that some layers lack, as pieces of steps: one sequence after the other, the shortest first, for
/// one range of layers at a time.
struct Rebuild: Sendable {
    struct Piece: Sendable {
        let layers: Range<Int>
        fileprivate(set) var items: [ForwardItem] = []
        /// Sequences that lack nothing once it is computed.
        fileprivate(set) var completed: [SequenceID] = []
    }

    /// A sequence, and the ranges in ascending order that are computed for it, each from what goes into its first layer.
    private struct Turn: Sendable {
        let sequence: SequenceID
        var ranges: ArraySlice<Int>
    }

    /// All that are computed for any.
    private let ranges: [Range<Int>]
    /// The next one last.
    private var queue: [Turn]
    /// Of the first range of the next one: the position from which on it is to be sent.
    private var start = 0
    /// [ranges, blocks] so many positions of each are, or will be by what was sent, as they were: also where the sequence that
    /// they were sent for ends before the rest of it. Of those who share a block one may have gone back further than another.
    private var rebuilt: [[Int]]

    /// nil: nothing is to be done.
    init?(_ lost: LostLayers, of table: SequenceTable) {
        let lacking = table.sequences.filter { $0.phase == .running && !$0.isWhole }
        guard !lost.isEmpty, !lacking.isEmpty else { return nil }
        let ranges = lost.ranges
        self.ranges = ranges
        queue = lacking.enumerated().sorted { ($0.element.dispatched, $0.offset) > ($1.element.dispatched, $1.offset) }
            .map { _, sequence in
                let own = lost.ranges(since: table.epoch(of: sequence))
                return Turn(sequence: sequence.id, ranges: own.compactMap { ranges.firstIndex(of: $0) }[...])
            }
        rebuilt = Array(repeating: Array(repeating: 0, count: table.pool.count), count: ranges.count)
    }

    /// All was sent.
    var isSent: Bool { queue.isEmpty }

    /// The next piece, of at most so many tokens; nil: there is none. It may have no items, where others have rebuilt all
    /// that a sequence lacked. No block is computed twice for one range: what it is computed from may be gone then.
    mutating func next(of table: SequenceTable, limit: Int) -> Piece? {
        guard !isSent else { return nil }
        var piece = Piece(layers: ranges[0])
        var left = limit
        while let turn = queue.last, left > 0, piece.items.count < Limits.stepItems {
            guard let index = table.runningIndex(of: turn.sequence) else {
                // It has ended, or begins anew.
                endFirst()
                continue
            }
            guard let range = turn.ranges.first else {
                piece.completed.append(turn.sequence)
                endFirst()
                continue
            }
            guard ranges[range] == piece.layers || piece.items.isEmpty else { break }
            if piece.items.isEmpty { piece = Piece(layers: ranges[range], completed: piece.completed) }
            let sequence = table.sequences[index]
            guard let run = lackingRun(of: sequence, range, atMost: left) else {
                queue[queue.count - 1].ranges.removeFirst()
                start = 0
                continue
            }
            piece.items.append(sequence.lostItem(from: run.lowerBound, count: run.count))
            note(run, of: sequence, range)
            left -= run.count
            start = run.upperBound
        }
        return piece
    }

    /// These positions are sent for the range.
    private mutating func note(_ run: Range<Int>, of sequence: SequenceState, _ range: Int) {
        for place in run.lowerBound / KeyValueBlock.positions...(run.upperBound - 1) / KeyValueBlock.positions {
            let block = Int(sequence.blocks[place])
            let count = min(KeyValueBlock.positions, run.upperBound - place * KeyValueBlock.positions)
            rebuilt[range][block] = max(rebuilt[range][block], count)
        }
    }

    private mutating func endFirst() {
        queue.removeLast()
        start = 0
    }

    /// The next positions of a sequence, one after the other, in blocks that were not rebuilt for another; nil: no more.
    private func lackingRun(of sequence: SequenceState, _ range: Int, atMost limit: Int) -> Range<Int>? {
        func isThere(_ position: Int) -> Bool {
            let block = Int(sequence.blocks[position / KeyValueBlock.positions])
            return position % KeyValueBlock.positions < rebuilt[range][block]
        }
        guard let first = (start..<max(start, sequence.dispatched)).first(where: { !isThere($0) }) else { return nil }
        let end = min(sequence.dispatched, first + limit)
        return first..<((first..<end).first(where: isThere) ?? end)
    }
}
