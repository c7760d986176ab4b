// Cuts text into the words inside which tokens are found. Knows nothing of tokens.

import ModelFile

/// The words of a stretch of text, from left to right.
struct Words {
    var bytes: [UInt8]
    var ranges: [Range<Int>]
    /// The first word begins where the whole text begins.
    var beginsText: Bool
}

/// One step of cutting, ready to be done.
enum WordStep: Sendable {
    case split(TextPattern, TokenizerDescription.SplitBehavior, inverted: Bool)
    case metaspace(mark: [UInt8], prefix: TokenizerDescription.SpacePrefix, splits: Bool)
    /// A space before each word that has none.
    case prefixSpace
    /// Each byte becomes a character of GPT-2's table.
    case spellBytes
    /// Before each run of "▁": changes nothing where no token has a "▁" behind another character, and makes words of a
    /// text that would else be one word.
    case beforeMarkerRuns

    /// Where `isCancelled` says that the words are of no use, they are not right.
    func apply(to words: inout Words, isCancelled: () -> Bool = { false }) {
        let first = words.ranges.first?.lowerBound
        switch self {
        case .split(let pattern, let behavior, let inverted):
            words.split(by: pattern, behavior, inverted: inverted, isCancelled: isCancelled)
            words.beginsText = words.beginsText && words.ranges.first?.lowerBound == first
        case .metaspace(let mark, let prefix, let splits):
            words.markSpaces(mark, prefix: prefix)
            if splits { words.split(by: .literal(mark), .mergedWithNext, inverted: false) }
        case .prefixSpace:
            words.rewrite { word, _, bytes in
                if word.first != UInt8(ascii: " ") { bytes.append(UInt8(ascii: " ")) }
                bytes += word
            }
        case .spellBytes:
            words.rewrite { word, _, bytes in
                for byte in word { appendUTF8(ByteAlphabet.scalars[Int(byte)], to: &bytes) }
            }
        case .beforeMarkerRuns: words.splitBeforeMarkerRuns()
        }
    }
}

extension Words {
    /// Writes each word anew; `write` gets it, its number, and where to append it.
    mutating func rewrite(_ write: (ArraySlice<UInt8>, Int, inout [UInt8]) -> Void) {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + bytes.count / 2)
        for index in ranges.indices {
            let start = result.count
            write(bytes[ranges[index]], index, &result)
            ranges[index] = start..<result.count
        }
        bytes = result
    }

    fileprivate mutating func markSpaces(_ mark: [UInt8], prefix: TokenizerDescription.SpacePrefix) {
        let beginsText = beginsText
        rewrite { word, index, bytes in
            let start = bytes.count
            for byte in word {
                if byte == UInt8(ascii: " ") { bytes += mark } else { bytes.append(byte) }
            }
            let isWanted = prefix == .always || prefix == .first && beginsText && index == 0
            if isWanted, !bytes[start...].starts(with: mark) { bytes.insert(contentsOf: mark, at: start) }
        }
    }

    mutating func split(
        by pattern: TextPattern, _ behavior: TokenizerDescription.SplitBehavior, inverted: Bool,
        isCancelled: () -> Bool = { false }
    ) {
        var collector = SplitCollector(behavior)
        collector.words.reserveCapacity(max(ranges.count, bytes.count / 4))
        let ranges = ranges
        bytes.withUnsafeBytes { buffer in
            pattern.cut(
                ranges, of: UTF8Text(bytes: buffer),
                visit: { range, isMatch in collector.add(range, isMatch: isMatch != inverted) },
                finish: { collector.finish() }, isCancelled: isCancelled)
        }
        self.ranges = collector.words
    }

    fileprivate mutating func splitBeforeMarkerRuns() {
        var result: [Range<Int>] = []
        result.reserveCapacity(bytes.count / 4)
        bytes.withUnsafeBytes { buffer in
            let text = UTF8Text(bytes: buffer)
            for range in ranges {
                var start = range.lowerBound
                while start < range.upperBound {
                    var end = start
                    while end < range.upperBound, text.isMarker(at: end) { end += UTF8Text.marker.count }
                    while end < range.upperBound, !text.isMarker(at: end) { end += 1 }
                    result.append(start..<end)
                    start = end
                }
            }
        }
        ranges = result
    }
}

/// Words from matches and what lies between them (`NormalizedString::split` of the `tokenizers` library).
private struct SplitCollector {
    var words: [Range<Int>] = []
    private let behavior: TokenizerDescription.SplitBehavior
    private var previousWasMatch = false
    /// A word that the next part may still join.
    private var open: Range<Int>?

    init(_ behavior: TokenizerDescription.SplitBehavior) { self.behavior = behavior }

    @inline(__always)
    mutating func add(_ range: Range<Int>, isMatch: Bool) {
        switch behavior {
        case .isolated: emit(range)
        case .removed: if !isMatch { emit(range) }
        default: join(range, isMatch: isMatch)
        }
    }

    private mutating func join(_ range: Range<Int>, isMatch: Bool) {
        let joins: Bool
        switch behavior {
        case .contiguous: joins = isMatch == previousWasMatch
        case .mergedWithPrevious: joins = isMatch && !previousWasMatch
        default: joins = !isMatch && previousWasMatch
        }
        if joins, let begun = open {
            open = begun.lowerBound..<range.upperBound
        } else {
            if let open { emit(open) }
            open = range
        }
        previousWasMatch = isMatch
    }

    mutating func finish() {
        if let open { emit(open) }
        open = nil
        previousWasMatch = false
    }

    @inline(__always)
    private mutating func emit(_ range: Range<Int>) {
        if !range.isEmpty { words.append(range) }
    }
}

extension UTF8Text {
    /// U+2581 "▁", which stands for a space in SentencePiece's vocabularies.
    static let marker: [UInt8] = [0xE2, 0x96, 0x81]

    func isMarker(at index: Int) -> Bool {
        index + 2 < bytes.count && bytes[index] == 0xE2 && bytes[index + 1] == 0x96 && bytes[index + 2] == 0x81
    }
}
