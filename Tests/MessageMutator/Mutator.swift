// Responsible for: what is changed in a message that was right. Must not know: what it says.

/// Changes messages at random, the same way from the same seed.
package struct Mutator {
    private var state: UInt64
    /// Numbers that mean something where the messages go: epochs, steps, ids.
    package var known: [UInt64] = []

    package init(seed: UInt64) { state = seed }

    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    package mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(1, limit))) }

    /// True one time in `count`.
    package mutating func once(in count: Int) -> Bool { below(count) == 0 }

    package mutating func element<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    package mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    /// The frames of a message: a header that is protobuf, and raw frames. Some stay as they are.
    package mutating func spoil(_ frames: [[UInt8]]) -> [[UInt8]] {
        var frames = frames
        if once(in: 8) { return frames }
        if !once(in: 8) { _ = spoilFields(&frames[0]) }
        if once(in: 8) { spoilBytes(&frames[0]) }
        if once(in: 10) { spoilFrames(&frames) }
        return frames
    }

    /// Changes of a message's fields; false where the bytes are no message.
    package mutating func spoilFields(_ bytes: inout [UInt8]) -> Bool {
        guard var fields = ProtobufField.parse(bytes[...]) else { return false }
        for _ in 0...below(3) { change(&fields) }
        bytes = ProtobufField.bytes(fields)
        return true
    }

    private mutating func spoilBytes(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return bytes = self.bytes(below(40)) }
        switch below(4) {
        case 0: bytes.removeLast(below(bytes.count) + 1)
        case 1: bytes[below(bytes.count)] ^= 1 << UInt8(below(8))
        case 2: bytes[below(bytes.count)] = element([0, 0x7F, 0x80, 0xFF])
        default: bytes.insert(contentsOf: self.bytes(below(12)), at: below(bytes.count + 1))
        }
    }

    /// Too many, too few, too long or too short.
    private mutating func spoilFrames(_ frames: inout [[UInt8]]) {
        switch below(5) {
        case 0: frames.append(bytes(below(1000)))
        case 1: frames.append(contentsOf: Array(repeating: [], count: 1 + below(12)))
        case 2 where frames.count > 1: frames.removeLast()
        case 3 where frames.count > 1: frames[1].removeLast(min(frames[1].count, 1 + below(5)))
        case 4 where frames.count > 1: frames[1] += bytes(1 + below(9))
        default: frames.insert([], at: 0)
        }
    }

    // MARK: Fields

    /// One change, at any depth.
    private mutating func change(_ fields: inout [ProtobufField]) {
        guard !fields.isEmpty else { return fields = [ProtobufField(number: UInt64(1 + below(20)), value: value())] }
        let index = below(fields.count)
        if case .message(var inner) = fields[index].value, !once(in: 4) {
            change(&inner)
            fields[index].value = .message(inner)
            return
        }
        switch below(12) {
        case 0...4: fields[index].value = changed(fields[index].value)
        case 5: fields.insert(fields[index], at: index)
        case 6:
            let copies = once(in: 20) ? 4000 : below(70)
            fields.insert(contentsOf: Array(repeating: fields[index], count: copies), at: index)
        case 7: fields.remove(at: index)
        case 8: fields[index].number = once(in: 4) ? 500 : UInt64(1 + below(20))
        case 9: fields.append(ProtobufField(number: UInt64(1 + below(20)), value: value()))
        case 10: nest(&fields[index], once(in: 10) ? 2000 : 1 + below(120))
        default: fields.swapAt(index, below(fields.count))
        }
    }

    private mutating func nest(_ field: inout ProtobufField, _ depth: Int) {
        for _ in 0..<depth { field.value = .message([field]) }
        // Deep trees are written and freed by recursion: keep the bytes instead.
        field.value = .bytes(ProtobufField.bytes([field]))
    }

    private mutating func changed(_ value: ProtobufField.Value) -> ProtobufField.Value {
        switch value {
        case .varint(let number):
            return once(in: 4) ? .varint(number &+ UInt64(below(5)) &- 2) : .varint(integer())
        case .fixed64: return once(in: 10) ? self.value() : .fixed64(element(Self.doubles).bitPattern)
        case .fixed32: return once(in: 10) ? self.value() : .fixed32(element(Self.floats).bitPattern)
        case .message: return self.value()
        case .bytes(let content):
            let mask = UInt8(truncatingIfNeeded: next())
            return switch below(6) {
            case 0: .bytes([])
            case 1: .bytes(content.dropLast(1 + below(3)))
            case 2: .bytes(content + content)
            case 3: .bytes(content + (0...below(40)).flatMap { _ in ProtobufField.varint(integer()) })
            case 4: .bytes(bytes(once(in: 50) ? 1 << 17 : below(2000)))
            default: .bytes((content.isEmpty ? [0] : content).map { $0 ^ mask })
            }
        }
    }

    private mutating func value() -> ProtobufField.Value {
        switch below(4) {
        case 0: .varint(integer())
        case 1: .fixed64(element(Self.doubles).bitPattern)
        case 2: .fixed32(element(Self.floats).bitPattern)
        default: .bytes(bytes(below(40)))
        }
    }

    /// A number at an edge, or one that means something.
    private mutating func integer() -> UInt64 {
        switch below(4) {
        case 0 where !known.isEmpty: element(known) &+ UInt64(below(3)) &- 1
        case 1: UInt64(below(4096))
        case 2: next() >> UInt64(below(64))
        default: element(Self.edges)
        }
    }

    private static let edges: [UInt64] = {
        let near = [7, 8, 15, 16, 24, 31, 32, 53, 62, 63].flatMap { shift -> [UInt64] in
            let power = UInt64(1) << UInt64(shift)
            return [power - 1, power, power + 1]
        }
        return [0, 1, 2, UInt64.max, UInt64.max - 1, UInt64.max - 2] + near
    }()
    private static let doubles: [Double] = [
        0, -0.0, 1, -1, .nan, .signalingNaN, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
        1e18, 1e19, -1e300, 0.5,
    ]
    private static let floats: [Float] = [
        0, -0.0, 1, -1, .nan, .signalingNaN, .infinity, -.infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
        1e18, 2, -5, 0.5,
    ]
}
