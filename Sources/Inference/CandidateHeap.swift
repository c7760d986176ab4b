// Tokens in order of their logits, sorted only as far as anyone looks.
//
// Responsible for: the order of candidates: larger key first, lower id on a tie.
// Must not know: probabilities.

/// A binary heap of token ids over an array of keys. Building it is linear, each `next` logarithmic: the few best of a
/// large vocabulary cost no full sort.
struct CandidateHeap: Sequence, IteratorProtocol {
    private let keys: UnsafePointer<Float>
    /// [vocabulary] scratch; the first `count` are the heap.
    private let ids: UnsafeMutablePointer<Int32>
    private(set) var count = 0

    /// All ids in 0..<size whose key is a number above -infinity; `ids` is scratch of `size` elements.
    init(keys: UnsafePointer<Float>, size: Int, ids: UnsafeMutablePointer<Int32>) {
        self.keys = keys
        self.ids = ids
        for id in 0..<size where keys[id] > -.infinity {
            ids[count] = Int32(id)
            count += 1
        }
        for root in stride(from: count / 2 - 1, through: 0, by: -1) { sink(root) }
    }

    /// Takes the best candidate left.
    mutating func next() -> Int32? {
        guard count > 0 else { return nil }
        let best = ids[0]
        count -= 1
        ids[0] = ids[count]
        sink(0)
        return best
    }

    private func precedes(_ left: Int32, _ right: Int32) -> Bool {
        let (leftKey, rightKey) = (keys[Int(left)], keys[Int(right)])
        return leftKey > rightKey || (leftKey == rightKey && left < right)
    }

    private func sink(_ start: Int) {
        guard start < count else { return }
        let id = ids[start]
        var hole = start
        while true {
            var child = 2 * hole + 1
            guard child < count else { break }
            if child + 1 < count, precedes(ids[child + 1], ids[child]) { child += 1 }
            guard precedes(ids[child], id) else { break }
            ids[hole] = ids[child]
            hole = child
        }
        ids[hole] = id
    }
}
