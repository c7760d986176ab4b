// Responsible for: how a character looks in a terminal, and how many columns it takes.
// Must not know: rows.

/// Columns as terminals count them: https://www.unicode.org/reports/tr11, marks and joined scalars none.
enum DisplayWidth {
    /// East Asian wide and full-width letters; the wide pictures among them are found by their property.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6,
        0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F265, 0x20000...0x3FFFD,
    ]
    /// Vowels and final consonants of Hangul, which join the letter before.
    private static let joining: [ClosedRange<UInt32>] = [0x1160...0x11FF, 0xD7B0...0xD7FF]

    /// What is shown of a character: control characters in the form ^X, a tab as blanks.
    static func shown(_ character: Character) -> String {
        guard let scalar = character.unicodeScalars.first, scalar.properties.generalCategory == .control else {
            return String(character)
        }
        if character == "\t" { return "    " }
        guard scalar.value < 0x80 else { return "?" }
        return "^" + String(Unicode.Scalar(UInt8(scalar.value) ^ 0x40))
    }

    /// Columns of what is shown of a character.
    static func columns(of character: Character) -> Int {
        let scalars = character.unicodeScalars
        if let first = scalars.first, first.properties.generalCategory == .control { return shown(character).count }
        var (sum, isJoined, isPicture) = (0, false, false)
        for (index, scalar) in scalars.enumerated() {
            if !isJoined && !(index > 0 && scalar.properties.isEmojiModifier) { sum += columns(of: scalar) }
            isJoined = scalar.value == 0x200D && sum > 0
            if scalar.value == 0xFE0F { isPicture = true }
        }
        return isPicture ? max(sum, 2) : sum
    }

    /// Columns of a text without line breaks.
    static func columns(of text: String) -> Int { text.reduce(0) { $0 + columns(of: $1) } }

    private static func columns(of scalar: Unicode.Scalar) -> Int {
        if scalar.value < 0x300 { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        func isIn(_ ranges: [ClosedRange<UInt32>]) -> Bool { ranges.contains { $0.contains(scalar.value) } }
        if isIn(joining) { return 0 }
        let isFlagLetter = (0x1F1E6...0x1F1FF).contains(scalar.value)
        return isIn(wide) || (scalar.properties.isEmojiPresentation && !isFlagLetter) ? 2 : 1
    }
}
