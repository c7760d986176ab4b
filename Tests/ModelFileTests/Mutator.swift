// Spoils files in the ways that accidents and attackers do, from a seed.

struct Mutator {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func below(_ limit: Int) -> Int { Int(generator.next() % UInt64(max(1, limit))) }

    mutating func element<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    /// One to three changes of a binary file.
    mutating func binary(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...below(3) { change(&bytes) }
        return bytes
    }

    /// One to three changes of a text file, which know of JSON.
    mutating func json(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...below(3) {
            if below(2) == 0 { change(&bytes) } else { changeText(&bytes) }
        }
        return bytes
    }

    private mutating func range(_ bytes: [UInt8]) -> Range<Int> {
        let start = below(bytes.count + 1)
        return start..<min(bytes.count, start + below(40))
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let position = below(bytes.count)
        switch below(9) {
        case 0: bytes[position] ^= 1 << UInt8(below(8))
        case 1: bytes[position] = UInt8(below(256))
        case 2: bytes[position] = bytes[position] &+ (below(2) == 0 ? 1 : 255)
        case 3: bytes.removeSubrange(position...)
        case 4: bytes.removeSubrange(range(bytes))
        case 5: bytes.insert(contentsOf: bytes[range(bytes)], at: position)
        case 6: overwrite(&bytes, at: position)
        case 7: swapRanges(&bytes)
        default: bytes.append(contentsOf: [UInt8](repeating: UInt8(below(256)), count: below(100)))
        }
    }

    /// A length or count that lies.
    private mutating func overwrite(_ bytes: inout [UInt8], at position: Int) {
        let values: [UInt64] = [
            0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 32, 1 << 40, 1 << 62, 1 << 63,
            UInt64(Int.max), .max, UInt64(bytes.count), UInt64(bytes.count - position), 10_000_001,
        ]
        let value = littleEndian(element(values)).prefix(element([1, 2, 4, 8]))
        for (offset, byte) in value.enumerated() where position + offset < bytes.count {
            bytes[position + offset] = byte
        }
    }

    private mutating func swapRanges(_ bytes: inout [UInt8]) {
        let length = 1 + below(min(32, bytes.count))
        let (first, second) = (below(bytes.count - length + 1), below(bytes.count - length + 1))
        let left = Array(bytes[first..<first + length])
        let right = Array(bytes[second..<second + length])
        bytes.replaceSubrange(first..<first + length, with: right)
        bytes.replaceSubrange(second..<second + length, with: left)
    }

    /// Replaces a number, or a punctuation mark, by something that a parser may stumble over.
    private mutating func changeText(_ bytes: inout [UInt8]) {
        var start = below(bytes.count)
        while start < bytes.count, !Self.isMark[Int(bytes[start])] { start += 1 }
        guard start < bytes.count else { return }
        var end = start + 1
        if Self.isDigit(bytes[start]) {
            while end < bytes.count, Self.isDigit(bytes[end]) { end += 1 }
        }
        bytes.replaceSubrange(start..<end, with: element(Self.texts))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static let isMark: [Bool] = {
        var table = [Bool](repeating: false, count: 256)
        for byte in "0123456789\"{}[],:".utf8 { table[Int(byte)] = true }
        return table
    }()

    private static let texts: [[UInt8]] = [
        "0", "-1", "1e999", "1e18", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "0.5",
        "null", "true", "\"\"", "[]", "{}", "\"\\ud800\"", "\"\\u0000\"", "4294967296", "10000000", "65537", "1000000",
        String(repeating: "[", count: 500), String(repeating: "{\"a\":", count: 200), "\"", ",", "\\",
    ].map { Array($0.utf8) }
}
