// Tokens in order of their logits, sorted only as far as anyone looks.
//
// Responsible for: the order of candidates: larger key first, lower id on a tie.
// Must not know: probabilities.

/// A binary heap of token ids over an array of keys. Building it is linear, each `next` logarithmic: the few best of a
/// large vocabulary cost no full sort.
struct CandidateHeap: Sequence, IteratorProtocol {
    private let keys: UnsafePointer<Float>
    /// The first `count` are the heap.
    private let ids: UnsafeMutablePointer<UInt32>
    private(set) var count: Int

    /// The given ids, which become the heap's own memory. No key of them is NaN.
    init(keys: UnsafePointer<Float>, ids: UnsafeMutablePointer<UInt32>, count: Int) {
        self.keys = keys
        self.ids = ids
        self.count = count
        for root in stride(from: count / 2 - 1, through: 0, by: -1) { sink(root) }
    }

    /// Takes the best candidate left.
    mutating func next() -> Int32? {
        guard count > 0 else { return nil }
        let best = Int32(ids[0])
        count -= 1
        ids[0] = ids[count]
        sink(0)
        return best
    }

    private func precedes(_ left: UInt32, _ right: UInt32) -> Bool {
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
