// What is looked for in text: a literal or a regular expression. Knows nothing of what becomes of the matches.

import ModelFile

/// A pattern ready to be looked for.
enum TextPattern: Sendable {
    case literal([UInt8])
    case expression(RegexProgram)

    init(_ pattern: TokenizerDescription.Pattern) throws(TokenizationError) {
        switch pattern {
        case .literal(let text) where !text.isEmpty: self = .literal(Array(text.utf8))
        case .literal: self = try Self.compiled("")
        case .expression(let text): self = try Self.compiled(text)
        }
    }

    private static func compiled(_ expression: String) throws(TokenizationError) -> TextPattern {
        do { return .expression(try RegexProgram(expression)) } catch {
            throw .unsupportedExpression(expression, reason: error.reason)
        }
    }

    /// Matches between two looks at whether they are wanted any more.
    private static let matchesAtOnce = 1024

    /// Calls `visit` for all of each range in turn: what matches, and what lies between. `finish` ends a range. Once
    /// `isCancelled`, nothing more is looked for.
    func cut(
        _ ranges: [Range<Int>], of text: UTF8Text, visit: (Range<Int>, _ isMatch: Bool) -> Void, finish: () -> Void,
        isCancelled: () -> Bool = { false }
    ) {
        switch self {
        case .literal(let literal):
            for range in ranges {
                var start = range.lowerBound
                let part = UTF8Text(bytes: UnsafeRawBufferPointer(rebasing: text.bytes[..<range.upperBound]))
                while let found = part.firstIndex(of: literal, from: start) {
                    if start < found { visit(start..<found, false) }
                    start = found + literal.count
                    visit(found..<start, true)
                }
                if start < range.upperBound { visit(start..<range.upperBound, false) }
                finish()
            }
        case .expression(let program):
            RegexMatcher.with(program, in: text) { matcher in
                var matches = 0
                for range in ranges {
                    Self.cut(range, of: text, with: &matcher) { range, isMatch in
                        visit(range, isMatch)
                        matches += 1
                        return matches % Self.matchesAtOnce != 0 || !isCancelled()
                    }
                    finish()
                }
            }
        }
    }

    /// Empty matches cut too, but not where the last match ended, as in the `onig` library.
    /// `visit` says whether to go on.
    private static func cut(
        _ range: Range<Int>, of text: UTF8Text, with matcher: inout RegexMatcher,
        visit: (Range<Int>, _ isMatch: Bool) -> Bool
    ) {
        matcher.look(at: range)
        var rest = range.lowerBound
        var start = range.lowerBound
        var lastEnd = -1
        while start <= range.upperBound, let match = matcher.firstMatch(from: start) {
            if match.isEmpty, match.lowerBound == lastEnd {
                if start == range.upperBound { break }
                start = text.end(of: start)
                continue
            }
            if rest < match.lowerBound { _ = visit(rest..<match.lowerBound, false) }
            guard visit(match, true) else { return }
            rest = match.upperBound
            start = match.upperBound
            lastEnd = match.upperBound
        }
        if rest < range.upperBound { _ = visit(rest..<range.upperBound, false) }
    }

    /// `bytes` with `content` in place of each match.
    func replacing(in bytes: [UInt8], with content: [UInt8]) -> [UInt8] {
        if bytes.isEmpty { return bytes }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + bytes.count / 4)
        bytes.withUnsafeBytes { buffer in
            cut(
                [0..<bytes.count], of: UTF8Text(bytes: buffer),
                visit: { range, isMatch in
                    if isMatch { result += content } else { result += buffer[range] }
                }, finish: {})
        }
        return result
    }
}
