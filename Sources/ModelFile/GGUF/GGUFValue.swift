// The values of a GGUF file's metadata. Knows nothing of what they mean.

/// Type numbers of metadata values (GGUF specification, `gguf_metadata_value_type`).
enum GGUFValueType: UInt32 {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// Bytes of a value with a fixed size.
    var byteCount: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }
}

/// A metadata value.
enum GGUFValue: Sendable {
    case integer(Int)
    /// A float, or an unsigned integer that does not fit an `Int`.
    case number(Double)
    case bool(Bool)
    case string(String)
    case strings([String])
    case numbers(GGUFNumbers)
    case arrays([GGUFValue])

    /// What it is, for messages.
    var kindName: String {
        switch self {
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .strings, .numbers, .arrays: "a list"
        }
    }
}

/// A list of numbers or booleans as it lies in the file, so that it takes no more memory than there.
struct GGUFNumbers: Sendable {
    let type: GGUFValueType
    let bytes: [UInt8]

    var count: Int { bytes.count / (type.byteCount ?? 1) }

    subscript(index: Int) -> GGUFValue {
        bytes.withUnsafeBytes { bytes in
            let offset = index * (type.byteCount ?? 1)
            func load<Value: FixedWidthInteger>(_: Value.Type) -> Value {
                Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
            }
            switch type {
            case .uint8: return .integer(Int(load(UInt8.self)))
            case .int8: return .integer(Int(load(Int8.self)))
            case .uint16: return .integer(Int(load(UInt16.self)))
            case .int16: return .integer(Int(load(Int16.self)))
            case .uint32: return .integer(Int(load(UInt32.self)))
            case .int32: return .integer(Int(load(Int32.self)))
            case .int64: return .integer(Int(load(Int64.self)))
            case .uint64:
                let value = load(UInt64.self)
                return Int(exactly: value).map { .integer($0) } ?? .number(Double(value))
            case .float32: return .number(Double(Float(bitPattern: load(UInt32.self))))
            case .float64: return .number(Double(bitPattern: load(UInt64.self)))
            case .bool: return .bool(load(UInt8.self) != 0)
            case .string, .array: preconditionFailure("lists of numbers hold numbers")
            }
        }
    }
}

/// The metadata of a GGUF file, with lookups whose errors name file and key.
struct GGUFMetadata: Sendable {
    /// Where the value of a key lies in the file, the number of its type included.
    struct Place: Sendable {
        var key: String
        var offset: Int
        var byteCount: Int
    }

    let file: String
    var values: [String: GGUFValue] = [:]
    /// In the file's order.
    var places: [Place] = []

    func integer(_ key: String) throws(ModelFileError) -> Int? {
        switch values[key] {
        case nil: return nil
        case .integer(let value): return value
        case let other?: throw wrong(key, other, "a whole number")
        }
    }

    func number(_ key: String) throws(ModelFileError) -> Double? {
        switch values[key] {
        case nil: return nil
        case .integer(let value): return Double(value)
        case .number(let value): return value
        case let other?: throw wrong(key, other, "a number")
        }
    }

    func bool(_ key: String) throws(ModelFileError) -> Bool? {
        switch values[key] {
        case nil: return nil
        case .bool(let value): return value
        case let other?: throw wrong(key, other, "true or false")
        }
    }

    func string(_ key: String) throws(ModelFileError) -> String? {
        switch values[key] {
        case nil: return nil
        case .string(let value): return value
        case let other?: throw wrong(key, other, "a text")
        }
    }

    func strings(_ key: String) throws(ModelFileError) -> [String]? {
        switch values[key] {
        case nil: return nil
        case .strings(let value): return value
        case let other?: throw wrong(key, other, "a list of texts")
        }
    }

    func numbers(_ key: String) throws(ModelFileError) -> GGUFNumbers? {
        switch values[key] {
        case nil: return nil
        case .numbers(let value): return value
        case let other?: throw wrong(key, other, "a list of numbers")
        }
    }

    /// A field that must be there.
    func required<Value>(_ key: String, _ value: Value?) throws(ModelFileError) -> Value {
        guard let value else { throw ModelFileError(.missing, file: file, field: key, "is missing") }
        return value
    }

    func wrong(_ key: String, _ value: GGUFValue, _ expected: String) -> ModelFileError {
        ModelFileError(.malformed, file: file, field: key, value: value.kindName, "must be \(expected)")
    }
}
