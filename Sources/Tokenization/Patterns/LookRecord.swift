// What looks ahead have found out in a stretch of text, for those that come later. Knows nothing of expressions.

/// Remembers for places (an instruction where ways part, and a position) whether a look ahead that comes there holds: that
/// depends on nothing but the place. Without it a look to the end of n digits would be n steps for each digit.
///
/// Nothing is kept of looks that visit few places, as those of words do.
struct LookRecord {
    /// Places that one look visits before anything is remembered.
    private static let longLook = 64

    private enum Outcome {
        static let unknown: UInt8 = 0
        static let holds: UInt8 = 1
        static let fails: UInt8 = 2
    }

    private var lower = 0
    private var count = 0
    private var instructions = 0
    /// [instructions][positions of the stretch]; empty for instructions of which nothing is known, and at all until
    /// something is.
    private var outcomes: [[UInt8]] = []
    /// The places that looks in progress have come to, and that have not failed.
    private var visited: [(instruction: Int32, position: Int)] = []

    /// What was known is of another stretch of text.
    mutating func begin(_ range: Range<Int>, instructions: Int) {
        (lower, count, self.instructions) = (range.lowerBound, range.count + 1, instructions)
        if !outcomes.isEmpty { outcomes = [] }
    }

    /// How many places are visited: what `settle` gets later.
    var visitedCount: Int32 { Int32(truncatingIfNeeded: visited.count) }

    /// Whether a look that comes to a place holds; nil: that is not known.
    @inline(__always)
    func outcome(of instruction: Int, at position: Int) -> Bool? {
        if outcomes.isEmpty || outcomes[instruction].isEmpty { return nil }
        let outcome = outcomes[instruction][position - lower]
        return outcome == Outcome.unknown ? nil : outcome == Outcome.holds
    }

    /// A look has come to a place.
    mutating func visit(_ instruction: Int, at position: Int) { visited.append((Int32(instruction), position)) }

    /// What became of the places that were visited from the `first` one on.
    @inline(__always)
    mutating func settle(from first: Int32, as holds: Bool) {
        if visited.count > Int(first) { record(from: Int(first), as: holds) }
    }

    private mutating func record(from first: Int, as holds: Bool) {
        if outcomes.isEmpty, visited.count > Self.longLook {
            outcomes = [[UInt8]](repeating: [], count: instructions)
        }
        if !outcomes.isEmpty {
            for place in visited[first...] {
                let instruction = Int(place.instruction)
                if outcomes[instruction].isEmpty { outcomes[instruction] = [UInt8](repeating: 0, count: count) }
                outcomes[instruction][place.position - lower] = holds ? Outcome.holds : Outcome.fails
            }
        }
        visited.removeLast(visited.count - first)
    }
}
