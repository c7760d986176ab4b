// Finds stop strings in text that arrives in parts. Knows nothing of tokens.

/// Lets text through up to the first stop string, and holds back what may yet become one.
///
/// The match that is complete first wins, and among those complete at the same byte the longest. So the result does
/// not depend on how the text was cut into parts, and nothing more needs to be generated to be sure of it.
///
/// The text of special tokens, which nobody is shown, counts for the stop strings that have some of it in them. Others do
/// not see it.
package struct StopMatcher: Sendable {
    /// The bytes of one stop string and how many of them the text so far ends with (Knuth, Morris and Pratt).
    private struct Pattern: Sendable {
        let bytes: [UInt8]
        /// The text of special tokens counts.
        let seesHidden: Bool
        /// For each length of a matched prefix the length of its longest proper border.
        let borders: [Int]
        var matched = 0

        init(_ text: String, seesHidden: Bool) {
            let bytes = Array(text.utf8)
            var borders = [0, 0]
            var length = 0
            for index in bytes.indices.dropFirst() {
                while length > 0, bytes[index] != bytes[length] { length = borders[length] }
                if bytes[index] == bytes[length] { length += 1 }
                borders.append(length)
            }
            self.bytes = bytes
            self.seesHidden = seesHidden
            self.borders = borders
        }

        /// Takes the next byte; true when the stop string is complete.
        mutating func advance(_ byte: UInt8) -> Bool {
            while matched > 0, bytes[matched] != byte { matched = borders[matched] }
            if bytes[matched] == byte { matched += 1 }
            return matched == bytes.count
        }
    }

    private var patterns: [Pattern]
    private var held: [(byte: UInt8, isHidden: Bool)] = []
    /// A stop string was found: all that comes later is dropped.
    package private(set) var hasMatched = false

    /// Empty stop strings are ignored. `hasSpecial`: whether there is text of special tokens in one.
    package init(_ stops: [String], hasSpecial: (String) -> Bool = { _ in false }) {
        patterns = stops.filter { !$0.isEmpty }.map { Pattern($0, seesHidden: hasSpecial($0)) }
    }

    /// Some stop strings have text of special tokens in them.
    package var seesHidden: Bool { patterns.contains(where: \.seesHidden) }

    /// Takes the next part of the text. `emit` is what can be shown now; with `matched` it is the last, and neither the
    /// stop string nor what follows it is in it.
    package mutating func append(_ text: String) -> (emit: String, matched: Bool) {
        append(text.utf8, isHidden: false)
    }

    /// Takes the text of a special token, which is not shown.
    package mutating func append(hidden text: [UInt8]) -> (emit: String, matched: Bool) {
        append(text, isHidden: true)
    }

    private mutating func append(_ text: some Sequence<UInt8>, isHidden: Bool) -> (emit: String, matched: Bool) {
        if hasMatched { return ("", true) }
        for byte in text {
            held.append((byte, isHidden))
            var start: Int?
            for index in patterns.indices where !isHidden || patterns[index].seesHidden {
                guard patterns[index].advance(byte) else { continue }
                start = min(start ?? .max, self.start(of: patterns[index]))
            }
            if let start {
                hasMatched = true
                return (release(upTo: start), true)
            }
        }
        return (release(upTo: patterns.map(start(of:)).min() ?? held.count), false)
    }

    /// Where in what is held that of a stop string begins which the text so far ends with.
    private func start(of pattern: Pattern) -> Int {
        if pattern.seesHidden { return held.count - pattern.matched }
        var start = held.count
        var missing = pattern.matched
        while missing > 0 {
            start -= 1
            if !held[start].isHidden { missing -= 1 }
        }
        return start
    }

    /// Ends the text: what was held back, unless a stop string was found.
    package mutating func finish() -> String {
        hasMatched ? "" : release(upTo: held.count)
    }

    private mutating func release(upTo end: Int) -> String {
        defer { held.removeFirst(end) }
        return String(decoding: held[..<end].lazy.filter { !$0.isHidden }.map(\.byte), as: UTF8.self)
    }
}
