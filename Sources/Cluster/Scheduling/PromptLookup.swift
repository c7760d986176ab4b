// Responsible for: guessing how a sequence goes on from what it has said before. Must not know: how guesses are checked.
//
// Prompt lookup decoding (Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding): where the last tokens have
// occurred before, what followed them then may follow again. A draft model would stand in its place: given tokens, guesses.

/// Where runs of tokens last occurred in one sequence.
struct PromptLookup: Sendable {
    /// Up to four tokens, the last one last, behind as many `noToken` as it is shorter.
    private typealias Run = SIMD4<Int32>
    /// Tokens in a run, the longest looked for first.
    private static let runLengths = [4, 3, 2]
    private static let noToken: Int32 = -1

    /// Where the token after the run's latest occurrence stands.
    private var places: [Run: Int32] = [:]
    /// Runs that end before this position are known.
    private var known = 0

    /// At most `count` guesses for the tokens after `tokens` and `guessed`, which follow each other; those of a run that
    /// repeats itself go round and round. Learns from `tokens`, which only ever grow.
    mutating func guesses(after tokens: [Int32], _ guessed: [Int32], count: Int) -> [Int32] {
        learn(tokens)
        guard count > 0 else { return [] }
        let end = tokens.count + guessed.count
        func token(_ position: Int) -> Int32 {
            position < tokens.count ? tokens[position] : guessed[position - tokens.count]
        }
        for length in Self.runLengths where end > length {
            guard let place = places[Self.run(length, before: end, token)] else { continue }
            var guesses: [Int32] = []
            for source in Int(place)..<Int(place) + count {
                guesses.append(source < end ? token(source) : guesses[source - end])
            }
            return guesses
        }
        return []
    }

    /// Remembers the runs that end before the last token: what follows that one is not known yet.
    private mutating func learn(_ tokens: [Int32]) {
        while known < tokens.count - 1 {
            known += 1
            for length in Self.runLengths where known >= length {
                places[Self.run(length, before: known) { tokens[$0] }] = Int32(known)
            }
        }
    }

    /// The `length` tokens before position `end`.
    private static func run(_ length: Int, before end: Int, _ token: (Int) -> Int32) -> Run {
        var run = Run(repeating: noToken)
        for offset in 1...length { run[run.scalarCount - offset] = token(end - offset) }
        return run
    }
}
