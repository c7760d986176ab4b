// Responsible for: the fields of a protobuf message without its schema, so that any of them can be changed. Must not know:
// which messages there are.

/// A field as it stands in the bytes (https://protobuf.dev/programming-guides/encoding).
package struct ProtobufField {
    /// What a field holds, by its type on the wire.
    package indirect enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        /// A text, packed numbers, or what is no message.
        case bytes([UInt8])
        case message([ProtobufField])
    }

    package var number: UInt64
    package var value: Value

    package init(number: UInt64, value: Value) { (self.number, self.value) = (number, value) }

    /// All fields; nil where the bytes are no message. What may be one inside is taken for one.
    package static func parse(_ bytes: ArraySlice<UInt8>) -> [ProtobufField]? { parse(bytes, depth: 0) }

    private static func parse(_ bytes: ArraySlice<UInt8>, depth: Int) -> [ProtobufField]? {
        var (rest, fields): (ArraySlice<UInt8>, [ProtobufField]) = (bytes, [])
        while !rest.isEmpty {
            guard let tag = takeVarint(&rest), (1...1000).contains(tag >> 3) else { return nil }
            let value: Value
            switch tag & 7 {
            case 0:
                guard let number = takeVarint(&rest) else { return nil }
                value = .varint(number)
            case 1:
                guard let number = takeFixed(&rest, bytes: 8) else { return nil }
                value = .fixed64(number)
            case 2:
                guard let length = takeVarint(&rest), length <= rest.count else { return nil }
                let content = rest.prefix(Int(length))
                rest = rest.dropFirst(Int(length))
                let inner = depth < 8 && !content.isEmpty ? parse(content, depth: depth + 1) : nil
                value = inner.map { .message($0) } ?? .bytes(Array(content))
            case 5:
                guard let number = takeFixed(&rest, bytes: 4) else { return nil }
                value = .fixed32(UInt32(truncatingIfNeeded: number))
            default: return nil
            }
            fields.append(ProtobufField(number: tag >> 3, value: value))
        }
        return fields
    }

    /// The bytes of a message with these fields.
    package static func bytes(_ fields: [ProtobufField]) -> [UInt8] {
        var result: [UInt8] = []
        for field in fields {
            switch field.value {
            case .varint(let number): result += varint(field.number << 3) + varint(number)
            case .fixed64(let number): result += varint(field.number << 3 | 1) + fixed(number, bytes: 8)
            case .fixed32(let number): result += varint(field.number << 3 | 5) + fixed(UInt64(number), bytes: 4)
            case .bytes(let content):
                result += varint(field.number << 3 | 2) + varint(UInt64(content.count)) + content
            case .message(let fields):
                let content = bytes(fields)
                result += varint(field.number << 3 | 2) + varint(UInt64(content.count)) + content
            }
        }
        return result
    }

    static func varint(_ number: UInt64) -> [UInt8] {
        var (rest, bytes): (UInt64, [UInt8]) = (number, [])
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func fixed(_ number: UInt64, bytes count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
    }

    private static func takeVarint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
        }
        return nil
    }

    private static func takeFixed(_ rest: inout ArraySlice<UInt8>, bytes count: Int) -> UInt64? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
