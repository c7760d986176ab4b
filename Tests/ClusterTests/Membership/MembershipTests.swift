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

    @Test("A member that joins by a new number is a new member in its place, trusted whatever it was")
    func again() {
        var membership = membership(1, 2)
        _ = membership.setAside(worker, "why", .start)
        var join = Example.join(1)
        join.attempt = 2
        guard case .joined(let member, let earlier?) = membership.admit(worker, join, .start) else {
            Issue.record("it did not join again")
            return
        }
        #expect(member.standing == .trusted)
        #expect(earlier.reasonAside == "why")
        #expect(membership.members.map(\.id) == [worker, WorkerID(2)])
        guard case .known = membership.admit(worker, join, .start) else {
            Issue.record("it joined twice")
            return
        }
    }
}
