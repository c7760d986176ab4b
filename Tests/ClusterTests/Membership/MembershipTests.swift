// Responsible for: who is here and how far each is trusted, as a value. Must not know: plans.

import Testing
import Wire

@testable import Cluster

@Suite struct MembershipTests {
    private func membership(_ numbers: UInt64...) -> Membership {
        var membership = Membership(Example.configuration())
        for number in numbers { _ = membership.admit(WorkerID(number), Example.join(number), .start) }
        return membership
    }

    private let worker = WorkerID(1)

    @Test("A worker is suspected once, set aside the second time, and trusted again when its time is over")
    func standing() {
        var membership = membership(1, 2)
        #expect(membership[worker]?.standing == .trusted)
        #expect(membership.suspect(worker) == true)
        #expect(membership[worker]?.standing == .suspected)
        #expect(membership.eligible.count == 2)
        #expect(membership.suspect(worker) == false)
        #expect(membership.setAside(worker, "why", .start) == .seconds(30))
        #expect(membership[worker]?.standing == .setAside(until: .milliseconds(30_000), why: "why"))
        #expect(membership.eligible.map(\.id) == [WorkerID(2)])
        for number: UInt64 in [1, 2] { #expect(membership.hear(WorkerID(number), .milliseconds(29_999)) == true) }
        #expect(membership.check(.milliseconds(29_999)).isEmpty)
        #expect(membership.check(.milliseconds(30_000)) == [.returned(worker)])
        #expect(membership[worker]?.standing == .trusted)
        #expect(membership.check(.milliseconds(30_000)).isEmpty)
    }

    @Test("A step that comes through ends a suspicion, but not a time aside")
    func cleared() {
        var membership = membership(1, 2)
        #expect(membership.suspect(worker) == true)
        _ = membership.setAside(WorkerID(2), "why", .start)
        membership.clearSuspicions()
        #expect(membership[worker]?.standing == .trusted)
        #expect(membership[WorkerID(2)]?.reasonAside == "why")
        #expect(membership.suspect(worker) == true)
    }

    @Test("Each time aside is twice as long as the one before, up to 32 times")
    func setbacks() {
        var membership = membership(1)
        let times = (0..<7).map { _ in membership.setAside(worker, "why", .start) }
        #expect(times == [30, 60, 120, 240, 480, 960, 960].map { .seconds($0) })
    }

    @Test("Silence and hanging are told with how long they took, and whoever is lost stays until removed")
    func lost() {
        var membership = membership(1, 2)
        var heartbeat = WorkerHeartbeat()
        heartbeat.busyMilliseconds = 120_000
        #expect(membership.hear(worker, .milliseconds(600)) == true)
        membership.note(heartbeat, of: worker)
        let changes = membership.check(.milliseconds(1_000))
        #expect(
            changes == [
                .lost(WorkerID(2), why: "nothing was heard of it for 1000 ms"),
                .lost(worker, why: "it computes one step for 120 s"),
            ])
        #expect(membership.members.count == 2)
        #expect(membership.remove(worker)?.id == worker)
        #expect(membership.remove(worker) == nil)
        #expect(membership.hear(worker, .milliseconds(1_000)) == false)
    }

    @Test("No number that a worker says of itself is too large")
    func largeNumbers() {
        var membership = membership(1)
        var heartbeat = WorkerHeartbeat()
        heartbeat.busyMilliseconds = .max
        membership.note(heartbeat, of: worker)
        #expect(membership.check(.start) == [.lost(worker, why: "it computes one step for 18446744073709551 s")])
    }

    @Test("A member that joins by a new number is a new member in its place, and stays aside if it was")
    func again() {
        var membership = membership(1, 2)
        _ = membership.setAside(worker, "why", .start)
        var join = Example.join(1)
        join.attempt = 2
        guard case .joined(let member, let earlier?, let isNew) = membership.admit(worker, join, .start) else {
            Issue.record("it did not join again")
            return
        }
        #expect(!isNew && member.reasonAside == "why" && earlier.reasonAside == "why")
        #expect(membership.members.map(\.id) == [worker, WorkerID(2)])
        guard case .known = membership.admit(worker, join, .start) else {
            Issue.record("it joined twice")
            return
        }
        #expect(membership.hear(worker, .milliseconds(30_000)) == true)
        #expect(membership.check(.milliseconds(30_000)).contains(.returned(worker)))
    }

    @Test("Who sent damage stays aside as another process with the same cache, who only could not load does not")
    func anotherProcess() {
        for isDamage in [true, false] {
            var membership = Membership(Example.configuration())
            var join = Example.join(1)
            join.cacheIdentity = ContentHash(Array(repeating: 7, count: ContentHash.byteCount))
            _ = membership.admit(worker, join, .start)
            _ = membership.setAside(worker, "why", extent: isDamage ? .identity : .process, .start)
            _ = membership.remove(worker)
            _ = membership.admit(WorkerID(9), join, .milliseconds(10))
            #expect(membership[WorkerID(9)]?.reasonAside == (isDamage ? "why" : nil))
        }
    }

    @Test("Who joins again and again is set aside, and no more is remembered than there is room for")
    func churn() {
        var membership = Membership(Example.configuration())
        var join = Example.join(1)
        for attempt in 1...25 {
            join.attempt = UInt64(attempt)
            _ = membership.admit(worker, join, .milliseconds(attempt * 100))
            #expect((membership[worker]?.reasonAside == nil) == (attempt <= 24))
        }
        #expect(membership[worker]?.reasonAside?.contains("again and again") == true)
    }

    @Test("Who joins again because steps are lost, however often they are, does not do so too often")
    func losses() {
        var membership = Membership(Example.configuration())
        var join = Example.join(1)
        var record = LossRecord()
        var now = Moment.start
        while now < .milliseconds(600_000) {
            join.attempt += 1
            _ = membership.admit(worker, join, now)
            #expect(membership[worker]?.reasonAside == nil)
            now = now + (record.note(now) ?? .zero) + .milliseconds(10)
        }
        #expect(join.attempt > 10)
    }

    @Test("Who was set aside without weights comes back with them, also after joining again, but not for ever at once")
    func regained() {
        var membership = membership(1)
        var join = Example.join(1)
        let proven = LinkReport(epoch: .none, link: .weights, outcome: .proven(bytesPerSecond: 1))
        for round in 1...5 {
            let now = Moment.milliseconds(round * 10_000)
            _ = membership.setAside(worker, "why", extent: .untilWeights, now)
            join.attempt += 1
            _ = membership.admit(worker, join, now)
            #expect(membership[worker]?.reasonAside == "why")
            _ = membership.note(proven, of: worker)
            #expect(membership.regainsWeights(worker, now) == (round <= 3))
            #expect((membership[worker]?.reasonAside == nil) == (round <= 3))
            join.attempt += 1
            _ = membership.admit(worker, join, now)
            #expect((membership[worker]?.reasonAside == nil) == (round <= 3))
        }
        var other = self.membership(1)
        _ = other.setAside(worker, "why", .start)
        #expect(other.regainsWeights(worker, .start) == false)
        #expect(other[worker]?.reasonAside == "why")
    }

    @Test("Only who has not joined lately is new, whether or not it left")
    func newcomers() {
        var membership = Membership(Example.configuration())
        func isNew(_ attempt: UInt64, _ now: Moment) -> Bool? {
            var join = Example.join(1)
            join.attempt = attempt
            guard case .joined(_, _, let isNew) = membership.admit(worker, join, now) else { return nil }
            return isNew
        }
        #expect(isNew(1, .start) == true)
        #expect(isNew(2, .milliseconds(1)) == false)
        _ = membership.remove(worker)
        #expect(isNew(3, .milliseconds(2)) == false)
        #expect(isNew(4, .milliseconds(60_003)) == true)
    }
}
