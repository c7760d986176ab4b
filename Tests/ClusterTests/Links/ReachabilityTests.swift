// Responsible for: for how long pairs of nodes are avoided, orders that avoid them, and endpoints that may be told. Must
// not know: the coordinator.

import Testing
import Wire

@testable import Cluster

@Suite struct ReachabilityTests {
    private let a = WorkerID(1)
    private let b = WorkerID(2)

    @Test("A pair is avoided for a time that doubles with every failure, in one direction only")
    func growingTime() {
        var reachability = Reachability()
        var now = Moment.start
        for time: Duration in [.seconds(10), .seconds(20), .seconds(40)] {
            #expect(reachability.noteFailure(a, b, "why", now) == true)
            #expect(reachability.noteFailure(a, b, "why", now) == false)
            #expect(!reachability.isAvoided(b, a, now))
            #expect(reachability.isAvoided(a, b, now + (time - .milliseconds(1))))
            #expect(reachability.nextReturn(after: now) == now + time)
            #expect(reachability.troubles(now) { _ in true } == ["why"])
            #expect(reachability.troubles(now) { $0 == a }.isEmpty)
            now = now + time
            #expect(!reachability.isAvoided(a, b, now))
        }
        #expect(reachability.noteFailure(a, b, "why", now + .seconds(600)) == true)
        #expect(!reachability.isAvoided(a, b, now + .seconds(610)))
    }

    @Test("A link that is proven is not avoided any more, but for one that loses steps although it answers")
    func proven() {
        var reachability = Reachability()
        _ = reachability.noteFailure(nil, b, "why", .start)
        reachability.noteProven(nil, b, .milliseconds(1))
        #expect(!reachability.isAvoided(nil, b, .milliseconds(1)))
    }

    @Test("Steps that are lost count against a pair from the second time on, and are forgotten after a while")
    func losses() {
        var reachability = Reachability()
        #expect(reachability.noteLoss(a, b, .start) == false)
        #expect(reachability.noteLoss(a, b, .milliseconds(10)) == true)
        #expect(reachability.noteLoss(a, b, .milliseconds(1_000_000)) == false)
    }

    @Test("What is remembered has a bound")
    func bound() {
        var reachability = Reachability()
        for number in 0..<UInt64(5_000) { _ = reachability.noteFailure(WorkerID(number), b, "why", .start) }
        #expect(reachability.troubles(.start) { _ in true }.count == 4 * Limits.workers)
    }

    private func candidates(_ count: Int) -> [Planner.Candidate] {
        (1...count).map {
            Planner.Candidate(
                worker: WorkerID(UInt64($0)), memoryBytes: 1000, speed: WorkerSpeed(readBytesPerSecond: 1e9))
        }
    }

    /// The order in which workers are put where these links do not carry; 0 is the coordinator. Each takes one layer.
    private func order(_ count: Int, without broken: [(Int, Int)], least: Int = 1) -> [UInt64]? {
        let order = StageOrder { from, to in
            !broken.contains { $0 == Int(from?.value ?? 0) && $1 == Int(to?.value ?? 0) }
        }
        let plan = order.plan(candidates(count)) { candidates in
            candidates.count < least
                ? nil
                : Plan(
                    stages: candidates.enumerated().map { .init(worker: $1.worker, layers: $0..<$0 + 1) },
                    blockCount: 1)
        }
        return plan?.stages.map(\.worker.value)
    }

    @Test("Workers stand in their order unless a link between two does not carry; then in one near to it")
    func orders() {
        #expect(order(3, without: []) == [1, 2, 3])
        #expect(order(3, without: [(1, 2)]) == [1, 3, 2])
        #expect(order(3, without: [(1, 2), (2, 1)]) == [1, 3, 2])
        #expect(order(3, without: [(0, 1)]) == [2, 1, 3])
        #expect(order(3, without: [(3, 0)]) == [1, 3, 2])
        #expect(order(2, without: [(1, 2)]) == [2, 1])
    }

    @Test("Where no order of all carries, fewer do; where none does, there is no plan")
    func fewer() {
        #expect(order(2, without: [(1, 2), (2, 1)]) == [1])
        #expect(order(3, without: [(1, 2), (2, 1), (2, 3), (3, 2)]) == [1, 3])
        #expect(order(3, without: [(1, 2), (2, 1), (2, 3), (3, 2)], least: 3) == nil)
        #expect(order(2, without: [(0, 1), (0, 2)]) == nil)
    }

    @Test("Many workers with a few broken links are put in an order at once")
    func many() {
        let broken = (1..<40).map { ($0, $0 + 1) }
        #expect(order(40, without: Array(broken.prefix(5)))?.count == 40)
        #expect(order(12, without: (1...12).map { ($0, 5) } + [(0, 5)])?.contains(5) == false)
    }

    @Test("An order exists: it is found, whichever links of five workers are broken")
    func whateverIsBroken() {
        var state: UInt64 = 1
        func chance() -> Bool {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 62 == 0
        }
        for _ in 0..<200 {
            let pairs = (0...5).flatMap { a in (0...5).map { (a, $0) } }
            let broken = pairs.filter { pair in pair.0 != pair.1 && !chance() && !chance() && chance() }
            func exists(_ path: [Int]) -> Bool {
                if path.count == 5, !broken.contains(where: { $0 == (path[4], 0) }) { return true }
                return (1...5).contains { next in
                    !path.contains(next) && !broken.contains { $0 == (path.last ?? 0, next) } && exists(path + [next])
                }
            }
            let isFound = order(5, without: broken)?.count == 5
            #expect(isFound == exists([]))
        }
    }

    @Test("Endpoints that may be told to others have an address and a port")
    func endpoints() {
        for text in [
            "tcp://192.0.2.3:7080", "tcp://127.0.0.1:1", "tcp://[2001:db8::3]:7080", "tcp://[::1]:65535",
            "tcp://[fe80::1%eth0]:7080", "tcp://[::ffff:192.0.2.1]:80",
        ] {
            #expect(DataEndpoint.problem(with: text) == nil, "\(text)")
        }
        for text in [
            "", "tcp://", "tcp://:1", "192.0.2.3:7080", "tcp://host:7080", "tcp://no-such-host.invalid:1", "tcp://*:1",
            "tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://192.0.2.3:0", "tcp://192.0.2.3:65536", "tcp://192.0.2.3",
            "tcp://192.0.2:1", "tcp://192.0.2.256:1", "tcp://1.2.3.4.5:1", "inproc://x", "ipc:///tmp/x:1",
            "tcp://224.0.0.1:1", "tcp://[ff02::1]:1", "tcp://[1:2:3]x:1", "tcp://[zz::1]:1", "tcp://192.0.2.3:+1",
            "tcp://192.0.2.3:1;tcp://192.0.2.4:1",
        ] {
            #expect(DataEndpoint.problem(with: text) != nil, "\(text)")
        }
    }
}
