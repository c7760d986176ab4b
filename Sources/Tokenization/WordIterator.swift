// Cuts text into the words inside which pieces are merged. Knows nothing of tokens.

import ModelFile

/// Where text is cut.
enum WordCuts: Sendable {
    /// Nowhere.
    case none
    /// Before each "▁".
    case beforeMarkers
    /// Before each run of "▁": changes nothing where no token has a "▁" behind another character, and makes words of
    /// a text that would else be one word.
    case beforeMarkerRuns
    case pattern(WordPattern)
    /// Around each `\p{N}`, and by the pattern between them.
    case digitsThenPattern(WordPattern)

    init(_ description: TokenizerDescription) throws(TokenizationError) {
        switch description.preTokenizer {
        case .none: self = description.hasMarkersInsideTokens ? .none : .beforeMarkerRuns
        case .markedWords: self = .beforeMarkers
        case .gpt2: self = .pattern(.gpt2)
        case .llama3: self = .pattern(.llama3)
        case .qwen2: self = .pattern(.qwen2)
        case .digitsThenGPT2: self = .digitsThenPattern(.gpt2)
        case .unsupported(let name): throw .unsupportedPreTokenizer(name)
        }
    }
}

/// The words of a text from left to right; together they are the text.
struct WordIterator {
    private let text: UTF8Text
    private let cuts: WordCuts
    private var index = 0
    /// The end of the stretch that the pattern sees.
    private var limit = 0

    init(_ text: UTF8Text, cuts: WordCuts) {
        self.text = text
        self.cuts = cuts
    }

    mutating func next() -> Range<Int>? {
        let start = index
        if start == text.bytes.count { return nil }
        index = endOfWord(from: start)
        return start..<index
    }

    private mutating func endOfWord(from start: Int) -> Int {
        let end = text.bytes.count
        switch cuts {
        case .none:
            return end
        case .beforeMarkers:
            return text.nextMarker(from: text.end(of: start))
        case .beforeMarkerRuns:
            var index = start
            while text.isMarker(at: index) { index += UTF8Text.marker.count }
            return text.nextMarker(from: index)
        case .pattern(let pattern):
            return pattern.endOfWord(in: text, from: start, to: end)
        case .digitsThenPattern(let pattern):
            if start == limit {
                let (found, next) = text.character(at: start)
                limit = next
                if found.contains(.number) { return next }
                while limit < end {
                    let (found, next) = text.character(at: limit)
                    if found.contains(.number) { break }
                    limit = next
                }
            }
            return pattern.endOfWord(in: text, from: start, to: limit)
        }
    }
}

extension UTF8Text {
    /// U+2581 "▁", which stands for a space in SentencePiece's vocabularies.
    static let marker: [UInt8] = [0xE2, 0x96, 0x81]

    func isMarker(at index: Int) -> Bool {
        index + 2 < bytes.count && bytes[index] == 0xE2 && bytes[index + 1] == 0x96 && bytes[index + 2] == 0x81
    }

    /// The first "▁" at or after `index`, or the end of the text.
    func nextMarker(from index: Int) -> Int {
        var index = index
        while index < bytes.count, !isMarker(at: index) { index += 1 }
        return index
    }
}
