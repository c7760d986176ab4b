// The text of Tests/Reference/mixed_text.py, byte for byte, and the digests of its results. Knows nothing of tokenizers.

/// FNV-1a, 64 bits.
enum Digest {
    static let start: UInt64 = 0xCBF2_9CE4_8422_2325

    static func extend(_ value: UInt64, _ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(value) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    static func extend(_ value: UInt64, _ ids: [Int32]) -> UInt64 {
        extend(value, ids.flatMap { id in withUnsafeBytes(of: id.littleEndian) { Array($0) } })
    }

    static func hexadecimal(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}

/// Code, prose, many writings, emoji, combining marks, control characters and broken UTF-8.
struct MixedText {
    private var random = SeededGenerator(state: 20_261_124)

    /// The first `count` pieces of 65,536 bytes.
    static func pieces(_ count: Int) -> [[UInt8]] {
        var text = MixedText()
        var bytes: [UInt8] = []
        while bytes.count < count * 65_536 { bytes += text.piece() }
        return (0..<count).map { Array(bytes[$0 * 65_536..<($0 + 1) * 65_536]) }
    }

    private mutating func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

    private mutating func choice<Element>(_ items: [Element]) -> Element { items[below(items.count)] }

    private mutating func scalar(_ ranges: [ClosedRange<Int>]) -> String {
        let range = choice(ranges)
        return String(Unicode.Scalar(UInt32(range.lowerBound + below(range.count))) ?? "\u{FFFD}")
    }

    private mutating func piece() -> [UInt8] {
        let kind = below(100)
        if kind >= 99 { return choice(Self.broken) }
        return Array(text(kind).utf8)
    }

    private mutating func text(_ kind: Int) -> String {
        switch kind {
        case ..<34:
            let words = (0..<1 + below(12)).map { _ in choice(Self.words) }
            return words.joined(separator: " ") + choice([" ", ". ", ", ", "\n", "; "])
        case ..<50: return choice(Self.code)
        case ..<64:
            let ranges = [choice(Self.scripts)]
            return (0..<1 + below(14)).map { _ in scalar(ranges) }.joined()
        case ..<70:
            return (0..<1 + below(5)).map { _ in
                let base = scalar(Self.bases)
                return base + (0..<below(4)).map { _ in scalar(Self.marks) }.joined()
            }.joined()
        case ..<75: return (0..<1 + below(3)).map { _ in choice(Self.emoji) }.joined()
        case ..<82:
            let space = choice(Self.spaces)
            return String(repeating: space, count: 1 + below(4))
        case ..<87: return choice(Self.numbers)
        case ..<91:
            let mark = choice(Self.punctuation)
            return String(repeating: mark, count: 1 + below(3))
        case ..<93:
            let first = String(Unicode.Scalar(UInt8(below(32))))
            return first + String(Unicode.Scalar(UInt8(0x7F + below(33))))
        case ..<94: return choice(Self.special)
        case ..<96: return String(Unicode.Scalar(UInt32(below(0x32000))) ?? "\u{FFFD}")
        case ..<97:
            let letter = choice(["a", "=", "-", ".", " ", "x", "日"])
            return String(repeating: letter, count: 1 + below(200))
        default: return choice(Self.words) + choice(Self.endings)
        }
    }

    private static let words = """
        the of and to in is was for that with time people world hello every river morning don't I'll they're we've \
        HELLO WORLD It's Über naïve façade résumé mañana straße Ångström œuvre
        """.split(separator: " ").map(String.init)
    private static let code = [
        "def f(x):\n    return x ** 2\n", "for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}\n",
        "if (x != null && y >= 10) { return; }\r\n", "let result = try await client.get(\"/v1/items?id=42\")\n",
        "#include <stdio.h>\n", "SELECT * FROM users WHERE id = 7;\n", "<div class=\"a b\">&nbsp;</div>\n",
        "        self.assertEqual(a, b)\n", "// TODO: fix_this_later(42);\n", "0x7fff 1e-10 3.14159 1_000_000\n",
    ]
    private static let scripts = [
        0x4E00...0x9FA5, 0x3041...0x3096, 0x30A1...0x30FA, 0xAC00...0xD7A3, 0x410...0x44F, 0x391...0x3C9, 0x5D0...0x5EA,
        0x621...0x64A, 0x905...0x939, 0xE01...0xE3A, 0x1100...0x11FF, 0x10A0...0x10FF, 0x1E00...0x1EFF,
        0x20000...0x20100,
    ]
    private static let bases = [
        0x61...0x7A, 0xC0...0x17F, 0x3B1...0x3C9, 0x1100...0x1112, 0x915...0x939, 0x304B...0x3053,
    ]
    private static let marks = [
        0x300...0x36F, 0x591...0x5BD, 0x64B...0x65F, 0x93C...0x94D, 0xE31...0xE4E, 0x1AB0...0x1ABE, 0x20D0...0x20F0,
        0x3099...0x309A,
    ]
    private static let emoji = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "☃", "1️⃣", "🤷🏻‍♀️", "🫠", "👩🏾‍💻"]
    private static let spaces = [
        " ", "  ", "    ", "\t", "\n", "\n\n", "\r\n", "\r", " \n ", "\u{A0}", "\u{3000}", "\u{2003}", "\u{200B}",
        "\u{2028}", "\u{85}", "\u{B}", "\u{C}", "\u{FEFF}",
    ]
    private static let numbers = [
        "7", "42", "1234", "3.14", "1,000,000", "٣٤٥", "½", "Ⅻ", "²", "१२३", "𝟘𝟙", "2026-11-24",
    ]
    private static let punctuation = [
        "...", "!!!", "?!", "—", "«", "»", "“", "”", "(", ")", "[", "]", "{", "}", "'", "\"", "_", "$", "€", "%", "+",
        "=",
        "<", ">", "|", "~", "▁", "Ġ", "\\", "/",
    ]
    private static let special = [
        "<|endoftext|>", "<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>", "[INST]", "[/INST]", "<0x41>", "<tool>",
    ]
    private static let endings = ["'s", "'S", "'ll", "'LL", "'\u{17F}", "’s", "'d", "'M", "'Re"]
    private static let broken: [[UInt8]] = [
        [0xFF], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xF5, 0x80, 0x80, 0x80],
        [0x80, 0xBF], [0xE2, 0x28, 0xA1],
    ]
}
