// Responsible for: what happens next in virtual time; of things at the same time, what was planned first. Must not
// know: what happens.

/// A binary heap of things by time and order of planning.
struct EventQueue<Thing> {
    private var heap: [(time: UInt64, order: UInt64, thing: Thing)] = []
    private var planned: UInt64 = 0

    var count: Int { heap.count }

    mutating func plan(_ thing: Thing, at time: UInt64) {
        planned += 1
        heap.append((time, planned, thing))
        var child = heap.count - 1
        while child > 0, isBefore(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func next() -> (time: UInt64, thing: Thing)? {
        guard let first = heap.first else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while 2 * parent + 1 < heap.count {
            var child = 2 * parent + 1
            if child + 1 < heap.count, isBefore(child + 1, child) { child += 1 }
            if !isBefore(child, parent) { break }
            heap.swapAt(parent, child)
            parent = child
        }
        return (first.time, first.thing)
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        heap[a].time != heap[b].time ? heap[a].time < heap[b].time : heap[a].order < heap[b].order
    }
}
