// Responsible for: what counts as a worker's speed: what it showed, else what it claims within bounds. Must not know: plans.

import Testing
import Wire

@testable import Cluster

@Suite struct SpeedRecordTests {
    private func members(_ claims: [Double], host: String = "") -> [Member] {
        claims.enumerated().map { index, claim in
            var join = Example.join(UInt64(index))
            join.readBytesPerSecond = claim
            join.hostName = host
            return Member(id: WorkerID(UInt64(index)), join: join, now: .start)
        }
    }

    private func learned(_ members: [Member], _ computing: [Double], unexplained: Double) -> [Double] {
        var record = SpeedRecord()
        record.learn(members.map { ($0, 1_000) }, computing: computing, unexplained: unexplained)
        return record.speeds(of: members)
    }

    @Test("Who never computed counts for what it claims, and for four times the median at most")
    func claims() {
        let record = SpeedRecord()
        #expect(record.speeds(of: members([1e9, 2e9, 3e9])) == [1e9, 2e9, 3e9])
        #expect(record.speeds(of: members([1e9, 1e12])) == [1e9, 4e9])
        #expect(record.speeds(of: members([1e300, 1e9, 2e9, .infinity])) == [8e9, 1e9, 2e9, 0])
        #expect(record.speeds(of: members([.nan, -1, 0])) == [0, 0, 0])
        #expect(record.speeds(of: members([1e9, 2e9], host: "a")) == [2e9, 2e9])
        #expect(record.speeds(of: []).isEmpty)
    }

    @Test("What steps took takes the place of what was claimed, in the same unit")
    func measured() {
        let members = members([1e9, 1e9, 1e9])
        let speeds = learned(Array(members[..<2]), [100, 400], unexplained: 10)
        #expect(speeds == [1e9, 0.25e9])
        var record = SpeedRecord()
        record.learn(members[..<2].map { ($0, 1_000) }, computing: [100, 400], unexplained: 10)
        #expect(record.speeds(of: members) == [1e9, 0.25e9, 1e9])
        #expect(record.measured(members[2]) == nil)
        record.learn(members[..<2].map { ($0, 1_000) }, computing: [100, 100], unexplained: 10)
        #expect(record.speeds(of: members) == [1e9, 1e9, 1e9])
    }

    @Test("More layers in the same time are more speed")
    func layers() {
        let members = members([1e9, 1e9])
        var record = SpeedRecord()
        record.learn([(members[0], 1_000), (members[1], 3_000)], computing: [100, 100], unexplained: 0)
        let speeds = record.speeds(of: members)
        #expect(speeds[1] == 3 * speeds[0])
    }

    @Test("Who says to compute in no time while steps take long is not believed beyond a bound")
    func lie() {
        let speeds = learned(members([1e9, 1e9]), [1_000, 1], unexplained: 900)
        #expect(speeds[1] == 4 * speeds[0])
        let worse = learned(members([1e9, 1e9, 1e9]), [1_000, 1_000, 0], unexplained: 5_000)
        #expect(worse[2] == 4 * worse[0] && worse[0] == worse[1])
    }

    @Test("Who is much faster, as the round trip bears out, is believed")
    func truth() {
        let speeds = learned(members([1e9, 1e9]), [1_000, 50], unexplained: 10)
        #expect(speeds[1] > 15 * speeds[0])
    }

    @Test("Numbers of stages that do not belong together tell nothing, and zeros divide nothing")
    func nonsense() {
        #expect(learned(members([1e9, 1e9]), [1], unexplained: 0) == [1e9, 1e9])
        #expect(learned(members([0, 0]), [0, 0], unexplained: 0).allSatisfy { $0.isFinite })
        var record = SpeedRecord()
        let many = (0..<UInt64(3_000)).map { Member(id: WorkerID($0), join: Example.join($0), now: .start) }
        for member in many { record.learn([(member, 1_000)], computing: [1], unexplained: 0) }
        #expect(record.measured(many[0]) == nil && record.measured(many[2_999]) != nil)
    }

    @Test("Another process with the same key and as many threads is as fast as the one before it")
    func anotherProcess() {
        var join = Example.join(1)
        join.key = NodeKey(repeatElement(7, count: NodeKey.byteCount))
        join.threads = 2
        var record = SpeedRecord()
        let before = Member(id: WorkerID(1), join: join, now: .start)
        let both = [before] + members([1e9])
        record.learn(both.map { ($0, 1_000) }, computing: [400, 100], unexplained: 0)
        #expect(record.measured(before) != nil)
        #expect(record.measured(Member(id: WorkerID(9), join: join, now: .start)) == record.measured(before))
        join.threads = 4
        #expect(record.measured(Member(id: WorkerID(9), join: join, now: .start)) == nil)
        join.threads = 2
        join.key = NodeKey(repeatElement(8, count: NodeKey.byteCount))
        #expect(record.measured(Member(id: WorkerID(1), join: join, now: .start)) == nil)
    }
}
