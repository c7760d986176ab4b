// Reads regular expressions in Oniguruma's Ruby syntax, as tokenizer.json files write them. Knows nothing of matching.
// Syntax: https://github.com/kkos/oniguruma/blob/master/doc/RE

/// What is wrong with an expression, or not supported.
struct RegexError: Error {
    let reason: String
}

/// One expression, read from left to right.
struct RegexParser {
    private static let lengthLimit = 4096
    private static let depthLimit = 40
    /// Repetitions are written out, so their counts are bounded.
    private static let countLimit = 1000

    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var depth = 0
    private var options = Options()

    private struct Options {
        var ignoresCase = false
        /// "." matches line breaks too.
        var dotMatchesAll = false
        /// White space and comments are not part of the expression.
        var isExtended = false
    }

    /// The tree of `expression`.
    static func parse(_ expression: String) throws(RegexError) -> RegexNode {
        let scalars = Array(expression.unicodeScalars)
        guard scalars.count <= lengthLimit else { throw RegexError(reason: "it is longer than \(lengthLimit)") }
        var parser = RegexParser(scalars: scalars)
        let node = try parser.choice()
        guard parser.index == scalars.count else { throw RegexError(reason: "it has a \")\" too many") }
        return node
    }

    private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    private var peek: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[index...].starts(with: wanted) else { return false }
        index += wanted.count
        return true
    }

    private mutating func skip(to end: Unicode.Scalar) {
        while index < scalars.count, scalars[index] != end { index += 1 }
    }

    private mutating func choice() throws(RegexError) -> RegexNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw RegexError(reason: "its groups are nested too deeply") }
        let outer = options
        defer { options = outer }
        var alternatives = [try sequence()]
        while take("|") { alternatives.append(try sequence()) }
        return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
    }

    private mutating func sequence() throws(RegexError) -> RegexNode {
        var nodes: [RegexNode] = []
        while let next = peek, next != "|", next != ")" {
            if options.isExtended, skipExtended() { continue }
            guard let atom = try atom() else { continue }
            nodes.append(try repeated(atom))
        }
        return nodes.count == 1 ? nodes[0] : .sequence(nodes)
    }

    private mutating func skipExtended() -> Bool {
        guard let next = peek else { return false }
        if next == "#" {
            skip(to: "\n")
            return true
        }
        if next.properties.isWhitespace {
            index += 1
            return true
        }
        return false
    }

    /// nil for what changes options only.
    private mutating func atom() throws(RegexError) -> RegexNode? {
        let next = scalars[index]
        index += 1
        switch next {
        case "(": return try group()
        case "[": return .set(try characterClass())
        case ".": return .set(options.dotMatchesAll ? .all : ScalarSet(0x0A).inverted)
        case "^": return .assertion(.lineStart)
        case "$": return .assertion(.lineEnd)
        case "\\": return try escape()
        case "*", "+", "?": throw RegexError(reason: "it repeats nothing")
        default: return .set(literal(next))
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> ScalarSet {
        let set = ScalarSet(scalar.value)
        return options.ignoresCase ? set.ignoringCase : set
    }

    private mutating func group() throws(RegexError) -> RegexNode? {
        if take("?:") { return try closed(choice()) }
        if take("?=") { return .look(try closed(choice()), isBehind: false, isNegated: false) }
        if take("?!") { return .look(try closed(choice()), isBehind: false, isNegated: true) }
        if take("?<=") { return .look(try closed(choice()), isBehind: true, isNegated: false) }
        if take("?<!") { return .look(try closed(choice()), isBehind: true, isNegated: true) }
        if take("?>") { return .atomic(try closed(choice())) }
        if take("?<") {
            skip(to: ">")
            guard take(">") else { throw RegexError(reason: "a group's name does not end") }
            return try closed(choice())
        }
        if take("?#") {
            skip(to: ")")
            guard take(")") else { throw RegexError(reason: "a comment does not end") }
            return nil
        }
        if take("?") { return try optionGroup() }
        return try closed(choice())
    }

    /// `(?i)` to the end of the group around it, or `(?i:...)`.
    private mutating func optionGroup() throws(RegexError) -> RegexNode? {
        let outer = options
        var turnsOn = true
        while let next = peek {
            index += 1
            switch next {
            case "-": turnsOn = false
            case "i": options.ignoresCase = turnsOn
            case "m", "s": options.dotMatchesAll = turnsOn
            case "x": options.isExtended = turnsOn
            case ":":
                let node = try closed(choice())
                options = outer
                return node
            case ")":
                // What follows in this group is an alternative of its own, as Oniguruma has it.
                return try choice()
            default: throw RegexError(reason: "it has an unknown kind of group")
            }
        }
        throw RegexError(reason: "a group does not end")
    }

    private mutating func closed(_ node: RegexNode) throws(RegexError) -> RegexNode {
        guard take(")") else { throw RegexError(reason: "a group does not end") }
        return node
    }

    // MARK: Repetition

    private mutating func repeated(_ atom: RegexNode) throws(RegexError) -> RegexNode {
        var node = atom
        while let next = peek {
            let bounds: (Int, Int?)
            var isInterval = false
            switch next {
            case "*": bounds = (0, nil)
            case "+": bounds = (1, nil)
            case "?": bounds = (0, 1)
            case "{":
                guard let interval = try interval() else { return node }
                bounds = interval
                isInterval = true
            default: return node
            }
            if !isInterval { index += 1 }
            let isFixed = isInterval && bounds.0 == bounds.1
            var greed = RegexNode.Greed.greedy
            // "+" after an interval, and "?" after a fixed one, are further repetitions.
            if !isFixed, take("?") { greed = .lazy } else if !isInterval, take("+") { greed = .possessive }
            if bounds.1 == nil, node.canBeEmpty {
                throw RegexError(reason: "it repeats without end what may be empty")
            }
            node = .loop(node, minimum: bounds.0, maximum: bounds.1, greed)
        }
        return node
    }

    /// `{n}`, `{n,}`, `{n,m}` or `{,m}`; nil where the brace is a character like others.
    private mutating func interval() throws(RegexError) -> (Int, Int?)? {
        let start = index
        index += 1
        let low = number()
        var high = low
        let hasComma = take(",")
        if hasComma { high = number() }
        guard take("}"), low != nil || high != nil else {
            index = start
            return nil
        }
        guard (low ?? 0) <= Self.countLimit, (high ?? 0) <= Self.countLimit else {
            throw RegexError(reason: "it repeats something more than \(Self.countLimit) times")
        }
        if let low, let high, high < low { throw RegexError(reason: "an interval ends before it begins") }
        return (low ?? 0, hasComma ? high : low)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let next = peek, ("0"..."9").contains(next) {
            value = min((value ?? 0) * 10 + Int(next.value - 0x30), 1_000_000)
            index += 1
        }
        return value
    }

    // MARK: Escapes

    private mutating func escape() throws(RegexError) -> RegexNode {
        guard let next = peek else { throw RegexError(reason: "it ends with a backslash") }
        switch next {
        case "b", "B", "A", "z", "Z":
            index += 1
            let assertions: [Unicode.Scalar: RegexNode.Assertion] = [
                "b": .wordBoundary, "B": .noWordBoundary, "A": .textStart, "z": .textEnd, "Z": .textEndOrLastLineBreak,
            ]
            return .assertion(assertions[next] ?? .textStart)
        case "R":
            index += 1
            let breaks = ScalarSet([0x0A...0x0D, 0x85...0x85, 0x2028...0x2029])
            return .atomic(.choice([.sequence([.set(ScalarSet(0x0D)), .set(ScalarSet(0x0A))]), .set(breaks)]))
        case "1"..."9", "k", "g", "K", "G", "X", "Y", "y", "N", "O":
            throw RegexError(reason: "\"\\\(next)\" is not supported")
        default:
            let (set, isClass) = try escapedSet()
            return .set(!isClass && options.ignoresCase ? set.ignoringCase : set)
        }
    }

    /// What an escape stands for inside a class and outside; whether it names a class.
    private mutating func escapedSet() throws(RegexError) -> (ScalarSet, isClass: Bool) {
        guard let next = peek else { throw RegexError(reason: "it ends with a backslash") }
        index += 1
        switch next {
        case "d": return (UnicodeClasses.named("digit") ?? .empty, true)
        case "D": return (UnicodeClasses.named("digit")?.inverted ?? .all, true)
        case "w": return (UnicodeClasses.named("word") ?? .empty, true)
        case "W": return (UnicodeClasses.named("word")?.inverted ?? .all, true)
        case "s": return (UnicodeClasses.named("space") ?? .empty, true)
        case "S": return (UnicodeClasses.named("space")?.inverted ?? .all, true)
        case "h": return (UnicodeClasses.named("xdigit") ?? .empty, true)
        case "H": return (UnicodeClasses.named("xdigit")?.inverted ?? .all, true)
        case "p", "P": return (try property(isNegated: next == "P"), true)
        case "n": return (ScalarSet(0x0A), false)
        case "r": return (ScalarSet(0x0D), false)
        case "t": return (ScalarSet(0x09), false)
        case "f": return (ScalarSet(0x0C), false)
        case "v": return (ScalarSet(0x0B), false)
        case "a": return (ScalarSet(0x07), false)
        case "e": return (ScalarSet(0x1B), false)
        case "0": return (ScalarSet(0), false)
        case "x": return (ScalarSet(try hexadecimal(digits: 1...2)), false)
        case "u": return (ScalarSet(try hexadecimal(digits: 4...4)), false)
        default: return (ScalarSet(next.value), false)
        }
    }

    private mutating func hexadecimal(digits: ClosedRange<Int>) throws(RegexError) -> UInt32 {
        let isBraced = take("{")
        var value: UInt32 = 0
        var count = 0
        while let next = peek, let digit = Character(next).hexDigitValue, count < (isBraced ? 8 : digits.upperBound) {
            value = value << 4 | UInt32(digit)
            count += 1
            index += 1
        }
        guard count >= (isBraced ? 1 : digits.lowerBound), !isBraced || take("}"), value <= 0x10FFFF else {
            throw RegexError(reason: "an escaped character has no number")
        }
        return value
    }

    /// `{name}` or `{^name}` after `\p`.
    private mutating func property(isNegated: Bool) throws(RegexError) -> ScalarSet {
        guard take("{") else { throw RegexError(reason: "a property has no name in braces") }
        let isInverted = take("^") != isNegated
        let name = takeName(before: "}")
        guard take("}"), let set = UnicodeClasses.named(name) else {
            throw RegexError(reason: "the property \"\(name.prefix(40))\" is not known")
        }
        return isInverted ? set.inverted : set
    }

    // MARK: Classes

    /// After "[".
    private mutating func characterClass() throws(RegexError) -> ScalarSet {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw RegexError(reason: "its classes are nested too deeply") }
        let isNegated = take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var sets: [ScalarSet] = []
        var isFirst = true
        while true {
            guard let next = peek else { throw RegexError(reason: "a class does not end") }
            if next == "]", !isFirst {
                index += 1
                break
            }
            isFirst = false
            if take("&&") {
                sets.append(ScalarSet(ranges))
                ranges = []
            } else if take("[:") {
                ranges += try posixClass().ranges
            } else if take("[") {
                ranges += try characterClass().ranges
            } else {
                ranges += try classItem().ranges
            }
        }
        var set = sets.reduce(ScalarSet(ranges)) { $0.intersection($1) }
        if options.ignoresCase { set = set.ignoringCase }
        return isNegated ? set.inverted : set
    }

    /// A character, a range of them or an escape.
    private mutating func classItem() throws(RegexError) -> ScalarSet {
        let (low, isClass) = try classCharacter()
        guard !isClass, let first = low.ranges.first?.lowerBound, peek == "-", index + 1 < scalars.count,
            scalars[index + 1] != "]", scalars[index + 1] != "["
        else { return low }
        index += 1
        let (high, highIsClass) = try classCharacter()
        guard !highIsClass, let last = high.ranges.first?.lowerBound else {
            return low.union(high).union(ScalarSet(0x2D))
        }
        guard first <= last else { throw RegexError(reason: "a range in a class ends before it begins") }
        return ScalarSet([first...last])
    }

    private mutating func classCharacter() throws(RegexError) -> (ScalarSet, isClass: Bool) {
        guard let next = peek else { throw RegexError(reason: "a class does not end") }
        if next == "\\" {
            index += 1
            if take("b") { return (ScalarSet(0x08), false) }
            return try escapedSet()
        }
        index += 1
        return (ScalarSet(next.value), false)
    }

    /// All up to `end`, or to the end of the expression.
    private mutating func takeName(before end: Unicode.Scalar) -> String {
        var name = ""
        while let next = peek, next != end {
            name.unicodeScalars.append(next)
            index += 1
        }
        return name
    }

    /// `[:name:]` after "[:".
    private mutating func posixClass() throws(RegexError) -> ScalarSet {
        let isNegated = take("^")
        let name = takeName(before: ":")
        guard take(":]"), let set = UnicodeClasses.named(name) else {
            throw RegexError(reason: "the class \"\(name.prefix(40))\" is not known")
        }
        return isNegated ? set.inverted : set
    }
}
