// Responsible for: finding, splitting, stripping and replacing in texts as Python's str does.
// Must not know: templates, limits.
import Glibc

extension Text {
    /// The first byte at which `needle` lies wholly within bytes `range`; linear time for every input.
    func find(_ needle: Text, in range: Range<Int>) -> Int? {
        guard needle.utf8.count <= range.count else { return nil }
        guard !needle.isEmpty else { return range.lowerBound }
        return utf8.withUnsafeBufferPointer { bytes in
            needle.utf8.withUnsafeBufferPointer { wanted in
                wanted.count == 1
                    ? Self.find(wanted[0], in: bytes, range) : Self.find(wanted, in: bytes, range)
            }
        }
    }

    private static func find(_ byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        guard let found = memchr(base + range.lowerBound, Int32(byte), range.count) else { return nil }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }

    /// The search of Knuth, Morris and Pratt.
    private static func find(
        _ wanted: UnsafeBufferPointer<UInt8>, in bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
    ) -> Int? {
        // borders[i]: the longest proper prefix of the wanted bytes that ends with byte i
        var borders = [Int](repeating: 0, count: wanted.count)
        var length = 0
        var index = 1
        while index < wanted.count {
            while length > 0, wanted[index] != wanted[length] { length = borders[length - 1] }
            if wanted[index] == wanted[length] { length += 1 }
            borders[index] = length
            index += 1
        }
        length = 0
        index = range.lowerBound
        while index < range.upperBound {
            while length > 0, bytes[index] != wanted[length] { length = borders[length - 1] }
            if bytes[index] == wanted[length] { length += 1 }
            index += 1
            if length == wanted.count { return index - length }
        }
        return nil
    }

    var wholeRange: Range<Int> { 0..<utf8.count }

    func contains(_ needle: Text) -> Bool { find(needle, in: wholeRange) != nil }

    /// The bytes at which `needle` occurs without overlap, from the left, within `range`, `limit` of them at most.
    func occurrences(of needle: Text, in range: Range<Int>, limit: Int = .max) -> [Int] {
        var found: [Int] = []
        var start = range.lowerBound
        while found.count < limit, let next = find(needle, in: start..<range.upperBound) {
            found.append(next)
            start = next + needle.utf8.count
        }
        return found
    }

    /// The same from the right: what a search from the left finds in both texts written backwards.
    func occurrencesFromRight(of needle: Text, in range: Range<Int>, limit: Int = .max) -> [Int] {
        let backwards = Text(utf8: utf8[range].reversed())
        let found = backwards.occurrences(
            of: Text(utf8: needle.utf8.reversed()), in: backwards.wholeRange, limit: limit)
        return found.map { range.upperBound - $0 - needle.utf8.count }
    }

    func hasPrefix(_ prefix: Text) -> Bool { utf8.starts(with: prefix.utf8) }

    func hasSuffix(_ suffix: Text) -> Bool {
        utf8.count >= suffix.utf8.count && utf8[(utf8.count - suffix.utf8.count)...].elementsEqual(suffix.utf8)
    }

    /// The pieces between the bytes `cuts`, where `width` bytes are left out at each.
    private func pieces(cuts: [Int], width: Int) -> [Text] {
        var result: [Text] = []
        var start = 0
        for cut in cuts {
            result.append(Text(utf8[start..<cut], isMarkup: isMarkup))
            start = cut + width
        }
        result.append(Text(utf8[start...], isMarkup: isMarkup))
        return result
    }

    /// `str.split(separator, limit)`; a negative limit is none. The separator is not empty.
    func split(_ separator: Text, limit: Int, fromRight: Bool = false) -> [Text] {
        let limit = limit < 0 ? Int.max : limit
        let cuts =
            fromRight
            ? occurrencesFromRight(of: separator, in: wholeRange, limit: limit).reversed()
            : occurrences(of: separator, in: wholeRange, limit: limit)
        return pieces(cuts: cuts, width: separator.utf8.count)
    }

    /// `str.split()`: words between white space.
    func words(limit: Int, fromRight: Bool = false) -> [Text] {
        let limit = limit < 0 ? Int.max : limit
        var words: [Text] = []
        var rest = wholeRange
        while true {
            rest = stripped(rest, left: !fromRight, right: fromRight, where: Self.isSpace)
            guard !rest.isEmpty else { break }
            if words.count == limit {
                words.append(Text(utf8[rest], isMarkup: isMarkup))
                break
            }
            let isWord: (Unicode.Scalar) -> Bool = { !Self.isSpace($0) }
            let after = stripped(rest, left: !fromRight, right: fromRight, where: isWord)
            let word = fromRight ? after.upperBound..<rest.upperBound : rest.lowerBound..<after.lowerBound
            words.append(Text(utf8[word], isMarkup: isMarkup))
            rest = after
        }
        return fromRight ? words.reversed() : words
    }

    /// `str.splitlines(keepends)`.
    func lines(keepingEnds: Bool) -> [Text] {
        var lines: [Text] = []
        var start = 0
        var index = 0
        while index < utf8.count {
            let (scalar, width) = scalar(at: index)
            guard Self.isLineBreak(scalar) else {
                index += width
                continue
            }
            var end = index + width
            if scalar == "\r", end < utf8.count, utf8[end] == UInt8(ascii: "\n") { end += 1 }
            lines.append(Text(utf8[start..<(keepingEnds ? end : index)], isMarkup: isMarkup))
            (start, index) = (end, end)
        }
        if start < utf8.count { lines.append(Text(utf8[start...], isMarkup: isMarkup)) }
        return lines
    }

    /// `str.strip`, on one side or both: without the code points that satisfy `isLeftOut`.
    func stripped(
        left: Bool = true, right: Bool = true, where isLeftOut: (Unicode.Scalar) -> Bool = Text.isSpace
    ) -> Text {
        let kept = stripped(wholeRange, left: left, right: right, where: isLeftOut)
        return kept == wholeRange ? self : Text(utf8[kept], isMarkup: isMarkup)
    }

    private func stripped(
        _ range: Range<Int>, left: Bool, right: Bool, where isLeftOut: (Unicode.Scalar) -> Bool
    ) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while left, start < end {
            let (scalar, width) = scalar(at: start)
            guard isLeftOut(scalar) else { break }
            start += width
        }
        while right, start < end {
            let (scalar, width) = scalar(before: end)
            guard isLeftOut(scalar) else { break }
            end -= width
        }
        return start..<end
    }

    /// The code point that begins at byte `index`, and its bytes.
    func scalar(at index: Int) -> (Unicode.Scalar, width: Int) {
        let first = utf8[index]
        guard first >= 0x80 else { return (Unicode.Scalar(first), 1) }
        let width = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        var value = UInt32(first) & (0xFF >> (UInt32(width) + 1))
        for byte in utf8[(index + 1)..<(index + width)] { value = value << 6 | UInt32(byte & 0x3F) }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", width)
    }

    private func scalar(before end: Int) -> (Unicode.Scalar, width: Int) {
        var start = end - 1
        while start > 0, utf8[start] & 0xC0 == 0x80 { start -= 1 }
        return scalar(at: start)
    }

    /// The bytes of `str.replace(old, new, count)`'s result, computed before anything is allocated.
    func sizeAfterReplacing(_ old: Text, with new: Text, at cuts: [Int]) -> Int? {
        let (growth, overflow) = cuts.count.multipliedReportingOverflow(by: new.utf8.count - old.utf8.count)
        return overflow ? nil : utf8.count + growth
    }

    /// Where `str.replace(old, ..., count)` replaces; a negative count is no limit.
    func replacements(of old: Text, count: Int) -> [Int] {
        let limit = count < 0 ? Int.max : count
        guard old.isEmpty else { return occurrences(of: old, in: wholeRange, limit: limit) }
        var cuts = utf8.indices.filter { utf8[$0] & 0xC0 != 0x80 }
        cuts.append(utf8.count)
        return Array(cuts.prefix(limit))
    }

    func replacing(_ old: Text, with new: Text, at cuts: [Int]) -> Text {
        var result: [UInt8] = []
        var start = 0
        for cut in cuts {
            result += utf8[start..<cut]
            result += new.utf8
            start = cut + old.utf8.count
        }
        result += utf8[start...]
        return Text(utf8: result, isMarkup: isMarkup)
    }

    /// Python's `str.isspace` of one code point.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000:
            true
        default: false
        }
    }

    private static func isLineBreak(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}
