// Finds stop strings in text that arrives in parts. Knows nothing of tokens.

/// Lets text through up to the first stop string, and holds back what may yet become one.
///
/// The match that is complete first wins, and among those complete at the same byte the longest. So the result does
/// not depend on how the text was cut into parts, and nothing more needs to be generated to be sure of it.
package struct StopMatcher: Sendable {
    /// The bytes of one stop string and how many of them the text so far ends with (Knuth, Morris and Pratt).
    private struct Pattern: Sendable {
        let bytes: [UInt8]
        /// For each length of a matched prefix the length of its longest proper border.
        let borders: [Int]
        var matched = 0

        init(_ text: String) {
            let bytes = Array(text.utf8)
            var borders = [0, 0]
            var length = 0
            for index in bytes.indices.dropFirst() {
                while length > 0, bytes[index] != bytes[length] { length = borders[length] }
                if bytes[index] == bytes[length] { length += 1 }
                borders.append(length)
            }
            self.bytes = bytes
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
    private var held: [UInt8] = []
    /// A stop string was found: all that comes later is dropped.
    package private(set) var hasMatched = false

    /// Empty stop strings are ignored.
    package init(_ stops: [String]) {
        patterns = stops.filter { !$0.isEmpty }.map(Pattern.init)
    }

    /// Takes the next part of the text. `emit` is what can be shown now; with `matched` it is the last, and neither the
    /// stop string nor what follows it is in it.
    package mutating func append(_ text: String) -> (emit: String, matched: Bool) {
        if hasMatched { return ("", true) }
        for byte in text.utf8 {
            held.append(byte)
            var longestMatch = 0
            for index in patterns.indices where patterns[index].advance(byte) {
                longestMatch = max(longestMatch, patterns[index].bytes.count)
            }
            if longestMatch > 0 {
                hasMatched = true
                return (release(keeping: longestMatch), true)
            }
        }
        return (release(keeping: patterns.map(\.matched).max() ?? 0), false)
    }

    /// Ends the text: what was held back, unless a stop string was found.
    package mutating func finish() -> String {
        hasMatched ? "" : release(keeping: 0)
    }

    private mutating func release(keeping count: Int) -> String {
        defer { held.removeFirst(held.count - count) }
        return String(decoding: held.dropLast(count), as: UTF8.self)
    }
}
