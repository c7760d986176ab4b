// Responsible for: counting the repeated messages of a frame before they are decoded: an empty one takes 2 bytes in a
// frame and many times that in memory. Must not know: what the fields mean.

/// How often a field with messages or strings may occur in a frame, and inside of it.
struct FieldRule: Sendable {
    let field: UInt64
    let limit: Int
    let name: String
    let inner: [FieldRule]

    init(_ field: UInt64, _ name: String, atMost limit: Int = 1, _ inner: [FieldRule] = []) {
        self.field = field
        self.limit = limit
        self.name = name
        self.inner = inner
    }
}

/// A walk over the fields of a frame in protobuf's wire format
/// (https://protobuf.dev/programming-guides/encoding), as far as the rules go. Whatever is malformed is left to the
/// decoder.
enum FrameScan {
    /// Refuses a frame in which a field occurs more often than its rule allows.
    static func check(_ bytes: [UInt8], _ rules: [FieldRule]) throws(WireError) {
        try check(bytes[...], rules)
    }

    private static func check(_ bytes: ArraySlice<UInt8>, _ rules: [FieldRule]) throws(WireError) {
        var counts = Array(repeating: 0, count: rules.count)
        var rest = bytes
        while let tag = varint(&rest) {
            switch tag & 7 {
            case 0: if varint(&rest) == nil { return }
            case 1: rest = rest.dropFirst(8)
            case 5: rest = rest.dropFirst(4)
            case 2:
                guard let length = varint(&rest), length <= UInt64(rest.count) else { return }
                let content = rest.prefix(Int(length))
                rest = rest.dropFirst(Int(length))
                guard let index = rules.firstIndex(where: { $0.field == tag >> 3 }) else { continue }
                counts[index] += 1
                let rule = rules[index]
                if counts[index] > rule.limit {
                    throw WireError("\(rule.name) occurs more than \(rule.limit) times")
                }
                try check(content, rule.inner)
            case 3, 4: continue  // A group's fields are walked as if they stood here.
            default: return
            }
        }
    }

    private static func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
