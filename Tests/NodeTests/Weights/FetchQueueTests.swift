// Responsible for: who fetches through many connections has one share of what is read. Must not know: sockets, weights.
import Testing
import Transport
import Wire

@testable import Node

@Suite("Fetches that wait")
struct FetchQueueTests {
    private func fetch(_ offset: UInt64) throws -> Fetch {
        Fetch(content: try #require(ContentHash(Array(repeating: 1, count: 32))), offset: offset, length: 1)
    }

    @Test("A key with ten connections waits behind itself, and another is read after one of its fetches")
    func oneShare() throws {
        var queue = FetchQueue()
        let (flood, honest) = (ClientID(1), ClientID(2))
        // The newest connection of a key counts.
        var replaced: [Peer] = []
        for number in 1...10 {
            for offset in 0..<20 {
                let ended = queue.add(
                    try fetch(UInt64(offset)), over: Peer(number: UInt32(number)), of: flood, isKnown: true)
                if let ended { replaced.append(ended) }
            }
        }
        #expect(replaced.map(\.number) == Array(1...9))
        for offset in 0..<8 {
            #expect(queue.add(try fetch(UInt64(offset)), over: Peer(number: 99), of: honest, isKnown: true) == nil)
        }
        var order: [UInt32] = []
        while let request = queue.next() {
            order.append(request.peer.number)
            queue.noteRead()
        }
        // What waited of the connections that were replaced had taken all the room that the key has.
        #expect(order == Array(repeating: 99, count: 8))
        for number in [10, 99] {
            for offset in 0..<3 {
                #expect(
                    queue.add(
                        try fetch(UInt64(offset)), over: Peer(number: UInt32(number)),
                        of: number == 10 ? flood : honest, isKnown: true) == nil)
            }
        }
        order = []
        while let request = queue.next() {
            order.append(request.peer.number)
            queue.noteRead()
        }
        #expect(order == [10, 99, 10, 99, 10, 99])
    }

    @Test("As many as the reading thread may have at a time, and one more for each that is read")
    func bounded() throws {
        var queue = FetchQueue()
        for offset in 0..<20 {
            _ = queue.add(try fetch(UInt64(offset)), over: Peer(number: 1), of: ClientID(1), isKnown: true)
        }
        var count = 0
        while queue.next() != nil { count += 1 }
        #expect(count == FetchQueue.readsAtOnce)
        queue.noteRead()
        #expect(queue.next()?.fetch.offset == UInt64(count) && queue.next() == nil)
    }

    @Test("Where links are open, each connection is somebody of its own")
    func open() throws {
        var queue = FetchQueue()
        for number in 1...3 {
            let peer = Peer(number: UInt32(number))
            for offset in 0..<2 {
                #expect(queue.add(try fetch(UInt64(offset)), over: peer, of: ClientID(peer), isKnown: false) == nil)
            }
        }
        var order: [UInt32] = []
        while let request = queue.next() { order.append(request.peer.number) }
        #expect(order == [1, 2, 3, 1, 2, 3])
    }
}
