// Responsible for: one number or text in a width, with Python's format letters.
// Must not know: where specifications come from.

/// What both `%5.2f` and `{:>5.2f}` ask for.
struct FormatSpecification {
    enum Alignment { case left, right, center, afterSign }

    var fill: Text = " "
    var alignment: Alignment?
    /// `+`, a blank or nothing in front of positive numbers.
    var sign = ""
    var isAlternate = false
    /// `,` or `_` between thousands.
    var grouping: Character?
    var width = 0
    var precision: Int?
    /// The format letter; a blank stands for none.
    var letter: Character = " "

    init() {}

    /// Python's `[[fill]align][sign][#][0][width][grouping][.precision][type]`; nil where the text is none.
    init?(_ text: Text) {
        var rest = text.scalars[...]
        let alignments: [Unicode.Scalar: Alignment] = ["<": .left, ">": .right, "^": .center, "=": .afterSign]
        if rest.count > 1, let alignment = alignments[rest[1]] {
            (fill, self.alignment) = (Text(scalars: [rest[0]]), alignment)
            rest = rest.dropFirst(2)
        } else if let first = rest.first, let alignment = alignments[first] {
            self.alignment = alignment
            rest = rest.dropFirst()
        }
        if let first = rest.first, "+- ".unicodeScalars.contains(first) {
            sign = first == "-" ? "" : String(Character(first))
            rest = rest.dropFirst()
        }
        if rest.first == "#" {
            isAlternate = true
            rest = rest.dropFirst()
        }
        if rest.first == "0" {
            if alignment == nil { (fill, alignment) = ("0", .afterSign) }
            rest = rest.dropFirst()
        }
        guard let width = Self.takeNumber(&rest) else { return nil }
        self.width = width
        if let first = rest.first, first == "," || first == "_" {
            grouping = Character(first)
            rest = rest.dropFirst()
        }
        if rest.first == "." {
            rest = rest.dropFirst()
            guard let first = rest.first, ("0"..."9").contains(first), let precision = Self.takeNumber(&rest) else {
                return nil
            }
            self.precision = precision
        }
        if let first = rest.popFirst() { letter = Character(first) }
        guard rest.isEmpty else { return nil }
    }

    /// A number of digits, 0 for none; nil beyond all bounds.
    static func takeNumber(_ rest: inout ArraySlice<Unicode.Scalar>) -> Int? {
        var value = 0
        while let digit = rest.first, ("0"..."9").contains(digit) {
            value = value * 10 + Int(digit.value - 0x30)
            guard value < 1 << 40 else { return nil }
            rest = rest.dropFirst()
        }
        return value
    }
}

extension Renderer {
    /// A text cut to the precision and padded.
    func format(_ text: Text, _ specification: FormatSpecification) throws(JinjaError) -> Text {
        var text = text.marked(false)
        if let precision = specification.precision, precision < text.count {
            text = Text(text.utf8[..<text.offset(ofScalar: precision)])
        }
        return try pad("", text, specification, standard: .left)
    }

    /// A number, as its letter wants it. Throws where the letter is not for numbers of this kind.
    func format(_ number: Number, _ specification: FormatSpecification) throws(JinjaError) -> Text {
        if let precision = specification.precision, precision > TemplateLimits.formatPrecision {
            throw stop("a number format asks for more than \(TemplateLimits.formatPrecision) digits")
        }
        let isNegative: Bool
        var digits: String
        switch (specification.letter, number) {
        case (" ", .int(let value)), ("d", .int(let value)), ("n", .int(let value)):
            (isNegative, digits) = (value < 0, String(value.magnitude))
        case ("x", .int(let value)), ("X", .int(let value)), ("o", .int(let value)), ("b", .int(let value)):
            isNegative = value < 0
            digits = radix(value.magnitude, specification)
        case ("c", .int(let value)):
            guard let scalar = UInt32(exactly: value).flatMap({ Unicode.Scalar($0) }) else {
                throw fail("%c arg not in range(0x110000)")
            }
            return try pad("", Text(scalars: [scalar]), specification, standard: .left)
        case (" ", .float), ("e", _), ("E", _), ("f", _), ("F", _), ("g", _), ("G", _), ("%", _), ("n", .float):
            let value = number.double
            isNegative = value.sign == .minus && !value.isNaN
            digits = float(value.magnitude, specification)
        default:
            let kind = if case .int = number { "int" } else { "float" }
            throw fail("Unknown format code '\(specification.letter)' for object of type '\(kind)'")
        }
        if let grouping = specification.grouping { digits = grouped(digits, by: grouping) }
        return try pad(isNegative ? "-" : specification.sign, Text(digits), specification, standard: .right)
    }

    private func radix(_ value: UInt, _ specification: FormatSpecification) -> String {
        let radix = specification.letter == "o" ? 8 : specification.letter == "b" ? 2 : 16
        let digits = String(value, radix: radix, uppercase: specification.letter == "X")
        return (specification.isAlternate ? "0\(specification.letter)" : "") + digits
    }

    /// The digits of a float that is not negative.
    private func float(_ value: Double, _ specification: FormatSpecification) -> String {
        let letter = specification.letter
        guard value.isFinite else {
            let name = (value.isNaN ? "nan" : "inf") + (letter == "%" ? "%" : "")
            return letter.isUppercase ? name.uppercased() : name
        }
        let precision = specification.precision
        switch letter {
        case "f", "F": return Number.fixed(value, digits: precision ?? 6)
        case "%": return Number.fixed(value * 100, digits: precision ?? 6) + "%"
        case "e": return Number.scientific(value, digits: precision ?? 6)
        case "E": return Number.scientific(value, digits: precision ?? 6).uppercased()
        case "g", "n": return general(value, precision ?? 6, keepsZeros: specification.isAlternate)
        case "G": return general(value, precision ?? 6, keepsZeros: specification.isAlternate).uppercased()
        default:
            guard let precision else { return repr(value) }
            let digits = general(value, precision, keepsZeros: false, fixedLimit: precision - 1)
            return digits.contains(".") || digits.contains("e") ? digits : digits + ".0"
        }
    }

    /// C's `%g`: fixed or with an exponent, whichever suits, with `precision` significant digits.
    private func general(_ value: Double, _ precision: Int, keepsZeros: Bool, fixedLimit: Int? = nil) -> String {
        let precision = max(1, precision)
        let scientific = Number.scientific(value, digits: precision - 1)
        let parts = scientific.split(separator: "e")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        func trimmed(_ digits: String) -> String {
            guard !keepsZeros, digits.contains(".") else { return digits }
            var kept = Substring(digits)
            while kept.hasSuffix("0") { kept.removeLast() }
            if kept.hasSuffix(".") { kept.removeLast() }
            return String(kept)
        }
        guard exponent >= -4, exponent < max(1, fixedLimit ?? precision) else {
            return trimmed(String(parts[0])) + "e" + parts[1]
        }
        return trimmed(Number.fixed(value, digits: max(0, precision - 1 - exponent)))
    }

    private func grouped(_ digits: String, by separator: Character) -> String {
        let whole = digits.prefix { $0.isHexDigit }
        var result = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % 3 == 0 { result.append(separator) }
            result.append(digit)
        }
        return result + digits.dropFirst(whole.count)
    }

    private func pad(
        _ sign: String, _ text: Text, _ specification: FormatSpecification, standard: FormatSpecification.Alignment
    ) throws(JinjaError) -> Text {
        let missing = specification.width - text.count - sign.count
        let signed = Text(sign) + text
        guard missing > 0 else { return signed }
        try charge(bytes: text.utf8.count)
        switch specification.alignment ?? standard {
        case .left: return signed + (try fill(missing, specification.fill))
        case .right: return try fill(missing, specification.fill) + signed
        case .center:
            return try fill(missing / 2, specification.fill) + signed + fill(missing - missing / 2, specification.fill)
        case .afterSign: return Text(sign) + (try fill(missing, specification.fill)) + text
        }
    }
}
