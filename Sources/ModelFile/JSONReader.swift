// Reads JSON (RFC 8259) from untrusted bytes: bounded depth, bounded number of values, no name twice in an object.
// Knows nothing of what the documents mean.
//
// Not Foundation's reader, for four reasons: it lets the last of two equal names win (two tensors under one name must
// be refused), it loses the order and takes canonically equivalent names for equal (vocabularies hold both), it cannot
// be told how much it may allocate, and it takes twice the time and memory for a tokenizer.json of 20 MB.

struct JSONReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let file: String
    private var position = 0
    private var valuesLeft = Limits.jsonValues

    private init(_ bytes: UnsafeBufferPointer<UInt8>, file: String) {
        self.bytes = bytes
        self.file = file
    }

    /// Parses the whole of a file, which must be one JSON object of at most `limit` bytes.
    static func object(in source: any ByteSource, limit: Int) throws(ModelFileError) -> JSONObject {
        try object(source.content(limit: limit), file: source.name)
    }

    /// Parses bytes, which must be one JSON object and nothing else.
    static func object(_ bytes: [UInt8], file: String) throws(ModelFileError) -> JSONObject {
        try bytes.withUnsafeBufferPointer { (buffer) throws(ModelFileError) -> JSONObject in
            var reader = JSONReader(buffer, file: file)
            reader.skipByteOrderMark()
            let value = try reader.value(depth: 0)
            reader.skipSpace()
            guard reader.position == buffer.count else { throw reader.malformed("has something after its end") }
            guard case .object(let object) = value else { throw reader.malformed("must be a JSON object") }
            return object
        }
    }

    private mutating func value(depth: Int) throws(ModelFileError) -> JSONValue {
        guard depth <= Limits.jsonDepth else {
            throw limit("nesting", Limits.jsonDepth)
        }
        guard valuesLeft > 0 else { throw limit("number of values", Limits.jsonValues) }
        valuesLeft -= 1
        skipSpace()
        switch peek {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: throw malformed("is not JSON")
        }
    }

    private mutating func object(depth: Int) throws(ModelFileError) -> JSONValue {
        position += 1
        var members: [JSONObject.Member] = []
        if try !closes(UInt8(ascii: "}")) {
            repeat {
                skipSpace()
                guard peek == UInt8(ascii: "\"") else { throw malformed("lacks a name in quotes") }
                let name = try string()
                skipSpace()
                guard take(UInt8(ascii: ":")) else { throw malformed("lacks a colon") }
                members.append(.init(name: name, value: try value(depth: depth + 1)))
            } while try separates(UInt8(ascii: "}"))
        }
        if let name = ExactString.firstDuplicate(in: members, by: \.name) {
            throw ModelFileError(.duplicate, file: file, field: name, "occurs twice in one JSON object")
        }
        return .object(JSONObject(file: file, members: members))
    }

    private mutating func array(depth: Int) throws(ModelFileError) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        if try !closes(UInt8(ascii: "]")) {
            repeat {
                elements.append(try value(depth: depth + 1))
            } while try separates(UInt8(ascii: "]"))
        }
        return .array(elements)
    }

    /// True after the closing character of an empty list or object.
    private mutating func closes(_ end: UInt8) throws(ModelFileError) -> Bool {
        skipSpace()
        return take(end)
    }

    /// True after a comma, false after the closing character.
    private mutating func separates(_ end: UInt8) throws(ModelFileError) -> Bool {
        skipSpace()
        if take(UInt8(ascii: ",")) { return true }
        guard take(end) else { throw malformed("lacks a comma or a closing bracket") }
        return false
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(ModelFileError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard take(text.utf8Start[index]) else { throw malformed("is not JSON") }
        }
        return value
    }

    private mutating func number() throws(ModelFileError) -> JSONValue {
        let start = position
        var isWhole = true
        scan: while true {
            switch peek {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"): isWhole = false
            default: break scan
            }
            position += 1
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int(text) { return .integer(value) }
        guard position - start <= 400, let value = Double(text), value.isFinite else {
            throw malformed("has a number that cannot be read")
        }
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

    private mutating func string() throws(ModelFileError) -> String {
        position += 1
        let start = position
        var hasEscapes = false
        while true {
            switch peek {
            case UInt8(ascii: "\""):
                let content = bytes[start..<position]
                position += 1
                if hasEscapes { return try unescaped(content) }
                return try utf8(content)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                position += 2
            case 0..<0x20:
                throw malformed(
                    position < bytes.count ? "has a control character inside a text" : "ends inside a text")
            default: position += 1
            }
        }
    }

    private func utf8(_ bytes: some Collection<UInt8>) throws(ModelFileError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw malformed("has a text that is not UTF-8")
        }
        return text
    }

    /// The next byte; 0, which JSON has nowhere, at the end.
    private var peek: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while peek == 0x20 || peek == 0x0A || peek == 0x0D || peek == 0x09 { position += 1 }
    }

    private mutating func skipByteOrderMark() {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    private func malformed(_ problem: String) -> ModelFileError {
        ModelFileError(.malformed, file: file, field: "byte \(min(position, bytes.count))", problem)
    }

    private func limit(_ field: String, _ limit: Int) -> ModelFileError {
        ModelFileError(.limitExceeded, file: file, field: field, "is above the limit of \(limit)")
    }
}

extension JSONReader {
    /// Replaces the escapes of a text whose end is known.
    private func unescaped(_ content: Slice<UnsafeBufferPointer<UInt8>>) throws(ModelFileError) -> String {
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
            guard index < content.endIndex else { throw malformed("ends inside an escape") }
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
            default: throw malformed("has an unknown escape in a text")
            }
        }
        return try utf8(result)
    }

    /// The character of "\uXXXX", or of two of them that are a surrogate pair; `index` is after the "u".
    private func scalar(
        in content: Slice<UnsafeBufferPointer<UInt8>>, at index: inout Int
    ) throws(ModelFileError) -> Unicode.Scalar {
        let unit = try hexadecimal(in: content, at: &index)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, content.endIndex - index >= 6, content[index] == UInt8(ascii: "\\"),
            content[index + 1] == UInt8(ascii: "u")
        else { throw malformed("has half of a surrogate pair in a text") }
        index += 2
        let second = try hexadecimal(in: content, at: &index)
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (second - 0xDC00))
        else { throw malformed("has half of a surrogate pair in a text") }
        return scalar
    }

    private func hexadecimal(
        in content: Slice<UnsafeBufferPointer<UInt8>>, at index: inout Int
    ) throws(ModelFileError) -> UInt32 {
        guard content.endIndex - index >= 4 else { throw malformed("ends inside an escape") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(content[index])).hexDigitValue else {
                throw malformed("has an escape without four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }
}
