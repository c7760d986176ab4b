// Responsible for: Python's `text % values`.
// Must not know: syntax.

extension Renderer {
    /// `format % value`; the elements of a tuple are the values one by one.
    func percentFormat(_ format: Text, _ value: Value) throws(JinjaError) -> Text {
        var values: [Value] = [value]
        if case .tuple(let list) = value { values = list.items }
        var next = 0
        var usesNames = false
        func take() throws(JinjaError) -> Value {
            guard next < values.count else { throw fail("not enough arguments for format string") }
            defer { next += 1 }
            return values[next]
        }
        var result = Text("")
        var rest = format.scalars[...]
        try charge(rest.count / 16)
        while let scalar = rest.popFirst() {
            guard scalar == "%" else {
                result.append(Text(scalars: CollectionOfOne(scalar)))
                continue
            }
            try charge()
            var item: Value?
            if rest.first == "(" {
                item = try named(&rest, value)
                usesNames = true
            }
            var specification = try flags(&rest)
            specification.width = try number(&rest, take, &specification) ?? 0
            if rest.first == "." {
                rest = rest.dropFirst()
                specification.precision = try number(&rest, take, &specification) ?? 0
            }
            while let first = rest.first, "hlL".unicodeScalars.contains(first) { rest = rest.dropFirst() }
            guard let letter = rest.popFirst() else { throw fail("incomplete format") }
            if letter == "%" {
                result.append("%")
                continue
            }
            if item == nil { item = try take() }
            let text = try convert(item ?? .none, letter, &specification)
            try charge(bytes: text.utf8.count)
            result.append(format.isMarkup ? text.escaped.marked(false) : text)
        }
        if next < values.count, !usesNames, !Self.isMapping(value) {
            throw fail("not all arguments converted during string formatting")
        }
        return result.marked(format.isMarkup)
    }

    private static func isMapping(_ value: Value) -> Bool {
        switch value {
        case .dictionary, .list, .undefined, .range, .namespace: true
        default: false
        }
    }

    private func named(_ rest: inout ArraySlice<Unicode.Scalar>, _ value: Value) throws(JinjaError) -> Value {
        var depth = 0
        var name: [Unicode.Scalar] = []
        while let scalar = rest.popFirst() {
            if scalar == "(" { depth += 1 }
            if scalar == ")" { depth -= 1 }
            if depth == 0 { break }
            name.append(scalar)
        }
        guard depth == 0 else { throw fail("incomplete format key") }
        guard case .dictionary(let mapping) = value else { throw fail("format requires a mapping") }
        let key = Text(scalars: name.dropFirst())
        guard let item = mapping[.string(key)] else { throw fail("KeyError: \(repr(key))") }
        return item
    }

    private func flags(_ rest: inout ArraySlice<Unicode.Scalar>) throws(JinjaError) -> FormatSpecification {
        var specification = FormatSpecification()
        specification.alignment = .right
        var isZero = false
        while let flag = rest.first, "-+ #0".unicodeScalars.contains(flag) {
            switch flag {
            case "-": specification.alignment = .left
            case "+": specification.sign = "+"
            case " ": if specification.sign.isEmpty { specification.sign = " " }
            case "#": specification.isAlternate = true
            default: isZero = true
            }
            rest = rest.dropFirst()
        }
        if isZero, specification.alignment != .left { specification.alignment = .afterSign }
        return specification
    }

    private func number(
        _ rest: inout ArraySlice<Unicode.Scalar>, _ take: () throws(JinjaError) -> Value,
        _ specification: inout FormatSpecification
    ) throws(JinjaError) -> Int? {
        guard rest.first == "*" else {
            guard let number = FormatSpecification.takeNumber(&rest) else {
                throw stop("a format's width is too large")
            }
            return number
        }
        rest = rest.dropFirst()
        guard let width = try take().index else { throw fail("* wants int") }
        if width < 0 { specification.alignment = .left }
        guard width > Int.min else { throw stop("a format's width is too large") }
        return abs(width)
    }

    private func convert(
        _ value: Value, _ letter: Unicode.Scalar, _ specification: inout FormatSpecification
    ) throws(JinjaError) -> Text {
        let isZero = specification.alignment == .afterSign
        switch letter {
        case "s", "r", "a":
            if isZero { specification.alignment = .right }
            return try format(letter == "s" ? try text(value) : try reprText(value), specification)
        case "c":
            if case .string(let text) = value, text.count == 1 { return try format(text, specification) }
        case "d", "i", "u", "x", "X", "o", "e", "E", "f", "F", "g", "G": break
        default: throw fail("unsupported format character '\(Character(letter))'")
        }
        guard var number = Number(value) else {
            if case .undefined(let undefined) = value { throw undefinedError(undefined) }
            throw fail("%\(Character(letter)) format: a real number is required, not \(value.typeName)")
        }
        if isZero { specification.fill = "0" }
        specification.letter = "diu".unicodeScalars.contains(letter) ? "d" : Character(letter)
        if "dxXoc".contains(specification.letter), case .float(let float) = number {
            guard specification.letter == "d", let whole = Int(exactly: float.rounded(.towardZero)) else {
                throw fail("%\(Character(letter)) format: an integer is required, not float")
            }
            number = .int(whole)
        }
        return try format(number, specification)
    }
}
