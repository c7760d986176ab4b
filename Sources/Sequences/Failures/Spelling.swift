// Responsible for: what somebody who misspelt a word meant, for hints. Must not know: which words there are.

/// Words that look like each other.
package enum Spelling {
    /// The one of `names` that looks most like `word`; nil: none does. A third of the letters may be wrong, but never so
    /// many that anything looks like it.
    package static func nearest(to word: String, among names: [String]) -> String? {
        let most = min(4, max(1, word.filter(\.isLetter).count / 3))
        let distances = names.map { (name: $0, distance: distance(word.lowercased(), $0)) }
        let nearest = distances.min { $0.distance < $1.distance }
        return nearest.flatMap { $0.distance <= most ? $0.name : nil }
    }

    /// How many letters are to be changed, put in, left out or swapped with their neighbours (optimal string alignment).
    package static func distance(_ first: String, _ second: String) -> Int {
        let (a, b) = (Array(first), Array(second))
        guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
        // Rows of the table of distances between beginnings: the last but one, the last.
        var (older, old) = ([Int](), Array(0...b.count))
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                var best = min(old[j] + 1, row[j - 1] + 1, old[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, older[j - 2] + 1) }
                row.append(best)
            }
            (older, old) = (old, row)
        }
        return old[b.count]
    }
}
