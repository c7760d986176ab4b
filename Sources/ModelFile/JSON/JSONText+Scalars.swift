// Texts and numbers of JSON: what their bytes stand for. Knows nothing of lists and objects.

extension JSONText {
    /// What is wrong with a text.
    struct Fault: Error {
        var problem: String

        init(_ problem: String) { self.problem = problem }
    }

    /// The text between two quotes, its escapes replaced.
    func text(_ range: Range<Int>) throws(Fault) -> String {
        let content = bytes[range]
        let hasEscapes = content.contains(UInt8(ascii: "\\"))
        let utf8 = hasEscapes ? try Self.unescaped(content)[...] : content
        guard let text = utf8.withUnsafeBufferPointer({ String(validating: $0, as: UTF8.self) }) else {
            throw Fault("has a text that is not UTF-8")
        }
        return text
    }

    /// As `text`, for what has been checked.
    func checkedText(_ range: Range<Int>) -> String { (try? text(range)) ?? "" }

    /// Whether the text between two quotes is `text`, byte by byte.
    func isText(_ range: Range<Int>, _ text: String) -> Bool {
        let content = bytes[range]
        if content.contains(UInt8(ascii: "\\")) { return ExactString.equal(checkedText(range), text) }
        return content.count == text.utf8.count && content.elementsEqual(text.utf8)
    }

    /// For a table of names; differs from one run of the program to the next.
    func hash(_ range: Range<Int>) -> UInt {
        var hasher = Hasher()
        let content = bytes[range]
        if content.contains(UInt8(ascii: "\\")) {
            Array(checkedText(range).utf8).withUnsafeBytes { hasher.combine(bytes: $0) }
        } else {
            content.withUnsafeBytes { hasher.combine(bytes: $0) }
        }
        return UInt(bitPattern: hasher.finalize())
    }

    /// Whether two texts are the same bytes once their escapes are replaced.
    func areEqual(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        if bytes[left].contains(UInt8(ascii: "\\")) { return isText(right, checkedText(left)) }
        if bytes[right].contains(UInt8(ascii: "\\")) { return isText(left, checkedText(right)) }
        return left.count == right.count && bytes[left].elementsEqual(bytes[right])
    }

    private static func unescaped(_ content: ArraySlice<UInt8>) throws(Fault) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(content.count)
        var index = content.startIndex
        while index < content.endIndex {
            let byte = content[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                result.append(byte)
                continue
            }
            guard index < content.endIndex else { throw Fault("ends inside an escape") }
            let escape = content[index]
            index += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(escape)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                result.append(contentsOf: Array(String(try scalar(in: content, at: &index)).utf8))
            default: throw Fault("has an unknown escape in a text")
            }
        }
        return result
    }

    /// The character of "\uXXXX", or of two of them that are a surrogate pair; `index` is after the "u".
    private static func scalar(in content: ArraySlice<UInt8>, at index: inout Int) throws(Fault) -> Unicode.Scalar {
        let unit = try hexadecimal(in: content, at: &index)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, content.endIndex - index >= 6, content[index] == UInt8(ascii: "\\"),
            content[index + 1] == UInt8(ascii: "u")
        else { throw Fault("has half of a surrogate pair in a text") }
        index += 2
        let second = try hexadecimal(in: content, at: &index)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00))
        else { throw Fault("has half of a surrogate pair in a text") }
        return scalar
    }

    private static func hexadecimal(in content: ArraySlice<UInt8>, at index: inout Int) throws(Fault) -> UInt32 {
        guard content.endIndex - index >= 4 else { throw Fault("ends inside an escape") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(content[index])).hexDigitValue else {
                throw Fault("has an escape without four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }
}

extension JSONText {
    /// The number that some bytes stand for; nil where they are none, or none that is finite.
    func number(_ range: Range<Int>) -> JSONValue? {
        let isFraction = bytes[range].contains { !(0x30...0x39).contains($0) && $0 != UInt8(ascii: "-") }
        guard !isFraction || range.count <= 400 else { return nil }
        let text = String(decoding: bytes[range], as: UTF8.self)
        if !isFraction, let value = Int(text) { return .integer(value) }
        guard range.count <= 400, let value = Double(text), value.isFinite || isPython else { return nil }
        return .number(Self.roundedTwice(text) ?? value)
    }

    /// The value of a decimal fraction as `serde_json` reads it: digits as an integer of 64 bits, then divided by a power
    /// of ten. For more than 15 digits that may be one unit in the last place beside the nearest value, which decides
    /// between equally likely cuts of a text by the scores of a tokenizer. nil: other forms of numbers.
    private static func roundedTwice(_ text: String) -> Double? {
        var digits: UInt64 = 0
        var decimals = 0
        var isFraction = false
        for character in text.utf8 {
            if character == UInt8(ascii: "."), !isFraction {
                isFraction = true
            } else if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) {
                let (tenfold, overflow) = digits.multipliedReportingOverflow(by: 10)
                let (sum, sumOverflow) = tenfold.addingReportingOverflow(UInt64(character - UInt8(ascii: "0")))
                if overflow || sumOverflow {
                    if isFraction { break }
                    return nil
                }
                digits = sum
                if isFraction { decimals += 1 }
            } else if character != UInt8(ascii: "-") {
                return nil
            }
        }
        guard isFraction, decimals <= 22 else { return nil }
        var power = 1.0
        for _ in 0..<decimals { power *= 10 }  // exact up to 1e22
        let value = Double(digits) / power
        return text.utf8.first == UInt8(ascii: "-") ? -value : value
    }
}
