// Responsible for: guessing how a sequence goes on from what it has said before. Must not know: how guesses are checked.
//
// Prompt lookup decoding (Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding): where the last tokens have
// occurred before, what followed them then may follow again. A draft model would stand in its place: given tokens, guesses.

/// Where runs of tokens last occurred in one sequence.
struct PromptLookup: Sendable {
    /// Tokens in a run, the longest looked for first.
    private static let runLengths = [4, 3, 2]

    /// By run length: where the token after the run's latest occurrence stands, by a hash of the run.
    private var places: [[UInt64: Int32]] = Array(repeating: [:], count: runLengths.count)
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
        for (index, length) in Self.runLengths.enumerated() where end > length {
            let run = Self.hash((end - length..<end).lazy.map(token))
            guard let place = places[index][run].map({ Int($0) }), place < end,
                // A hash is no proof.
                (0..<length).allSatisfy({ token(place - length + $0) == token(end - length + $0) })
            else { continue }
            var guesses: [Int32] = []
            for offset in 0..<count {
                let source = place + offset
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
            for (index, length) in Self.runLengths.enumerated() where known >= length {
                places[index][Self.hash(tokens[(known - length)..<known])] = Int32(known)
            }
        }
    }

    /// FNV-1a over token ids.
    private static func hash(_ tokens: some Sequence<Int32>) -> UInt64 {
        tokens.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64(UInt32(bitPattern: $1))) &* 0x0000_0100_0000_01b3 }
    }
}
