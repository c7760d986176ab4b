// A JSON document as a value, with lookups whose errors name file and field. Knows nothing of models.

/// A parsed JSON value. Lists and objects are views of the document's bytes.
enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that fits an `Int`.
    case integer(Int)
    /// Any other number; finite, but in a document read as Python does.
    case number(Double)
    case string(String)
    case array(JSONArray)
    case object(JSONObject)

    /// What it is, for messages.
    var kindName: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// A whole number, however it is written.
    var whole: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number itself; of a list of equal numbers, one for each layer, that number. Anything else as it is.
    fileprivate var single: JSONValue {
        guard case .array(let list) = self else { return self }
        var iterator = list.makeIterator()
        guard let first = iterator.next(), let number = first.double else { return self }
        while let next = iterator.next() {
            if next.double != number { return self }
        }
        return first
    }

    private var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}

/// A whole file that `JSONReader` has checked.
final class JSONDocument: Sendable {
    /// Path of the file, for messages.
    let file: String
    let text: JSONText

    init(file: String, text: JSONText) {
        self.file = file
        self.text = text
    }

    /// The value that begins at `position`, which moves behind it.
    fileprivate func value(at position: inout Int) -> JSONValue {
        let start = position
        position = text.end(ofValueAt: start)
        switch text[start] {
        case UInt8(ascii: "\""): return .string(text.checkedText(start + 1..<position - 1))
        case UInt8(ascii: "{"): return .object(JSONObject(self, after: start + 1))
        case UInt8(ascii: "["): return .array(JSONArray(self, after: start + 1))
        case UInt8(ascii: "t"): return .bool(true)
        case UInt8(ascii: "f"): return .bool(false)
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "N"): return .number(.nan)
        case UInt8(ascii: "I"): return .number(.infinity)
        case UInt8(ascii: "-") where text[start + 1] == UInt8(ascii: "I"): return .number(-.infinity)
        default: return text.number(start..<position) ?? .null
        }
    }
}

/// The elements of a JSON list. Each walk reads them anew; so does `count`.
struct JSONArray: Sequence, Sendable {
    private let document: JSONDocument
    /// Behind the opening bracket.
    private let start: Int

    fileprivate init(_ document: JSONDocument, after start: Int) {
        self.document = document
        self.start = start
    }

    static let empty = JSONArray(JSONDocument(file: "", text: JSONText(Array("[]".utf8))), after: 1)

    struct Iterator: IteratorProtocol {
        fileprivate let document: JSONDocument
        fileprivate var position: Int

        mutating func next() -> JSONValue? {
            guard document.text.moveToElement(&position) else { return nil }
            return document.value(at: &position)
        }
    }

    func makeIterator() -> Iterator { Iterator(document: document, position: start) }

    var count: Int { document.text.count(after: start, isObject: false) }
    var isEmpty: Bool {
        var position = start
        return !document.text.moveToElement(&position)
    }

    /// The elements of a list of two; nil for any other.
    var pair: (JSONValue, JSONValue)? {
        var iterator = makeIterator()
        guard let first = iterator.next(), let second = iterator.next() else { return nil }
        return document.text.moveToElement(&iterator.position) ? nil : (first, second)
    }
}

/// The members of a JSON object in their order in the file; of those that have one name, the last.
struct JSONObject: Sendable {
    struct Member: Sendable {
        var name: String
        var value: JSONValue
    }

    /// All members. Each walk reads them anew; so does `count`.
    struct Members: Sequence, Sendable {
        fileprivate let document: JSONDocument
        fileprivate let start: Int

        struct Iterator: IteratorProtocol {
            fileprivate let document: JSONDocument
            fileprivate var position: Int

            mutating func next() -> Member? {
                while document.text.moveToElement(&position) {
                    let isOutdated = document.text.isOutdated(position)
                    let name = document.text.moveToValue(&position)
                    let value = document.value(at: &position)
                    if !isOutdated { return Member(name: document.text.checkedText(name), value: value) }
                }
                return nil
            }
        }

        func makeIterator() -> Iterator { Iterator(document: document, position: start) }

        var count: Int { document.text.count(after: start, isObject: true) }
        var isEmpty: Bool {
            var position = start
            return !document.text.moveToElement(&position)
        }
    }

    private let document: JSONDocument
    /// Behind the opening bracket.
    private let start: Int

    init(_ document: JSONDocument, after start: Int) {
        self.document = document
        self.start = start
    }

    /// Path of the file that it came from, for messages.
    var file: String { document.file }
    var members: Members { Members(document: document, start: start) }

    /// The value under a name; nil where absent. Linear: for objects with few members.
    subscript(name: String) -> JSONValue? {
        var position = start
        while document.text.moveToElement(&position) {
            let isOutdated = document.text.isOutdated(position)
            let candidate = document.text.moveToValue(&position)
            if !isOutdated, document.text.isText(candidate, name) { return document.value(at: &position) }
            position = document.text.end(ofValueAt: position)
        }
        return nil
    }

    /// The value under a name where it is there and not null.
    func present(_ name: String) -> JSONValue? {
        guard let value = self[name] else { return nil }
        if case .null = value { return nil }
        return value
    }

    func integer(_ name: String) throws(ModelFileError) -> Int? {
        guard let value = present(name)?.single else { return nil }
        guard let whole = value.whole else { throw wrong(name, value, "a whole number") }
        return whole
    }

    func number(_ name: String) throws(ModelFileError) -> Double? {
        switch present(name)?.single {
        case nil: return nil
        case .integer(let value): return Double(value)
        case .number(let value): return value
        case let other?: throw wrong(name, other, "a number")
        }
    }

    /// True or false, also written as 1 or 0.
    func bool(_ name: String) throws(ModelFileError) -> Bool? {
        guard let value = present(name) else { return nil }
        if case .bool(let value) = value { return value }
        switch value.whole {
        case 0?: return false
        case 1?: return true
        default: throw wrong(name, value, "true or false")
        }
    }

    func string(_ name: String) throws(ModelFileError) -> String? {
        switch present(name) {
        case nil: return nil
        case .string(let value): return value
        case let other?: throw wrong(name, other, "a text")
        }
    }

    func array(_ name: String) throws(ModelFileError) -> JSONArray? {
        switch present(name) {
        case nil: return nil
        case .array(let value): return value
        case let other?: throw wrong(name, other, "a list")
        }
    }

    func object(_ name: String) throws(ModelFileError) -> JSONObject? {
        switch present(name) {
        case nil: return nil
        case .object(let value): return value
        case let other?: throw wrong(name, other, "an object")
        }
    }

    /// A field that must be there.
    func required<Value>(_ name: String, _ value: Value?) throws(ModelFileError) -> Value {
        guard let value else { throw ModelFileError(.missing, file: file, field: name, "is missing") }
        return value
    }

    func wrong(_ name: String, _ value: JSONValue, _ expected: String) -> ModelFileError {
        ModelFileError(.malformed, file: file, field: name, value: value.kindName, "must be \(expected)")
    }
}
