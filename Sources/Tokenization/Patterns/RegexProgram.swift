// A regular expression as instructions, and the table that tells for each character in which sets it is. Knows nothing
// of texts.

/// What a regular expression compiles to.
struct RegexProgram: Sendable {
    private static let instructionLimit = 4000
    private static let setLimit = 64
    static let alternativeLimit = 64

    enum Operation: UInt8, Sendable {
        /// A character of `mask`.
        case one
        /// `low` to `high` characters of `mask`, as many as there are; gives them back one by one.
        case run
        /// The same, giving nothing back.
        case possessiveRun
        /// First at `target`, then at `other`.
        case split
        case jump
        /// A program up to its `accept` from here, or from `low` characters before; then on at `target`.
        case look, lookBehind, lookNot, lookBehindNot
        /// A program up to its `accept`, taken once; then on at `target`.
        case atomic
        case assertion
        case accept
    }

    struct Instruction: Sendable {
        var operation: Operation
        var assertion = RegexNode.Assertion.textStart
        var low: Int32 = 0
        var high: Int32 = 0
        var target: Int32 = 0
        var other: Int32 = 0
        /// Bits of sets.
        var mask: UInt64 = 0
    }

    private(set) var code: [Instruction] = []
    /// Where each alternative begins; they are tried in this order.
    private(set) var starts: [Int] = []
    /// Bits of the alternatives that can match without taking a character.
    private(set) var emptyAlternatives: UInt64 = 0
    /// For each character up to U+FFFF the number of its kind; [65536].
    private(set) var kinds: [UInt16] = []
    /// The same for the characters beyond, by the beginning of each range.
    private(set) var upperStarts: [UInt32] = []
    private(set) var upperKinds: [UInt16] = []
    /// For each kind the sets that hold it, as bits, and the alternatives that can begin with it.
    private(set) var masks: [UInt64] = []
    private(set) var candidates: [UInt64] = []

    private var sets: [ScalarSet] = []

    /// Compiles `expression`.
    init(_ expression: String) throws(RegexError) {
        let tree = try RegexParser.parse(expression)
        var alternatives = [tree]
        if case .choice(let nodes) = tree, nodes.count <= Self.alternativeLimit { alternatives = nodes }
        for (index, node) in alternatives.enumerated() {
            starts.append(code.count)
            if node.canBeEmpty { emptyAlternatives |= 1 << UInt64(index) }
            try emit(node)
            code.append(Instruction(operation: .accept))
        }
        tabulate(firsts: alternatives.map(\.first))
    }

    // MARK: Instructions

    private mutating func append(_ instruction: Instruction) throws(RegexError) {
        guard code.count < Self.instructionLimit else { throw RegexError(reason: "it is too large") }
        code.append(instruction)
    }

    private mutating func emit(_ node: RegexNode) throws(RegexError) {
        switch node {
        case .set(let set): try append(Instruction(operation: .one, mask: bit(of: set)))
        case .sequence(let nodes): for node in nodes { try emit(node) }
        case .choice(let nodes): try emitChoice(nodes)
        case .loop(let body, let minimum, let maximum, let greed):
            try emitLoop(body, minimum: minimum, maximum: maximum, greed)
        case .look(let body, let isBehind, let isNegated): try emitLook(body, isBehind, isNegated)
        case .atomic(let body): try emitNested(body, Instruction(operation: .atomic))
        case .assertion(let assertion):
            try append(Instruction(operation: .assertion, assertion: assertion))
        }
    }

    private mutating func bit(of set: ScalarSet) throws(RegexError) -> UInt64 {
        if let index = sets.firstIndex(of: set) { return 1 << UInt64(index) }
        guard sets.count < Self.setLimit else {
            throw RegexError(reason: "it has more than \(Self.setLimit) different characters and classes")
        }
        sets.append(set)
        return 1 << UInt64(sets.count - 1)
    }

    private mutating func emitChoice(_ nodes: [RegexNode]) throws(RegexError) {
        var jumps: [Int] = []
        for (index, node) in nodes.enumerated() {
            guard index + 1 < nodes.count else {
                try emit(node)
                break
            }
            let split = code.count
            try append(Instruction(operation: .split, target: Int32(split + 1)))
            try emit(node)
            jumps.append(code.count)
            try append(Instruction(operation: .jump))
            code[split].other = Int32(code.count)
        }
        for jump in jumps { code[jump].target = Int32(code.count) }
    }

    private mutating func emitLoop(
        _ body: RegexNode, minimum: Int, maximum: Int?, _ greed: RegexNode.Greed
    ) throws(RegexError) {
        if case .set(let set) = body, greed != .lazy {
            let operation: Operation = greed == .greedy ? .run : .possessiveRun
            try append(
                Instruction(
                    operation: operation, low: Int32(minimum), high: Int32(maximum ?? Int(Int32.max)),
                    mask: bit(of: set)))
            return
        }
        if greed == .possessive {
            return try emit(.atomic(.loop(body, minimum: minimum, maximum: maximum, .greedy)))
        }
        for _ in 0..<minimum { try emit(body) }
        guard let maximum else { return try emitStar(body, isLazy: greed == .lazy) }
        var splits: [Int] = []
        for _ in minimum..<max(minimum, maximum) {
            splits.append(code.count)
            try append(Instruction(operation: .split))
            try emit(body)
        }
        for split in splits { link(split, inside: split + 1, outside: code.count, isLazy: greed == .lazy) }
    }

    private mutating func emitStar(_ body: RegexNode, isLazy: Bool) throws(RegexError) {
        let split = code.count
        try append(Instruction(operation: .split))
        try emit(body)
        try append(Instruction(operation: .jump, target: Int32(split)))
        link(split, inside: split + 1, outside: code.count, isLazy: isLazy)
    }

    private mutating func link(_ split: Int, inside: Int, outside: Int, isLazy: Bool) {
        code[split].target = Int32(isLazy ? outside : inside)
        code[split].other = Int32(isLazy ? inside : outside)
    }

    private mutating func emitLook(
        _ body: RegexNode, _ isBehind: Bool, _ isNegated: Bool
    ) throws(RegexError) {
        guard isBehind else {
            return try emitNested(body, Instruction(operation: isNegated ? .lookNot : .look))
        }
        if case .choice(let nodes) = body, body.fixedLength == nil {
            let looks = nodes.map { RegexNode.look($0, isBehind: true, isNegated: isNegated) }
            return try emit(isNegated ? .sequence(looks) : .choice(looks))
        }
        guard let length = body.fixedLength else {
            throw RegexError(reason: "it looks behind for something without a fixed length")
        }
        try emitNested(
            body, Instruction(operation: isNegated ? .lookBehindNot : .lookBehind, low: Int32(length)))
    }

    private mutating func emitNested(_ body: RegexNode, _ instruction: Instruction) throws(RegexError) {
        let start = code.count
        try append(instruction)
        try emit(body)
        try append(Instruction(operation: .accept))
        code[start].target = Int32(code.count)
    }

    // MARK: Kinds of characters

    /// Characters that are in the same sets and begin the same alternatives are of one kind.
    private mutating func tabulate(firsts: [ScalarSet]) {
        let all = sets + firsts
        var changes: [(at: UInt32, index: Int)] = []
        for (index, set) in all.enumerated() {
            for range in set.ranges {
                changes.append((range.lowerBound, index))
                if range.upperBound < 0x10FFFF { changes.append((range.upperBound + 1, index)) }
            }
        }
        changes.sort { $0.at < $1.at }
        kinds = [UInt16](repeating: 0, count: 0x10000)
        var kindOfSignature: [[UInt64]: UInt16] = [:]
        var signature: [UInt64] = [0, 0]
        var next = 0
        var start: UInt32 = 0
        while start <= 0x10FFFF {
            while next < changes.count, changes[next].at == start {
                let index = changes[next].index
                if index < sets.count { signature[0] ^= 1 << UInt64(index) }
                if index >= sets.count { signature[1] ^= 1 << UInt64(index - sets.count) }
                next += 1
            }
            let end = next < changes.count ? changes[next].at : 0x110000
            let kind = kindOfSignature[signature] ?? UInt16(masks.count)
            if kindOfSignature[signature] == nil {
                kindOfSignature[signature] = kind
                masks.append(signature[0])
                candidates.append(signature[1] | emptyAlternatives)
            }
            fill(start, end, with: kind)
            start = end
        }
    }

    private mutating func fill(_ start: UInt32, _ end: UInt32, with kind: UInt16) {
        if start < 0x10000 {
            kinds.withUnsafeMutableBufferPointer { kinds in
                kinds[Int(start)..<Int(min(end, 0x10000))].update(repeating: kind)
            }
        }
        if end > 0x10000 {
            upperStarts.append(max(start, 0x10000))
            upperKinds.append(kind)
        }
    }
}
