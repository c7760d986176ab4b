// Finds the matches of a regular expression in a text, by backtracking. Knows nothing of what becomes of them.

/// Looks for one expression in parts of one text. Memory is reused from match to match.
///
/// Takes linear time for the expressions of real tokenizers. For others a match that backtracks much remembers what has
/// failed, so that no place is tried twice; and all matches together may backtrack so often that no text takes long:
/// beyond that nothing more is found. What a look ahead finds out over a long stretch, as "so many groups of three digits
/// up to the end", is kept for those that begin further on.
struct RegexMatcher {
    /// Where to go on when the way taken fails.
    private struct Choice {
        var instruction: Int32
        /// How many places a look ahead had been at.
        var visited: Int32
        /// A run that can give back characters down to `low`; -1: none.
        var low: Int
        var position: Int
    }

    /// Backtracks in one match before it remembers what has failed.
    private static let freeBacktracks = 4096

    private let text: UTF8Text
    private let code: UnsafeBufferPointer<RegexProgram.Instruction>
    private let kinds: UnsafeBufferPointer<UInt16>
    private let masks: UnsafeBufferPointer<UInt64>
    private let candidates: UnsafeBufferPointer<UInt64>
    private let program: RegexProgram
    private var lower = 0
    private var upper: Int
    private var choices: [Choice] = []
    private var looks = LookRecord()
    private var backtracks = 0
    private var failed: Set<UInt64> = []
    /// Backtracks left for all matches in this text.
    private var backtracksLeft: Int

    /// Calls `body` with a matcher for `program` in `text`.
    static func with(
        _ program: RegexProgram, in text: UTF8Text, _ body: (inout RegexMatcher) -> Void
    ) {
        program.code.withUnsafeBufferPointer { code in
            program.kinds.withUnsafeBufferPointer { kinds in
                program.masks.withUnsafeBufferPointer { masks in
                    program.candidates.withUnsafeBufferPointer { candidates in
                        var matcher = RegexMatcher(
                            program, text, code: code, kinds: kinds, masks: masks, candidates: candidates)
                        body(&matcher)
                    }
                }
            }
        }
    }

    private init(
        _ program: RegexProgram, _ text: UTF8Text, code: UnsafeBufferPointer<RegexProgram.Instruction>,
        kinds: UnsafeBufferPointer<UInt16>, masks: UnsafeBufferPointer<UInt64>,
        candidates: UnsafeBufferPointer<UInt64>
    ) {
        self.program = program
        self.text = text
        self.code = code
        self.kinds = kinds
        self.masks = masks
        self.candidates = candidates
        upper = text.bytes.count
        backtracksLeft = 100_000 + 50 * text.bytes.count
    }

    /// From now on only `range` of the text is seen; what is outside of it does not exist.
    mutating func look(at range: Range<Int>) {
        lower = range.lowerBound
        upper = range.upperBound
        looks.begin(range, instructions: code.count)
    }

    /// The first match that begins at or after `start`.
    mutating func firstMatch(from start: Int) -> Range<Int>? {
        var position = start
        while true {
            let isAtEnd = position >= upper
            let possible = isAtEnd ? program.emptyAlternatives : candidates[Int(kind(at: position).kind)]
            if possible != 0, let end = match(possible, at: position) { return position..<end }
            if isAtEnd { return nil }
            position = text.end(of: position)
        }
    }

    /// The end of the match of the first of the `possible` alternatives that has one.
    private mutating func match(_ possible: UInt64, at position: Int) -> Int? {
        backtracks = 0
        if !failed.isEmpty { failed = [] }
        var possible = possible
        while possible != 0 {
            let alternative = possible.trailingZeroBitCount
            if let end = run(program.starts[alternative], at: position) { return end }
            possible &= possible - 1
        }
        return nil
    }

    @inline(__always)
    private func kind(at position: Int) -> (kind: UInt16, next: Int) {
        let (scalar, next) = text.scalar(at: position)
        if scalar < 0x10000 { return (kinds[Int(scalar)], next) }
        return (upperKind(of: scalar), next)
    }

    private func upperKind(of scalar: UInt32) -> UInt16 {
        var low = 0
        var high = program.upperStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if program.upperStarts[middle] <= scalar { low = middle } else { high = middle }
        }
        return program.upperKinds[low]
    }

    /// Runs from an instruction to an `accept`; the end of what it took, or nil. Of a look ahead it does not matter where
    /// that is: it stops where an earlier one has found out what follows.
    private mutating func run(_ start: Int, at startPosition: Int, isLook: Bool = false) -> Int? {
        let (base, firstVisit) = (choices.count, looks.visitedCount)
        var (current, position) = (start, startPosition)
        while true {
            let instruction = code[current]
            var goesOn: Bool
            switch instruction.operation {
            case .accept:
                choices.removeLast(choices.count - base)
                if isLook { looks.settle(from: firstVisit, as: true) }
                return position
            case .one:
                goesOn = false
                if position < upper {
                    let (kind, next) = kind(at: position)
                    if masks[Int(kind)] & instruction.mask != 0 {
                        position = next
                        goesOn = true
                    }
                }
                current += 1
            case .run, .possessiveRun:
                goesOn = takeRun(instruction, next: current + 1, &position)
                current += 1
            case .split:
                if isLook, let known = looks.outcome(of: current, at: position) {
                    if known {
                        choices.removeLast(choices.count - base)
                        looks.settle(from: firstVisit, as: true)
                        return position
                    }
                    goesOn = false
                } else {
                    if isLook { looks.visit(current, at: position) }
                    choices.append(
                        Choice(
                            instruction: instruction.other, visited: looks.visitedCount, low: -1, position: position))
                    current = Int(instruction.target)
                    goesOn = true
                }
            case .jump:
                current = Int(instruction.target)
                goesOn = true
            case .assertion:
                goesOn = holds(instruction.assertion, at: position)
                current += 1
            case .atomic:
                let end = runNested(current + 1, at: position)
                position = end ?? position
                goesOn = end != nil
                current = Int(instruction.target)
            case .look, .lookNot:
                let matches = runNested(current + 1, at: position, isLook: true) != nil
                goesOn = matches == (instruction.operation == .look)
                current = Int(instruction.target)
            case .lookBehind, .lookBehindNot:
                let matches = matchesBehind(current + 1, length: Int(instruction.low), at: position)
                goesOn = matches == (instruction.operation == .lookBehind)
                current = Int(instruction.target)
            }
            if !goesOn {
                guard let choice = nextChoice(above: base) else {
                    if isLook { looks.settle(from: firstVisit, as: false) }
                    return nil
                }
                (current, position) = choice
            }
        }
    }

    @inline(__always)
    private mutating func takeRun(
        _ instruction: RegexProgram.Instruction, next: Int, _ position: inout Int
    ) -> Bool {
        var count: Int32 = 0
        var low = position
        while count < instruction.high, position < upper {
            let (kind, next) = kind(at: position)
            if masks[Int(kind)] & instruction.mask == 0 { break }
            position = next
            count += 1
            if count == instruction.low { low = position }
        }
        if count < instruction.low { return false }
        if count > instruction.low, instruction.operation == .run {
            choices.append(
                Choice(instruction: Int32(next), visited: looks.visitedCount, low: low, position: position))
        }
        return true
    }

    /// The latest choice that has not failed before.
    private mutating func nextChoice(above base: Int) -> (instruction: Int, position: Int)? {
        while choices.count > base {
            backtracks += 1
            backtracksLeft -= 1
            if backtracksLeft < 0 { break }
            let last = choices.count - 1
            let instruction = choices[last].instruction
            var position = choices[last].position
            let low = choices[last].low
            // All that was tried since this choice was made has failed.
            looks.settle(from: choices[last].visited, as: false)
            if low < 0 {
                choices.removeLast()
            } else {
                guard let back = placeToGiveBack(from: position, to: low, before: Int(instruction)) else {
                    choices.removeLast()
                    continue
                }
                position = back
                if position > low { choices[last].position = position } else { choices.removeLast() }
            }
            if backtracks > Self.freeBacktracks {
                let state = UInt64(instruction) << 40 | UInt64(position)
                if !failed.insert(state).inserted { continue }
            }
            return (Int(instruction), position)
        }
        choices.removeLast(choices.count - base)
        return nil
    }

    /// The last place before `position`, down to `low`, where the next instruction can go on.
    private func placeToGiveBack(from position: Int, to low: Int, before next: Int) -> Int? {
        let instruction = code[next]
        let needsCharacter: Bool
        switch instruction.operation {
        case .one: needsCharacter = true
        case .run, .possessiveRun: needsCharacter = instruction.low > 0
        default: needsCharacter = false
        }
        var position = text.start(before: position)
        while needsCharacter, masks[Int(kind(at: position).kind)] & instruction.mask == 0 {
            if position <= low { return nil }
            position = text.start(before: position)
        }
        return position
    }

    /// Runs a program inside this one: what failed there has not failed here.
    private mutating func runNested(_ start: Int, at position: Int, isLook: Bool = false) -> Int? {
        if failed.isEmpty { return run(start, at: position, isLook: isLook) }
        let outer = failed
        defer { failed = outer }
        failed = []
        return run(start, at: position, isLook: isLook)
    }

    private mutating func matchesBehind(_ start: Int, length: Int, at position: Int) -> Bool {
        var begin = position
        for _ in 0..<length {
            if begin <= lower { return false }
            begin = text.start(before: begin)
        }
        return runNested(start, at: begin) == position
    }

    private func holds(_ assertion: RegexNode.Assertion, at position: Int) -> Bool {
        switch assertion {
        case .textStart: position == lower
        case .textEnd: position == upper
        case .textEndOrLastLineBreak: position == upper || position == upper - 1 && text.bytes[position] == 0x0A
        case .lineStart: position == lower || text.bytes[position - 1] == 0x0A && position < upper
        case .lineEnd: position == upper || text.bytes[position] == 0x0A
        case .wordBoundary: isWord(before: position) != isWord(after: position)
        case .noWordBoundary: isWord(before: position) == isWord(after: position)
        }
    }

    private func isWord(before position: Int) -> Bool {
        position > lower && isWord(after: text.start(before: position))
    }

    private func isWord(after position: Int) -> Bool {
        position < upper && UnicodeClasses.traits(of: text.scalar(at: position).scalar).contains(.word)
    }
}
