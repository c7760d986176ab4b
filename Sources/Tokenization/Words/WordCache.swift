// Remembers which ids the words of a text became. Knows nothing of how they did.

/// Words seen in one text. A word is kept as its place in the text and its ids as their place in the output, so
/// nothing is copied; each slot holds the latest word that fell into it, so the size is bounded.
struct WordCache {
    private struct Entry {
        var word = 0..<0
        var tokens = 0..<0
    }

    /// Longer words are unlikely to come again.
    private static let longestWord = 128

    private var entries: [Entry]

    init(textLength: Int) {
        var capacity = 16
        while capacity < 16_384, capacity < textLength / 8 { capacity *= 2 }
        entries = [Entry](repeating: Entry(), count: capacity)
    }

    /// Where in the output the ids of an equal word stand.
    func find(_ word: Range<Int>, in text: UTF8Text) -> Range<Int>? {
        if word.count > Self.longestWord { return nil }
        let entry = entries[slot(of: word, in: text)]
        return equal(text.slice(entry.word).bytes, text.slice(word).bytes) ? entry.tokens : nil
    }

    mutating func insert(_ word: Range<Int>, in text: UTF8Text, tokens: Range<Int>) {
        if word.count > Self.longestWord { return }
        entries[slot(of: word, in: text)] = Entry(word: word, tokens: tokens)
    }

    private func slot(of word: Range<Int>, in text: UTF8Text) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        for index in word { hash = (hash ^ UInt64(text.bytes[index])) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: hash >> 32) & (entries.count - 1)
    }
}
