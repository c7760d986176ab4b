// Responsible for: counting the fields of a frame before they are decoded: an empty message takes 2 bytes in a frame and
// many times that in memory, and what occurs again and again is copied again and again. Must not know: what fields mean.

/// How often a field with messages, or with several strings, may occur in a frame, and inside of it. Whatever a node
/// takes of others has a rule for each message in it.
struct FieldRule: Sendable {
    let field: UInt64
    let limit: Int
    let name: String
    /// Of the message in it; nil: it is text.
    let inner: [FieldRule]?

    init(_ field: UInt64, _ name: String, atMost limit: Int = 1, _ inner: [FieldRule]? = nil) {
        self.field = field
        self.limit = limit
        self.name = name
        self.inner = inner
    }

    /// Of messages that each may occur once, with single fields.
    static func once(_ fields: [UInt64], in name: String) -> [FieldRule] { fields.map { FieldRule($0, name, []) } }
}

/// A walk over the fields of a frame in protobuf's wire format
/// (https://protobuf.dev/programming-guides/encoding), as far as the rules go. Whatever is malformed is left to the
/// decoder.
enum FrameScan {
    /// A message has so many fields at most that no rule is about. Ours have fewer, once each, and numbers packed: each
    /// time that one comes again, the decoder copies what it has of it.
    static let mostFields = 64

    /// Refuses a frame in which a field occurs more often than its rule allows, or fields of which there is none too often.
    static func check(_ bytes: [UInt8], _ name: String, _ rules: [FieldRule]) throws(WireError) {
        try check(bytes[...], name, rules)
    }

    private static func check(_ bytes: ArraySlice<UInt8>, _ name: String, _ rules: [FieldRule]) throws(WireError) {
        var counts = Array(repeating: 0, count: rules.count)
        var others = 0
        var rest = bytes
        while let tag = varint(&rest) {
            let index = tag & 7 == 2 ? rules.firstIndex { $0.field == tag >> 3 } : nil
            if index == nil { others += 1 }
            if others > mostFields { throw WireError("\(name) has more than \(mostFields) fields") }
            switch tag & 7 {
            case 0: if varint(&rest) == nil { return }
            case 1: rest = rest.dropFirst(8)
            case 5: rest = rest.dropFirst(4)
            case 2:
                guard let length = varint(&rest), length <= UInt64(rest.count) else { return }
                let content = rest.prefix(Int(length))
                rest = rest.dropFirst(Int(length))
                guard let index else { continue }
                counts[index] += 1
                let rule = rules[index]
                if counts[index] > rule.limit {
                    throw WireError("\(rule.name) occurs more than \(rule.limit) times")
                }
                if let inner = rule.inner { try check(content, rule.name, inner) }
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
