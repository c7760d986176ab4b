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
        record.learn(members, computing: computing, unexplained: unexplained)
        return record.reads(of: members)
    }

    @Test("Who never computed counts for what it claims, and for four times the median at most")
    func claims() {
        let record = SpeedRecord()
        #expect(record.reads(of: members([1e9, 2e9, 3e9])) == [1e9, 2e9, 3e9])
        #expect(record.reads(of: members([1e9, 1e12])) == [1e9, 4e9])
        #expect(record.reads(of: members([1e300, 1e9, 2e9, .infinity])) == [8e9, 1e9, 2e9, 0])
        #expect(record.reads(of: members([.nan, -1, 0])) == [0, 0, 0])
        #expect(record.reads(of: members([1e9, 2e9], host: "a")).allSatisfy { abs($0 - 2e9 / 2.0.squareRoot()) < 1 })
        #expect(record.reads(of: []).isEmpty)
    }

    @Test("What steps took takes the place of what was claimed, in the same unit")
    func measured() {
        let members = members([1e9, 1e9, 1e9])
        let speeds = learned(Array(members[..<2]), [100, 400], unexplained: 10)
        #expect(speeds == [1e9, 0.25e9])
        var record = SpeedRecord()
        record.learn(Array(members[..<2]), computing: [100, 400], unexplained: 10)
        #expect(record.reads(of: members) == [1e9, 0.25e9, 1e9])
        #expect(record.measured(members[2]) == nil)
        record.learn(Array(members[..<2]), computing: [100, 100], unexplained: 10)
        #expect(record.reads(of: members) == [1e9, 1e9, 1e9])
    }

    @Test("Who was slow and has no steps any more counts for what of its processors it could have, later each time")
    func spare() {
        let members = members([1e9, 1e9])
        var record = SpeedRecord()
        func reads() -> [Double] { record.reads(of: members) }
        func tell(_ share: Double, from start: Int, to end: Int) {
            for second in start...end {
                record.note(processorShare: share, of: members[1], .milliseconds(second * 1000))
            }
        }
        tell(0.5, from: 0, to: 60)
        #expect(reads() == [1e9, 1e9], "its steps never told anything")
        for absence in [10, 20, 40] {
            record.learn(members, computing: [100, 400], unexplained: 10)
            #expect(reads() == [1e9, 0.25e9])
            tell(0, from: 0, to: absence - 1)
            #expect(reads() == [1e9, 0.25e9])
            tell(1, from: absence - 1, to: absence - 1)
            #expect(reads() == [1e9, 0.25e9])
            tell(0.5, from: absence, to: absence)
            #expect(reads() == [1e9, 0.5e9])
            tell(1, from: absence + 1, to: absence + 1)
            #expect(reads() == [1e9, 1e9])
        }
        // After that long it is another matter.
        record.learn(members, computing: [100, 400], unexplained: 10)
        tell(0, from: 0, to: 0)
        tell(1, from: 1801, to: 1801)
        #expect(reads() == [1e9, 1e9])
    }

    @Test("More layers in the same time are more speed")
    func layers() {
        let members = members([1e9, 1e9])
        var record = SpeedRecord()
        record.learn(members, bytes: [1_000, 3_000], computing: [100, 100], unexplained: 0)
        let speeds = record.reads(of: members)
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
        for member in many { record.learn([member], computing: [1], unexplained: 0) }
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
        record.learn(both, computing: [400, 100], unexplained: 0)
        #expect(record.measured(before) != nil)
        #expect(record.measured(Member(id: WorkerID(9), join: join, now: .start)) == record.measured(before))
        join.threads = 4
        #expect(record.measured(Member(id: WorkerID(9), join: join, now: .start)) == nil)
        join.threads = 2
        join.key = NodeKey(repeatElement(8, count: NodeKey.byteCount))
        #expect(record.measured(Member(id: WorkerID(1), join: join, now: .start)) == nil)
    }

    @Test("Workers of one host share its cores and its memory, whether its name or its address tells")
    func shared() {
        func members(_ endpoints: [String]) -> [Member] {
            endpoints.enumerated().map { index, endpoint in
                var join = Example.join(UInt64(index))
                (join.threads, join.cores, join.dataEndpoint) = (4, 4, endpoint)
                join.int8OperationsPerSecond = 1e11
                return Member(id: WorkerID(UInt64(index)), join: join, now: .start)
            }
        }
        let speeds = SpeedRecord.claims(of: members(["tcp://10.0.0.1:1", "tcp://10.0.0.2:1", "tcp://10.0.0.1:2"]))
        #expect(speeds.map(\.operationsPerSecond) == [0.5e11, 1e11, 0.5e11])
        #expect(speeds[0].readBytesPerSecond < 0.75e9 && speeds[1].readBytesPerSecond == 1e9)
    }

    @Test("Operations are learned from prompts; a part that was not measured is as much slower as the other one")
    func parts() {
        let claims = members([1e9, 1e9]).map { member in
            var join = member.join
            join.int8OperationsPerSecond = 1e11
            return Member(id: member.id, join: join, now: .start)
        }
        var record = SpeedRecord()
        record.learn(claims, computing: [100, 400], unexplained: 0)
        #expect(record.speeds(of: claims).map(\.operationsPerSecond) == [1e11, 0.25e11])
        record.learn(
            \.operationsPerSecond, of: claims, work: [5_000, 5_000], computing: [100, 200], unexplained: 0)
        #expect(record.speeds(of: claims).map(\.operationsPerSecond) == [1e11, 0.5e11])
        #expect(record.reads(of: claims) == [1e9, 0.25e9])
        // It is slow from now on, and no prompt has come since.
        record.learn(claims, computing: [400, 400], unexplained: 0)
        let later = record.speeds(of: claims)
        #expect(later[0].operationsPerSecond / later[1].operationsPerSecond == 2)
        record.learn(claims, computing: [100, 800], unexplained: 0)
        #expect(record.speeds(of: claims)[1].operationsPerSecond == 0.25e11)
    }

    @Test("Of what workers claim it is known how much steps show")
    func efficiency() {
        var record = SpeedRecord()
        #expect(record.efficiency.readBytesPerSecond == 1)
        // 1,000 bytes in 2 microseconds are half of what was claimed.
        record.learn(members([1e9, 1e9]), computing: [2, 2], unexplained: 0)
        #expect(record.efficiency.readBytesPerSecond == 0.5 && record.efficiency.operationsPerSecond == 1)
    }
}

extension SpeedRecord {
    /// Each of these reads 1,000 bytes for a step.
    fileprivate mutating func learn(
        _ members: [Member], bytes: [Double]? = nil, computing: [Double], unexplained: Double
    ) {
        let work = bytes ?? members.map { _ in 1_000 }
        learn(\.readBytesPerSecond, of: members, work: work, computing: computing, unexplained: unexplained)
    }

    fileprivate func reads(of members: [Member]) -> [Double] { speeds(of: members).map(\.readBytesPerSecond) }
}
