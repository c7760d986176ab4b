// Responsible for: weights that are fetched while the cluster computes: how much of a link they take. Must not know: sockets.
import Cluster
import Testing
import Wire

@testable import Node

@Suite("Fetches beside what is computed")
struct ShardFetchTests {
    private static let content = ContentHash([UInt8](repeating: 7, count: ContentHash.byteCount))

    private static func fetch(chunks: Int, isSparing: Bool) throws -> ShardFetch {
        let need = WeightFetch.Need(
            content: try #require(content), byteCount: UInt64(chunks * Limits.chunkBytes), cachedBytes: 0)
        return ShardFetch([need], for: Epoch(3), localBytes: 0, isSparing: isSparing)
    }

    private static func asked(_ actions: [WeightFetch.Action]) -> [Fetch] {
        actions.compactMap { if case .send(let fetch) = $0 { fetch } else { nil } }
    }

    private static func chunk(_ fetch: Fetch, of chunks: Int) -> WeightFetch.Event {
        .chunk(
            Chunk(
                content: fetch.content, offset: fetch.offset, length: fetch.length,
                total: UInt64(chunks * Limits.chunkBytes)))
    }

    @Test("What comes in a time is followed by a pause of twice that, and nothing is asked for ahead")
    func sparing() throws {
        var fetch = try Self.fetch(chunks: 3, isSparing: true)
        var now = Moment.start + .seconds(1)
        let asked = Self.asked(fetch.handle(.connected, now))
        #expect(asked.isEmpty)
        for (chunk, milliseconds) in [40, 7, 90].enumerated() {
            #expect(try #require(fetch.nextAt) <= now)
            let due = fetch.takeDue(now)
            let request = try #require(due)
            #expect(request.offset == UInt64(chunk * Limits.chunkBytes) && fetch.nextAt == nil)
            let more = fetch.takeDue(now + .seconds(9))
            #expect(more == nil)
            now = now + .milliseconds(milliseconds)
            let asked = Self.asked(fetch.handle(Self.chunk(request, of: 3), now))
            #expect(asked.isEmpty)
            guard chunk < 2 else { break }
            let next = now + .milliseconds(2 * milliseconds)
            let early = fetch.takeDue(next + .nanoseconds(-1))
            #expect(fetch.nextAt == next && early == nil)
            now = next
        }
        #expect(fetch.nextAt == nil && fetch.machine.progress.doneBytes == UInt64(3 * Limits.chunkBytes))
    }

    @Test("A new connection is asked at once, and once for each thing")
    func again() throws {
        var fetch = try Self.fetch(chunks: 3, isSparing: true)
        let now = Moment.start + .seconds(1)
        _ = fetch.handle(.connected, now)
        let due = fetch.takeDue(now)
        let first = try #require(due)
        _ = fetch.handle(Self.chunk(first, of: 3), now + .seconds(10))
        _ = fetch.handle(.connected, now + .seconds(11))
        let again = fetch.takeDue(now + .seconds(11))
        let more = fetch.takeDue(now + .seconds(99))
        #expect(again?.offset == UInt64(Limits.chunkBytes) && more == nil)
    }

    @Test("Where nothing is computed everything is asked for at once")
    func alone() throws {
        var fetch = try Self.fetch(chunks: 3, isSparing: false)
        let asked = Self.asked(fetch.handle(.connected, .start))
        #expect(asked.count == 3 && fetch.nextAt == nil)
    }
}
