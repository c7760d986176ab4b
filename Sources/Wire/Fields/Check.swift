// Responsible for: the checks every decoder uses, each naming message, field and value. Must not know: single messages.

import FoundationEssentials
import Sequences
import SwiftProtobuf

/// The fields of one message being decoded.
struct Check {
    let message: String
    init(_ message: String) { self.message = message }

    /// `value` as an Int of 0 ... limit (or from another lowest value).
    func count(_ value: some BinaryInteger, _ field: String, from lowest: Int = 0, to limit: Int) throws(WireError)
        -> Int
    {
        guard let number = Int(exactly: value), (lowest...max(lowest, limit)).contains(number) else {
            throw WireError("\(message).\(field) is \(value), but must be \(lowest) to \(limit)")
        }
        return number
    }

    /// An array no longer than `limit`.
    func array<Element>(_ values: [Element], _ field: String, atMost limit: Int) throws(WireError) -> [Element] {
        if values.count > limit {
            throw WireError("\(message).\(field) has \(values.count) entries; at most \(limit) are allowed")
        }
        return values
    }

    /// A number that needs no place in memory, up to `limit`.
    func number(_ value: UInt64, _ field: String, to limit: UInt64) throws(WireError) -> UInt64 {
        if value > limit { throw WireError("\(message).\(field) is \(value), but must be 0 to \(limit)") }
        return value
    }

    /// What a peer or a model is called: one line of no more than `Limits.nameBytes` that moves no cursor.
    func name(_ value: String, _ field: String) throws(WireError) -> String {
        if !(try string(value, field, atMost: Limits.nameBytes)).isPrintable {
            throw WireError("\(message).\(field) has characters that cannot be shown")
        }
        return value
    }

    /// Where a peer listens; empty: nowhere.
    func endpoint(_ value: String, _ field: String) throws(WireError) -> String {
        let isOne = try string(value, field, atMost: Limits.endpointBytes).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        if !isOne { throw WireError("\(message).\(field) is no endpoint") }
        return value
    }

    /// A sentence for a person, of no more than `limit` bytes. What would be a command to a terminal is a space.
    func text(_ value: String, _ field: String, atMost limit: Int = Limits.sentenceBytes) throws(WireError) -> String {
        try string(value, field, atMost: limit).printable
    }

    /// A string of no more than `limit` bytes.
    func string(_ value: String, _ field: String, atMost limit: Int) throws(WireError) -> String {
        if value.utf8.count > limit {
            throw WireError("\(message).\(field) has \(value.utf8.count) bytes; at most \(limit) are allowed")
        }
        return value
    }

    /// The same of what travels as bytes, as the decoder of strings takes many times as long.
    func longText(_ value: Data, _ field: String, atMost limit: Int) throws(WireError) -> String {
        if value.count > limit {
            throw WireError("\(message).\(field) has \(value.count) bytes; at most \(limit) are allowed")
        }
        guard let text = String(validating: value, as: UTF8.self) else {
            throw WireError("\(message).\(field) is not UTF-8")
        }
        return text
    }

    /// Token and block ids: not negative.
    func ids(_ values: [Int32], _ field: String, atMost limit: Int) throws(WireError) -> [Int32] {
        if let bad = try array(values, field, atMost: limit).first(where: { $0 < 0 }) {
            throw WireError("\(message).\(field) has \(bad); ids are not negative")
        }
        return values
    }

    func id(_ value: Int32, _ field: String) throws(WireError) -> Int32 {
        if value < 0 { throw WireError("\(message).\(field) is \(value); ids are not negative") }
        return value
    }

    func finite<Value: BinaryFloatingPoint>(_ value: Value, _ field: String) throws(WireError) -> Value {
        if !value.isFinite { throw WireError("\(message).\(field) is \(value), not a number") }
        return value
    }

    /// A number in a range, which not-a-number is not.
    func number(_ value: Double, _ field: String, in range: ClosedRange<Double>) throws(WireError) -> Double {
        guard range.contains(value) else {
            throw WireError(
                "\(message).\(field) is \(value), but must be \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// How fast something is; 0: not known.
    func speed(_ value: Double, _ field: String, in range: ClosedRange<Double>) throws(WireError) -> Double {
        value == 0 ? 0 : try number(value, field, in: range)
    }

    /// What a sampler can give: -infinity up to 0, give or take what rounding does.
    func logProbability(_ value: Float, _ field: String) throws(WireError) -> Float {
        guard value <= Limits.logProbability else {
            throw WireError("\(message).\(field) is \(value), which is no log-probability")
        }
        return value
    }

    func logProbabilities(_ values: [Float], _ field: String, atMost limit: Int) throws(WireError) -> [Float] {
        for value in try array(values, field, atMost: limit) { _ = try logProbability(value, field) }
        return values
    }

    /// Layers `lower ..< upper`, at least `least` of them.
    func layers(_ lower: UInt32, _ upper: UInt32, least: Int) throws(WireError) -> Range<Int> {
        let first = try count(lower, "firstLayer", to: Limits.layers)
        return first..<(try count(upper, "endLayer", from: first + least, to: Limits.layers))
    }

    func hash(_ bytes: some Sequence<UInt8>, _ field: String) throws(WireError) -> ContentHash {
        guard let hash = ContentHash(bytes) else { throw WireError("\(message).\(field) is no SHA-256") }
        return hash
    }

    /// A key, or none where there are no bytes.
    func key(_ bytes: some Collection<UInt8>, _ field: String) throws(WireError) -> NodeKey? {
        if bytes.isEmpty { return nil }
        guard let key = NodeKey(bytes) else {
            throw WireError("\(message).\(field) has \(bytes.count) bytes, not \(NodeKey.byteCount)")
        }
        return key
    }

    func missing() -> WireError { WireError("\(message) is empty or of an unknown kind") }
}

/// The protobuf message of a frame no longer than `limit`, its repeated fields counted before.
func decodeFrame<Message: SwiftProtobuf.Message>(
    _ type: Message.Type, _ name: String, _ bytes: [UInt8], atMost limit: Int, _ rules: [FieldRule] = []
) throws(WireError) -> Message {
    if bytes.count > limit {
        throw WireError("a \(name) frame has \(bytes.count) bytes; at most \(limit) are allowed")
    }
    try FrameScan.check(bytes, name, rules)
    var options = BinaryDecodingOptions()
    // It would keep them in one piece that it copies for each.
    options.discardUnknownFields = true
    do {
        return try Message(serializedBytes: bytes, options: options)
    } catch {
        throw WireError("a \(name) frame is malformed")
    }
}

/// The frame of a protobuf message, all of whose fields are set by us.
func encodeFrame(_ message: some SwiftProtobuf.Message) -> [UInt8] {
    guard let bytes: [UInt8] = try? message.serializedBytes() else {
        preconditionFailure("a proto3 message without required fields has a frame")
    }
    return bytes
}

/// A speed as receivers allow it; 0: not known.
func clipped(speed: Double, to range: ClosedRange<Double>) -> Double {
    speed > 0 ? min(max(speed, range.lowerBound), range.upperBound) : 0
}

/// What is predicted or measured, as receivers allow it.
func clipped(figure: Double) -> Double {
    figure > Limits.figures.lowerBound ? min(figure, Limits.figures.upperBound) : Limits.figures.lowerBound
}

/// A name as receivers allow it.
func named(_ name: String) -> String { clipped(name.printable, to: Limits.nameBytes) }

/// A sentence cut to the length that its receiver allows.
func clipped(_ sentence: String, to limit: Int = Limits.sentenceBytes) -> String {
    if sentence.utf8.count <= limit { return sentence }
    var end = sentence.utf8.index(sentence.startIndex, offsetBy: limit)
    while end.samePosition(in: sentence.unicodeScalars) == nil { end = sentence.utf8.index(before: end) }
    return String(sentence[..<end])
}
