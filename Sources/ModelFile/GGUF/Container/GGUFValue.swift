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
        case .numbers(let numbers) where (1...8).contains(numbers.count):
            "[" + (0..<numbers.count).map { numbers[$0].kindName }.joined(separator: ", ") + "]"
        case .strings, .numbers, .arrays: "a list"
        }
    }

    /// A whole number, of whatever type.
    var whole: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
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

    /// A number of any type; nil for true and false.
    func number(_ index: Int) -> Double? {
        switch self[index] {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// A whole number of any type; nil for others.
    func whole(_ index: Int) -> Int? { self[index].whole }

    /// The value that all elements have; nil where they differ, or where there are none.
    var common: GGUFValue? {
        let size = type.byteCount ?? 1
        guard count > 0, bytes.dropFirst(size).elementsEqual(bytes.dropLast(size)) else { return nil }
        return self[0]
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
        guard let value = try single(key) else { return nil }
        guard let whole = value.whole else { throw wrong(key, value, "a whole number") }
        return whole
    }

    func number(_ key: String) throws(ModelFileError) -> Double? {
        switch try single(key) {
        case nil: return nil
        case .integer(let value): return Double(value)
        case .number(let value): return value
        case let other?: throw wrong(key, other, "a number")
        }
    }

    func bool(_ key: String) throws(ModelFileError) -> Bool? {
        guard let value = try single(key) else { return nil }
        if case .bool(let value) = value { return value }
        switch value.whole {
        case 0?: return false
        case 1?: return true
        default: throw wrong(key, value, "true or false")
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
        case .numbers(let list) where list.count == 0: return []  // some writers give empty lists any type
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

    /// A value; of a list of equal ones, one for each layer, that one.
    private func single(_ key: String) throws(ModelFileError) -> GGUFValue? {
        guard case .numbers(let list)? = values[key] else { return values[key] }
        guard let value = list.common else {
            throw ModelFileError(
                .unsupported, file: file, field: key, value: GGUFValue.numbers(list).kindName,
                "must be one number: values that differ from layer to layer are not supported here")
        }
        return value
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
