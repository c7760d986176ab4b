// Responsible for: JSON text as a value, objects in their order, so that tools and documents reach a template as written.
// Must not know: templates.

extension Value {
    /// What `json` says; nil where it is not JSON (RFC 8259), is nested more than 100 levels deep, or has fractions beyond
    /// a double or integers of thousands of digits. The last of equal names counts.
    package init?(json: String) {
        var reader = JSONScanner(Array(json.utf8))
        guard let value = reader.value(depth: 0), reader.isAtEnd() else { return nil }
        self = value
    }
}

/// Reads one JSON text.
private struct JSONScanner {
    /// Digits of an integer, at most: as many as Python reads.
    private static let longestInteger = 4300

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    mutating func isAtEnd() -> Bool {
        skipSpace()
        return next == nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func take(_ word: StaticString) -> Bool {
        let wanted = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard bytes[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    mutating func value(depth: Int) -> Value? {
        skipSpace()
        guard depth <= 100, let first = next else { return nil }
        switch first {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return take("null") ? Value.none : nil
        default: return number()
        }
    }

    private mutating func array(depth: Int) -> Value? {
        position += 1
        var items: [Value] = []
        if take(UInt8(ascii: "]")) { return .list(List(items)) }
        repeat {
            guard let item = value(depth: depth + 1) else { return nil }
            items.append(item)
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "]")) ? .list(List(items)) : nil
    }

    private mutating func object(depth: Int) -> Value? {
        position += 1
        var entries: [(Text, Value)] = []
        if take(UInt8(ascii: "}")) { return .dictionary(Mapping(strings: entries)) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\""), let name = string(), take(UInt8(ascii: ":")),
                let value = value(depth: depth + 1)
            else { return nil }
            entries.append((name, value))
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) ? .dictionary(Mapping(strings: entries)) : nil
    }

    private mutating func number() -> Value? {
        let start = position
        while let byte = next, Text.isASCIIAlphanumeric(byte) || "+-.".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        let digits = text.hasPrefix("-") ? text.dropFirst() : Substring(text)
        guard let first = digits.first, first.isASCII, first.isNumber, digits.last?.isNumber == true,
            !(first == "0" && digits.dropFirst().first?.isNumber == true),
            text.allSatisfy({ "0123456789+-.eE".contains($0) })
        else { return nil }
        if let integer = Int(text) { return .int(integer) }
        if digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return digits.utf8.count <= Self.longestInteger ? .wideInt(text) : nil
        }
        guard let number = Double(text), number.isFinite else { return nil }
        return .float(number)
    }

    private mutating func string() -> Text? {
        position += 1
        var result: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return Text(utf8: result)
            case 0..<0x20: return nil
            case UInt8(ascii: "\\"):
                guard let scalar = escaped() else { return nil }
                result += String(Character(scalar)).utf8
            default: result.append(byte)
            }
        }
        return nil
    }

    private mutating func escaped() -> Unicode.Scalar? {
        guard let byte = next else { return nil }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "u"): return unicode()
        default: return nil
        }
    }

    private mutating func unicode() -> Unicode.Scalar? {
        guard let unit = unit() else { return nil }
        guard (0xD800..<0xDC00).contains(unit) else { return Unicode.Scalar(unit) }
        guard take("\\u"), let low = self.unit(), (0xDC00..<0xE000).contains(low) else { return nil }
        return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
    }

    private mutating func unit() -> UInt32? {
        guard position + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for byte in bytes[position..<(position + 4)] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        position += 4
        return value
    }
}
