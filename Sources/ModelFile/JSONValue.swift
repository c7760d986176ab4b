// A JSON document as a value, with lookups whose errors name file and field. Knows nothing of models.

/// A parsed JSON value.
enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that fits an `Int`.
    case integer(Int)
    /// Any other number; finite.
    case number(Double)
    case string(String)
    case array([JSONValue])
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
}

/// The members of a JSON object in their order in the file; no name occurs twice.
struct JSONObject: Sendable {
    struct Member: Sendable {
        var name: String
        var value: JSONValue
    }

    /// Path of the file that it came from, for messages.
    let file: String
    var members: [Member]

    /// The value under a name; nil where absent. Linear: for objects with few members.
    subscript(name: String) -> JSONValue? {
        members.first { $0.name == name }?.value
    }

    /// The value under a name where it is there and not null.
    func present(_ name: String) -> JSONValue? {
        guard let value = self[name] else { return nil }
        if case .null = value { return nil }
        return value
    }

    func integer(_ name: String) throws(ModelFileError) -> Int? {
        switch present(name) {
        case nil: return nil
        case .integer(let value): return value
        case .number(let value):
            guard let whole = Int(exactly: value) else { throw wrong(name, .number(value), "a whole number") }
            return whole
        case let other?: throw wrong(name, other, "a whole number")
        }
    }

    func number(_ name: String) throws(ModelFileError) -> Double? {
        switch present(name) {
        case nil: return nil
        case .integer(let value): return Double(value)
        case .number(let value): return value
        case let other?: throw wrong(name, other, "a number")
        }
    }

    func bool(_ name: String) throws(ModelFileError) -> Bool? {
        switch present(name) {
        case nil: return nil
        case .bool(let value): return value
        case let other?: throw wrong(name, other, "true or false")
        }
    }

    func string(_ name: String) throws(ModelFileError) -> String? {
        switch present(name) {
        case nil: return nil
        case .string(let value): return value
        case let other?: throw wrong(name, other, "a text")
        }
    }

    func array(_ name: String) throws(ModelFileError) -> [JSONValue]? {
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
