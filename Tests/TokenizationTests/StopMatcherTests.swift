// Stop strings in streamed text.

import Testing

@testable import Tokenization

@Suite("Stop strings")
struct StopMatcherTests {
    /// Feeds `parts` and joins what is emitted.
    private func run(_ stops: [String], _ parts: [String]) -> (text: String, matched: Bool) {
        var matcher = StopMatcher(stops)
        var text = ""
        for part in parts {
            let (emit, matched) = matcher.append(part)
            text += emit
            if matched { return (text + matcher.finish(), true) }
        }
        return (text + matcher.finish(), false)
    }

    /// What stands before the match that is complete first (the longest of those): searched byte by byte.
    private func search(_ stops: [String], _ text: String) -> (text: String, matched: Bool) {
        let bytes = Array(text.utf8)
        for end in 0...bytes.count {
            let matches = stops.filter { !$0.isEmpty && bytes[..<end].suffix($0.utf8.count).elementsEqual($0.utf8) }
            if let longest = matches.map(\.utf8.count).max() {
                return (String(decoding: bytes[..<(end - longest)], as: UTF8.self), true)
            }
        }
        return (text, false)
    }

    @Test("Text that may become a stop string is held back, and comes when it does not")
    func holdsBack() {
        var matcher = StopMatcher(["END"])
        #expect(matcher.append("the E") == ("the ", false))
        #expect(matcher.append("N") == ("", false))
        #expect(matcher.append("E") == ("EN", false))
        #expect(matcher.append("NDING") == ("", true))
        #expect(matcher.append("more") == ("", true))
        #expect(matcher.finish() == "")
    }

    @Test("The text of special tokens counts for stop strings that have some in them, and for no others")
    func hidden() {
        func end(_ stops: [String], _ parts: [(String, isHidden: Bool)]) -> (text: String, matched: Bool) {
            var matcher = StopMatcher(stops) { $0.contains("<") }
            var text = ""
            for (part, isHidden) in parts {
                text += (isHidden ? matcher.append(hidden: Array(part.utf8)) : matcher.append(part)).emit
                if matcher.hasMatched { return (text, true) }
            }
            return (text + matcher.finish(), false)
        }
        #expect(end(["<end>"], [("Hi", false), ("<end>", true), ("more", false)]) == ("Hi", true))
        #expect(end(["<end>"], [("Hi <en", false), ("d>", false)]) == ("Hi ", true))
        #expect(end(["\n<end>"], [("Hi\n", false), ("<end>", true)]) == ("Hi", true))
        #expect(end(["<end>\nUser"], [("Hi", false), ("<end>", true), ("\nUs", false), ("er", false)]) == ("Hi", true))
        #expect(
            end(["<end>\nUser"], [("Hi", false), ("<end>", true), ("\nUs", false), ("!", false)]) == ("Hi\nUs!", false))
        #expect(end(["abc"], [("a", false), ("<x>", true), ("bc", false)]) == ("", true))
        #expect(end(["abc", "<y>"], [("xa", false), ("<x>", true), ("b", false), ("<y>", true)]) == ("xab", true))
        #expect(end(["<end>"], [("a", false), ("<e", true), ("b", false)]) == ("ab", false))
    }

    @Test("Held-back text is released at the end")
    func finishReleases() {
        var matcher = StopMatcher(["\n\nUser:"])
        #expect(matcher.append("Hi.\n\nUs") == ("Hi.", false))
        #expect(matcher.finish() == "\n\nUs")
        #expect(matcher.finish() == "")
    }

    @Test("A stop string that begins inside a failed beginning of itself is found")
    func findsOverlap() {
        #expect(run(["aab"], ["a", "a", "a", "b", "c"]) == ("a", true))
        #expect(run(["abcabd"], ["abc", "abc", "abd"]) == ("abc", true))
    }

    @Test("Of several stop strings the one that is complete first wins, the longest at the same place")
    func firstCompleteWins() {
        #expect(run(["abcd", "bc"], ["abcd"]) == ("a", true))
        #expect(run(["c", "abc"], ["xabcd"]) == ("x", true))
        #expect(run(["</s>", "<"], ["a</s>"]) == ("a", true))
    }

    @Test("Without stop strings, or with an empty one, everything passes at once")
    func emptyStops() {
        var none = StopMatcher([])
        #expect(none.append("text") == ("text", false))
        var empty = StopMatcher([""])
        #expect(empty.append("text") == ("text", false))
    }

    @Test("Canonically equivalent spellings are different texts")
    func comparesBytes() {
        #expect(run(["\u{E9}"], ["e\u{301}"]).matched == false)
        #expect(run(["e"], ["e\u{301}"]) == ("", true))
    }

    @Test("The result is that of searching the whole text, wherever the text is cut")
    func equalsSearch() {
        var random = SeededGenerator(state: 7)
        for _ in 0..<400 {
            let stops = (0..<Int.random(in: 0...3, using: &random)).map { _ in letters(1...5, &random) }
            let text = letters(0...24, &random)
            let expected = search(stops, text)
            var parts: [String] = []
            var rest = text.unicodeScalars[...]
            while !rest.isEmpty {
                let length = min(rest.count, Int.random(in: 1...4, using: &random))
                parts.append(String(String.UnicodeScalarView(rest.prefix(length))))
                rest = rest.dropFirst(length)
            }
            #expect(run(stops, parts) == expected, "\(stops) in \(parts)")
            #expect(run(stops, [text]) == expected, "\(stops) in \(text)")
            #expect(run(stops, text.unicodeScalars.map { String($0) }) == expected, "\(stops) in \(text)")
        }
    }

    private func letters(_ count: ClosedRange<Int>, _ random: inout SeededGenerator) -> String {
        (0..<Int.random(in: count, using: &random)).map { _ in ["a", "b", "é", "è"].randomElement(using: &random) ?? ""
        }
        .joined()
    }
}
