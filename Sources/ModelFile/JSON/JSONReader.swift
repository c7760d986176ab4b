// Checks JSON (RFC 8259) from untrusted bytes: bounded depth, bounded number of values, no name twice in an object where
// it is not read as Python does.
// Knows nothing of what the documents mean.
//
// Not Foundation's reader, for four reasons: it lets the last of two equal names win (two tensors under one name must
// be refused), it loses the order and takes canonically equivalent names for equal (vocabularies hold both), it cannot
// be told how much it may allocate, and it takes twice the time and memory for a tokenizer.json of 20 MB.

struct JSONReader {
    /// The whole file, and the ends of the values that have been checked.
    private var text: JSONText
    private let file: String
    private var position = 0
    private var valuesLeft = FileLimits.jsonValues
    /// A hash table of the names of one object: where each begins, 0 for a free slot. Kept for the next object.
    private var slots: [UInt32] = []

    private init(_ bytes: [UInt8], file: String, asPython: Bool) {
        text = JSONText(bytes, isPython: asPython)
        self.file = file
    }

    /// Parses the whole of a file, which must be one JSON object of at most `limit` bytes.
    static func object(
        in source: any ByteSource, limit: Int, asPython: Bool = false
    ) throws(ModelFileError) -> JSONObject {
        try source.refuseStandIn()
        return try object(source.content(limit: limit), file: source.name, asPython: asPython)
    }

    /// Parses bytes, which must be one JSON object and nothing else. Takes at most twice their size beside them, and
    /// gives back all but half of it. `asPython`: as the `json` of Python takes it, which knows NaN, Infinity and
    /// -Infinity, and lets the last of equal names count.
    static func object(
        _ bytes: [UInt8], file: String, asPython: Bool = false
    ) throws(ModelFileError) -> JSONObject {
        var reader = JSONReader(bytes, file: file, asPython: asPython)
        guard bytes.count < Int(UInt32.max) else { throw reader.limit("size", Int(UInt32.max)) }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { reader.position = 3 }
        reader.skipSpace()
        let start = reader.position
        try reader.checkValue(depth: 0)
        reader.skipSpace()
        guard reader.position == bytes.count else { throw reader.malformed("has something after its end") }
        guard bytes[start] == UInt8(ascii: "{") else { throw reader.malformed("must be a JSON object") }
        return JSONObject(JSONDocument(file: file, text: reader.text), after: start + 1)
    }

    private mutating func checkValue(depth: Int) throws(ModelFileError) {
        guard depth <= FileLimits.jsonDepth else {
            throw limit("nesting", FileLimits.jsonDepth)
        }
        guard valuesLeft > 0 else { throw limit("number of values", FileLimits.jsonValues) }
        valuesLeft -= 1
        skipSpace()
        switch text[position] {
        case UInt8(ascii: "\""): try checkText()
        case UInt8(ascii: "{"): try checkObject(depth: depth)
        case UInt8(ascii: "["): try checkArray(depth: depth)
        case UInt8(ascii: "N") where text.isPython: try checkLiteral("NaN")
        case UInt8(ascii: "I") where text.isPython: try checkLiteral("Infinity")
        case UInt8(ascii: "-") where text.isPython && text[position + 1] == UInt8(ascii: "I"):
            try checkLiteral("-Infinity")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try checkNumber()
        case UInt8(ascii: "t"): try checkLiteral("true")
        case UInt8(ascii: "f"): try checkLiteral("false")
        case UInt8(ascii: "n"): try checkLiteral("null")
        default: throw malformed("is not JSON")
        }
    }

    private mutating func checkObject(depth: Int) throws(ModelFileError) {
        let start = position
        position += 1
        var count = 0
        if try !closes(UInt8(ascii: "}")) {
            repeat {
                skipSpace()
                guard text[position] == UInt8(ascii: "\"") else { throw malformed("lacks a name in quotes") }
                try checkText()
                skipSpace()
                guard take(UInt8(ascii: ":")) else { throw malformed("lacks a colon") }
                try checkValue(depth: depth + 1)
                count += 1
            } while try separates(UInt8(ascii: "}"))
        }
        if let name = firstDuplicate(after: start + 1, count: count) {
            throw ModelFileError(.duplicate, file: file, field: name, "occurs twice in one JSON object")
        }
        text.note(start: start, end: position)
    }

    /// The first of an object's names that stands there before; nil where all differ.
    private mutating func firstDuplicate(after bracket: Int, count: Int) -> String? {
        guard count > 1 else { return nil }
        let size = count + count / 2 + 1
        if slots.count < size {
            slots = []  // gone before the next is made
            slots = Array(repeating: 0, count: size)
        } else {
            for index in 0..<size { slots[index] = 0 }
        }
        var position = bracket
        while text.moveToElement(&position) {
            let start = position
            let name = text.moveToValue(&position)
            position = text.end(ofValueAt: position)
            var slot = Int(text.hash(name).multipliedFullWidth(by: UInt(size)).high)
            while slots[slot] != 0 {
                var other = Int(slots[slot])
                if text.areEqual(text.moveToValue(&other), name) {
                    guard text.isPython, text.outdate(Int(slots[slot])) else { return text.checkedText(name) }
                    break
                }
                slot = slot + 1 == size ? 0 : slot + 1
            }
            slots[slot] = UInt32(start)
        }
        return nil
    }

    private mutating func checkArray(depth: Int) throws(ModelFileError) {
        let start = position
        position += 1
        if try !closes(UInt8(ascii: "]")) {
            repeat { try checkValue(depth: depth + 1) } while try separates(UInt8(ascii: "]"))
        }
        text.note(start: start, end: position)
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

    private mutating func checkLiteral(_ name: StaticString) throws(ModelFileError) {
        for index in 0..<name.utf8CodeUnitCount {
            guard take(name.utf8Start[index]) else { throw malformed("is not JSON") }
        }
    }

    private mutating func checkNumber() throws(ModelFileError) {
        let start = position
        scan: while true {
            switch text[position] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"),
                UInt8(ascii: "E"), UInt8(ascii: "+"):
                position += 1
            default: break scan
            }
        }
        guard text.number(start..<position) != nil else { throw malformed("has a number that cannot be read") }
    }

    private mutating func checkText() throws(ModelFileError) {
        let start = position
        position += 1
        var isPlain = true
        scan: while true {
            switch text[position] {
            case UInt8(ascii: "\""): break scan
            case UInt8(ascii: "\\"):
                isPlain = false
                position += 2
            case 0..<0x20:
                throw malformed(
                    position < text.bytes.count ? "has a control character inside a text" : "ends inside a text")
            case 0x80...:
                isPlain = false
                position += 1
            default: position += 1
            }
        }
        position += 1
        text.note(start: start, end: position)
        if isPlain { return }
        do throws(JSONText.Fault) {
            _ = try text.text(start + 1..<position - 1)
        } catch {
            throw malformed(error.problem)
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < text.bytes.count, text.bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() { position = text.skippingSpace(from: position) }

    private func malformed(_ problem: String) -> ModelFileError {
        ModelFileError(.malformed, file: file, field: "byte \(min(position, text.bytes.count))", problem)
    }

    private func limit(_ field: String, _ limit: Int) -> ModelFileError {
        ModelFileError(.limitExceeded, file: file, field: field, "is above the limit of \(limit)")
    }
}
