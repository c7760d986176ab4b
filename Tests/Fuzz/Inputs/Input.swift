// Responsible for: an input as what several targets make of it: parts with a line "%%" between, or records.
// Must not know: targets.

enum Input {
    /// At most `count` parts, of which the last keeps the marks that are left. Files of text seldom hold the mark, and a
    /// dictionary has it.
    static func parts(_ bytes: [UInt8], atMost count: Int) -> [[UInt8]] {
        let mark = Array("\n%%\n".utf8)
        var parts: [[UInt8]] = []
        var rest = bytes[...]
        while parts.count + 1 < count, let found = rest.firstRange(of: mark) {
            parts.append(Array(rest[..<found.lowerBound]))
            rest = rest[found.upperBound...]
        }
        return parts + [Array(rest)]
    }

    /// What happens, one after the other: a byte that says what, two with the length of the bytes that follow.
    static func records(_ bytes: [UInt8], atMost count: Int) -> [(kind: UInt8, content: [UInt8])] {
        var records: [(kind: UInt8, content: [UInt8])] = []
        var rest = bytes[...]
        while records.count < count, rest.count >= 3 {
            let head = rest.prefix(3).map(Int.init)
            let content = rest.dropFirst(3).prefix(head[1] | head[2] << 8)
            records.append((UInt8(head[0]), Array(content)))
            rest = rest.dropFirst(3 + content.count)
        }
        return records
    }

    /// The bytes of these records.
    static func bytes(_ records: [(kind: UInt8, content: [UInt8])]) -> [UInt8] {
        records.flatMap { kind, content in
            [kind, UInt8(content.count & 0xFF), UInt8(content.count >> 8 & 0xFF)] + content.prefix(0xFFFF)
        }
    }
}

extension [UInt8] {
    /// The byte at `index`, 0 where there is none.
    func byte(_ index: Int) -> Int { index < count ? Int(self[index]) : 0 }

    /// The text, with U+FFFD for what is not UTF-8.
    var text: String { String(decoding: self, as: UTF8.self) }
}
