// JSON that the reader has checked, as the bytes of its file: where values end, and what they say when they are asked.
// Knows nothing of what the documents mean. Nothing is decoded before it is asked for, because a tree of values takes
// ten times the memory of a file that somebody made for that.

/// The bytes of a document, and the ends of its long values, so that walking past them costs nothing.
struct JSONText: Sendable {
    /// A text, list or object of at least `longValue` bytes.
    private struct Span {
        var start: UInt32
        var end: UInt32
    }

    /// Shorter values are walked through again. With at most `FileLimits.jsonDepth` values around each byte, the spans take
    /// half of the file's size at the very most.
    private static let longValue = 1024

    let bytes: [UInt8]
    /// Numbers beyond a double are infinite, as in Python.
    let isPython: Bool
    /// By their starts, ascending.
    private var spans: [Span] = []
    /// Where the names of members stand that another one of the same name follows.
    private var outdated: Set<Int> = []

    /// `bytes` must be fewer than 2^32.
    init(_ bytes: [UInt8], isPython: Bool = false) { (self.bytes, self.isPython) = (bytes, isPython) }

    /// Whether another member of the same name follows the one whose name begins at `position`.
    func isOutdated(_ position: Int) -> Bool { !outdated.isEmpty && outdated.contains(position) }

    /// Notes a member as one that another follows. False: there are too many.
    mutating func outdate(_ position: Int) -> Bool {
        guard outdated.count < FileLimits.jsonDuplicates else { return false }
        outdated.insert(position)
        return true
    }

    /// The byte at a position; 0, which JSON has nowhere, behind the end.
    subscript(position: Int) -> UInt8 { position < bytes.count ? bytes[position] : 0 }

    /// Notes where a value ends, once all values inside of it are noted.
    mutating func note(start: Int, end: Int) {
        guard end - start >= Self.longValue else { return }
        spans.insert(Span(start: UInt32(start), end: UInt32(end)), at: firstSpan(from: start))
    }

    /// The first span that starts at `start` or later.
    private func firstSpan(from start: Int) -> Int {
        var range = 0..<spans.count
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            range = spans[middle].start < start ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return range.lowerBound
    }

    private func notedEnd(of start: Int) -> Int? {
        let index = firstSpan(from: start)
        guard index < spans.count, spans[index].start == start else { return nil }
        return Int(spans[index].end)
    }

    func skippingSpace(from start: Int) -> Int {
        var position = start
        while self[position] == 0x20 || self[position] == 0x0A || self[position] == 0x0D || self[position] == 0x09 {
            position += 1
        }
        return position
    }

    /// The position behind the value that begins at `start`.
    func end(ofValueAt start: Int) -> Int {
        switch self[start] {
        case UInt8(ascii: "\""): end(ofTextAt: start)
        case UInt8(ascii: "{"), UInt8(ascii: "["): end(ofBracketAt: start)
        default: end(ofLiteralAt: start)
        }
    }

    private func end(ofTextAt start: Int) -> Int {
        var position = start + 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
            if position - start >= Self.longValue, let end = notedEnd(of: start) { return end }
        }
        return position + 1
    }

    private func end(ofBracketAt start: Int) -> Int {
        var position = start
        var depth = 0
        repeat {
            switch self[position] {
            case UInt8(ascii: "\""): position = end(ofTextAt: position)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                position += 1
            default: position += 1
            }
            if position - start >= Self.longValue, let end = notedEnd(of: start) { return end }
        } while depth > 0 && position < bytes.count
        return position
    }

    private func end(ofLiteralAt start: Int) -> Int {
        var position = start
        while true {
            switch self[position] {
            case 0...0x20, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"): return position
            default: position += 1
            }
        }
    }

    /// Moves from one element of a list or object to the next: `position` is behind the opening bracket or behind an
    /// element. False at the closing bracket.
    func moveToElement(_ position: inout Int) -> Bool {
        position = skippingSpace(from: position)
        if self[position] == UInt8(ascii: ",") { position = skippingSpace(from: position + 1) }
        let byte = self[position]
        return byte != UInt8(ascii: "]") && byte != UInt8(ascii: "}") && byte != 0
    }

    /// Moves from the name of a member to its value; gives the bytes of the name, which may hold escapes.
    func moveToValue(_ position: inout Int) -> Range<Int> {
        let end = end(ofTextAt: position)
        let name = position + 1..<max(position + 1, end - 1)
        position = skippingSpace(from: skippingSpace(from: end) + 1)
        return name
    }

    /// How many elements or members stand behind an opening bracket.
    func count(after bracket: Int, isObject: Bool) -> Int {
        var position = bracket
        var count = 0
        while moveToElement(&position) {
            if isObject { _ = moveToValue(&position) }
            position = end(ofValueAt: position)
            count += 1
        }
        return count
    }
}
