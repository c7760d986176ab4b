// Responsible for: weights are asked for in a window, resumed, checked and given up. Must not know: files, sockets.

import Testing
import Wire

@testable import Cluster

@Suite struct WeightFetchTests {
    private func hash(_ byte: UInt8) -> ContentHash {
        guard let hash = ContentHash(Array(repeating: byte, count: 32)) else { preconditionFailure("32 bytes") }
        return hash
    }

    private func fetches(_ actions: [WeightFetch.Action]) -> [Fetch] {
        actions.compactMap { if case .send(let fetch) = $0 { fetch } else { nil } }
    }

    private func chunk(_ fetch: Fetch, total: UInt64) -> WeightFetch.Event {
        .chunk(Chunk(content: fetch.content, offset: fetch.offset, length: fetch.length, total: total))
    }

    private func need(_ byte: UInt8, _ bytes: UInt64, cached: UInt64 = 0) -> WeightFetch.Need {
        .init(content: hash(byte), byteCount: bytes, cachedBytes: cached)
    }

    @Test("Everything is fetched in order, with no more than the window outstanding")
    func window() {
        let sizes: [ContentHash: UInt64] = [hash(1): 25, hash(2): 10, hash(3): 31]
        var machine = WeightFetch(
            [need(1, 25), need(2, 10), need(1, 25), need(3, 31)], for: Epoch(3), window: 3, chunkBytes: 10)
        var pending = fetches(machine.handle(.connected))
        #expect(pending.map(\.length) == [10, 10, 5])
        var written: [ContentHash: UInt64] = [:]
        var isFinished = false
        while !pending.isEmpty {
            #expect(pending.count <= 3)
            let fetch = pending.removeFirst()
            let actions = machine.handle(chunk(fetch, total: sizes[fetch.content] ?? 0))
            pending += fetches(actions)
            for action in actions {
                if case .write(let content, _) = action { written[content, default: 0] += UInt64(fetch.length) }
                if case .verify(let content) = action {
                    let more = machine.handle(.verified(content, isRight: true))
                    pending += fetches(more)
                    isFinished = isFinished || more.contains(.finished)
                }
            }
        }
        #expect(isFinished)
        #expect(written == sizes)
        #expect(machine.progress == .init(doneBytes: 66, totalBytes: 66, transferredBytes: 66))
    }

    @Test("What the cache has is not fetched, and what it has in part from where it ends")
    func cache() {
        var machine = WeightFetch(
            [need(1, 30, cached: 30), need(2, 30, cached: 12)], for: Epoch(3), window: 8, chunkBytes: 10)
        #expect(machine.progress == .init(doneBytes: 42, totalBytes: 60, transferredBytes: 0))
        let asked = fetches(machine.handle(.connected))
        #expect(asked.map(\.offset) == [12, 22])
        #expect(asked.allSatisfy { $0.content == hash(2) })
        var full = WeightFetch([need(1, 30, cached: 30)], for: Epoch(3))
        #expect(full.handle(.connected) == [.finished])
        #expect(full.handle(.connected) == [])
    }

    @Test("After a reconnect whatever was outstanding is asked for again")
    func reconnect() {
        var machine = WeightFetch([need(1, 40)], for: Epoch(3), window: 2, chunkBytes: 10)
        let asked = fetches(machine.handle(.connected))
        #expect(fetches(machine.handle(chunk(asked[0], total: 40))).map(\.offset) == [20])
        #expect(fetches(machine.handle(.connected)).map(\.offset) == [10, 20])
    }

    @Test("A wrong hash is fetched once more from the beginning, then given up")
    func wrongHash() {
        var machine = WeightFetch([need(1, 20, cached: 10)], for: Epoch(3), window: 2, chunkBytes: 10)
        let asked = fetches(machine.handle(.connected))
        #expect(machine.handle(chunk(asked[0], total: 20)).contains(.verify(hash(1))))
        let actions = machine.handle(.verified(hash(1), isRight: false))
        #expect(actions.first == .discard(hash(1)))
        let again = fetches(actions)
        #expect(again.map(\.offset) == [0, 10])
        #expect(machine.progress.doneBytes == 0)
        _ = machine.handle(chunk(again[0], total: 20))
        _ = machine.handle(chunk(again[1], total: 20))
        let last = machine.handle(.verified(hash(1), isRight: false))
        guard case .failed(let message)? = last.last else {
            Issue.record("\(last)")
            return
        }
        #expect(message.contains("another SHA-256"))
        #expect(machine.handle(.connected) == [])
    }

    @Test("Whoever hears that its plan is over asks no more and fails nothing; what is said of another plan is nothing")
    func outdated() {
        var machine = WeightFetch([need(1, 40)], for: Epoch(3), window: 2, chunkBytes: 10)
        let asked = fetches(machine.handle(.connected))
        #expect(asked.map(\.epoch) == [Epoch(3), Epoch(3)])
        var earlier = asked[0]
        earlier.epoch = Epoch(2)
        #expect(machine.handle(.chunk(Chunk(outdated: earlier))) == [])
        #expect(fetches(machine.handle(chunk(asked[0], total: 40))).map(\.offset) == [20])
        #expect(machine.handle(.chunk(Chunk(outdated: asked[1]))) == [])
        #expect(machine.handle(chunk(asked[1], total: 40)) == [])
        #expect(machine.handle(.connected) == [])
    }

    @Test("An error, another length or another total ends it with a sentence")
    func errors() {
        func end(_ change: (inout Chunk) -> Void) -> String {
            var machine = WeightFetch([need(1, 20)], for: Epoch(3), window: 1, chunkBytes: 10)
            _ = machine.handle(.connected)
            var chunk = Chunk(content: hash(1), offset: 0, length: 10, total: 20)
            change(&chunk)
            guard case .failed(let message)? = machine.handle(.chunk(chunk)).last else { return "" }
            return message
        }
        #expect(end { $0.error = "no such tensor" }.contains("no such tensor"))
        #expect(end { $0.length = 9 }.contains("9 of 20 came"))
        #expect(end { $0.total = 21 }.contains("10 of 21 came"))
        #expect(end { $0.offset = 5 } == "")
    }
}
