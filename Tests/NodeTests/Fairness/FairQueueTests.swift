// Responsible for: owners take turns, and none has more than its room. Must not know: what waits.
import Testing

@testable import Node

@Suite("Queues in which owners take turns")
struct FairQueueTests {
    @Test("Who puts much in waits behind itself, and others do not")
    func turns() {
        var queue = FairQueue<String, Int>(limit: 4)
        for number in 1...3 { _ = queue.add(number, of: "flood") }
        for (number, owner) in [(7, "one"), (8, "other"), (9, "one")] { _ = queue.add(number, of: owner) }
        var order: [Int] = []
        while let (_, number) = queue.next() { order.append(number) }
        #expect(order == [1, 7, 8, 2, 9, 3])
        #expect(queue.isEmpty)
    }

    @Test("What is beyond an owner's room is refused to that owner alone")
    func room() {
        var queue = FairQueue<String, Int>(limit: 2)
        let added = (1...1_000).filter { queue.add($0, of: "flood") }
        #expect(added == [1, 2])
        let isHonestAdded = queue.add(5, of: "honest")
        #expect(isHonestAdded)
        let first = queue.next()?.element
        let isAdded = queue.add(3, of: "flood")
        let second = queue.next()?.element
        #expect(first == 1 && isAdded && second == 5)
    }
}
