// Responsible for: what happens next in virtual time; of things at the same time, what was planned first. Must not
// know: what happens.

/// A binary heap of places by time and order of planning, with the things beside it: numbers are cheap to move.
struct EventQueue<Thing> {
    private var heap = TimeHeap()
    private var things: [Thing?] = []
    private var freePlaces: [Int] = []
    private var planned: UInt64 = 0

    mutating func plan(_ thing: Thing, at time: UInt64) {
        planned += 1
        let place = freePlaces.popLast() ?? things.count
        if place == things.count { things.append(thing) } else { things[place] = thing }
        heap.add(TimeHeap.Entry(time: time, order: planned, place: place))
    }

    mutating func next() -> (time: UInt64, thing: Thing)? {
        guard let first = heap.removeFirst(), let thing = things[first.place] else { return nil }
        things[first.place] = nil
        freePlaces.append(first.place)
        return (first.time, thing)
    }
}

/// The heap itself.
private struct TimeHeap {
    struct Entry {
        let time: UInt64
        let order: UInt64
        let place: Int

        static func < (a: Entry, b: Entry) -> Bool { a.time != b.time ? a.time < b.time : a.order < b.order }
    }

    private var entries: [Entry] = []

    mutating func add(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0, entries[child] < entries[(child - 1) / 2] {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> Entry? {
        guard let first = entries.first else { return nil }
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while 2 * parent + 1 < entries.count {
            var child = 2 * parent + 1
            if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
            if !(entries[child] < entries[parent]) { break }
            entries.swapAt(parent, child)
            parent = child
        }
        return first
    }
}
