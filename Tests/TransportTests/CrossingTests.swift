// Between threads: mailbox, waker, poller, loop thread.
import Glibc
import Synchronization
import Testing

@testable import Transport

@Suite struct CrossingTests {
    @Test("A full mailbox refuses, and takes again once it is drained")
    func bounds() throws {
        let mailbox = Mailbox<Int>(capacity: 3, waking: try Waker())
        #expect((0..<5).map { mailbox.post($0) } == [true, true, true, false, false])
        #expect(mailbox.drain() == [0, 1, 2])
        #expect(mailbox.drain() == [])
        #expect(mailbox.post(5))
        #expect(mailbox.drain() == [5])
    }

    @Test("A closed mailbox refuses, and still gives what it has")
    func closing() throws {
        let mailbox = Mailbox<Int>(capacity: 3, waking: try Waker())
        #expect(mailbox.post(1))
        mailbox.close()
        #expect(!mailbox.post(2))
        #expect(mailbox.isClosed)
        #expect(mailbox.wait() == [1])
        #expect(mailbox.wait() == [])
    }

    @Test("Posts of several threads arrive once each, every thread's in its order, while the loop polls")
    func ordering() async throws {
        let waker = try Waker()
        let mailbox = Mailbox<(thread: Int, number: Int)>(capacity: 64, waking: waker)
        let (threads, count) = (4, 2000)
        let loop = try LoopThread(name: "reader") {
            let poller = try Poller(waker)
            var next = Array(repeating: 0, count: threads)
            while next.reduce(0, +) < threads * count {
                let ready = poller.wait(timeoutMilliseconds: 5000)
                if ready.isEmpty { break }  // a wake was lost
                for (thread, number) in mailbox.drain() {
                    if next[thread] != number { return [-1] }
                    next[thread] += 1
                }
            }
            return next
        }
        for thread in 0..<threads {
            _ = try LoopThread(name: "writer-\(thread)") {
                for number in 0..<count {
                    while !mailbox.post((thread, number)) { sched_yield() }
                }
            }
        }
        #expect(try await loop.value == Array(repeating: count, count: threads))
    }

    @Test("A post wakes a poller that waits, long before its timeout")
    func latency() async throws {
        let waker = try Waker()
        let mailbox = Mailbox<ContinuousClock.Instant>(capacity: 8, waking: waker)
        let rounds = 20
        let seen = Atomic<Int>(0)
        let loop = try LoopThread(name: "sleeper") {
            let link = try ListeningRouter(waking: waker)
            var delays: [Duration] = []
            while delays.count < rounds {
                if link.poller.wait(timeoutMilliseconds: 5000).isEmpty { break }
                for posted in mailbox.drain() { delays.append(ContinuousClock.now - posted) }
                seen.store(delays.count, ordering: .releasing)
            }
            return delays.sorted()
        }
        for round in 0..<rounds {
            try await Task.sleep(for: .milliseconds(2))
            #expect(mailbox.post(ContinuousClock.now))
            while seen.load(ordering: .acquiring) <= round { try await Task.sleep(for: .milliseconds(1)) }
        }
        let delays = try await loop.value
        #expect(delays.count == rounds)
        #expect(delays[rounds / 2] < Duration.milliseconds(20) * slowness(), "median of \(delays)")
    }

    @Test("A poll ends at its time when nothing comes, and reports what was not received again")
    func polling() throws {
        let link = try ListeningRouter()
        // A socket that begins to listen is an event, though one that nobody needs.
        while !link.router.takeEvents().isEmpty {}
        let start = ContinuousClock.now
        #expect(link.poller.wait(timeoutMilliseconds: 30).isEmpty)
        #expect(ContinuousClock.now - start >= .milliseconds(29))

        let dealer = try link.dealer()
        try dealer.sendWhenPossible([[1]])
        try wait("the message") { link.poller.wait(timeoutMilliseconds: 100).contains(link.router) ? () : nil }
        #expect(link.poller.wait(timeoutMilliseconds: 0).contains(link.router))
        #expect(link.router.receive()?.frames.count == 1)
        #expect(!link.poller.wait(timeoutMilliseconds: 0).contains(link.router))
    }

    @Test("What came while a socket was sending is reported, though libzmq signals it no more")
    func newsDuringSend() throws {
        let link = try ListeningRouter()
        let dealer = try link.introducedDealer()
        let peer = link.peer
        for round in UInt8(0)..<50 {
            while link.poller.wait(timeoutMilliseconds: 0).contains(link.router) { _ = link.router.receive() }
            #expect(dealer.send([[round]]) == .sent)
            usleep(2000)
            #expect(link.router.send(to: peer, [[round]]) == .sent)
            // The monitor, which nobody reads here, ends each waiting at once; on a busy machine the message takes longer.
            try wait("the message") { link.poller.wait(timeoutMilliseconds: 100).contains(link.router) ? () : nil }
            #expect(link.router.receive()?.frames.map(\.bytes) == [[round]])
            #expect(try dealer.nextMessage().map(\.bytes) == [[round]])
        }
    }

    @Test("A ring is heard once, also one from before the wait")
    func rings() throws {
        let waker = try Waker()
        let poller = try Poller(waker)
        waker.ring()
        waker.ring()
        #expect(poller.wait(timeoutMilliseconds: 1000).wasRung)
        #expect(!poller.wait(timeoutMilliseconds: 0).wasRung)
        waker.ring()
        #expect(waker.wait(timeoutMilliseconds: 1000))
        #expect(!waker.wait(timeoutMilliseconds: 0))
    }

    #if DEBUG
        @Test("A socket that two threads use is a trap in a debug build")
        func twoThreads() async {
            await #expect(processExitsWith: .failure) {
                let link = try ListeningRouter()
                #expect(link.router.receive() == nil)
                nonisolated(unsafe) let router = link.router
                _ = try LoopThread(name: "thief") { _ = router.receive() }.join()
            }
        }
    #endif

    @Test("A thread's result and its error reach tasks and threads, as often as they ask")
    func results() async throws {
        struct Failure: Error {}
        let good = try LoopThread(name: "a rather long name indeed") { 42 }
        #expect(try await good.value == 42)
        #expect(try await good.value == 42)
        #expect(try good.join() == 42)
        #expect(try good.join() == 42)
        let bad = try LoopThread<Int>(name: "bad") {
            usleep(20_000)
            throw Failure()
        }
        await #expect(throws: Failure.self) { try await bad.value }
        #expect(throws: Failure.self) { try bad.join() }
    }

    @Test("Sockets made outside go over to the loop thread, and close with it")
    func handingOver() async throws {
        let waker = try Waker()
        let stop = Mailbox<Void>(capacity: 1, waking: waker)
        let context = try Context(.open)
        let router = try RouterSocket(context, ListeningRouter.options, purpose: "tests")
        let endpoint = try router.bind(Endpoint(parsing: "127.0.0.1:0"))
        let loop = try LoopThread(name: "echo") { [router] in
            let poller = try Poller(waker)
            poller.add(router)
            var count = 0
            while stop.drain().isEmpty {
                _ = poller.wait(timeoutMilliseconds: 1000)
                while let arrival = router.receive() {
                    count += 1
                    _ = router.send(to: arrival.peer, arrival.frames.map(\.bytes))
                }
            }
            return count
        }
        let client = try LoopThread(name: "client") {
            let dealer = try DealerSocket(context, ListeningRouter.options, server: nil)
            try dealer.connect(endpoint)
            for number in 0..<10 {
                try dealer.sendWhenPossible([[UInt8(number)]])
                #expect(try dealer.nextMessage().map(\.bytes) == [[UInt8(number)]])
            }
        }
        try await client.value
        #expect(stop.post(()))
        #expect(try await loop.value == 10)
    }
}
