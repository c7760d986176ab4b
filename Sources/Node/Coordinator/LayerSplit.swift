// Responsible for: reading which layers each worker is to have.
// Must not know: workers.

import Cluster
import Sequences

/// Layer ranges in the order of workers.
package enum LayerSplit {
    /// Reads "0-3,4-11". Throws unless the ranges follow each other from layer 0 on.
    package static func parse(_ text: String) throws(TandemError) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        let hint: Sentence = "write ranges that follow each other from layer 0 on, as 0-3,4-11"
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first >= 0,
                last >= first,
                last < 1 << 20
            else { throw TandemError("\(.split) has \"\(part)\", which is no range of layers", hint: hint) }
            guard first == ranges.last?.upperBound ?? 0 else {
                throw TandemError(
                    "\(.split) is \(text), where layer \(ranges.last?.upperBound ?? 0) should follow but \(first) does",
                    hint: hint)
            }
            ranges.append(first..<last + 1)
        }
        return ranges
    }

    /// Throws unless `ranges` cover exactly the layers of a model, in order and none of them empty.
    static func check(_ ranges: [Range<Int>], layerCount: Int) throws(TandemError) {
        if let problem = Planner.problem(withSplit: ranges, layerCount: layerCount) {
            throw TandemError(problem, hint: "cover the layers 0-\(layerCount - 1)")
        }
    }
}
