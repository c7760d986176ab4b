// Responsible for: how fast each worker is for all that is known: what its steps took, else what it claims. Must not know:
// plans, what is planned by it.

import Wire

/// Bytes of weights that workers read in a second.
struct SpeedRecord: Sendable {
    /// Who computes, with how many threads: a process that starts again is as fast as the one before it.
    private struct Source: Sendable, Equatable {
        let identity: WorkerIdentity
        let threads: Int

        init(_ member: Member) {
            identity = WorkerIdentity(alone: member.id, member.join)
            threads = member.join.threads
        }
    }

    /// The oldest first.
    private var measured: [(source: Source, bytesPerSecond: Double)] = []

    /// A claim, or an unproven measurement, counts up to so many times the median: whoever promises more must show it.
    static let mostTimesMedian = 4.0

    /// What this worker's steps took last; nil: there were none, or too few.
    func measured(_ member: Member) -> Double? {
        let source = Source(member)
        return measured.first { $0.source == source }?.bytesPerSecond
    }

    /// What each of these workers counts for, in their order; 0: not known.
    func speeds(of members: [Member]) -> [Double] {
        zip(members, Self.claims(of: members)).map { measured($0) ?? $1 }
    }

    /// What each of these members claims, as far as that counts.
    static func claims(of members: [Member]) -> [Double] {
        let claims = members.map { bandwidth(like: $0.join, members) }
        guard let median = lowerMedian(claims) else { return claims }
        return claims.map { min($0, mostTimesMedian * median) }
    }

    /// Workers of one host with as many threads are equally fast: what they measured at different moments differs by
    /// how busy the host was then.
    private static func bandwidth(like join: Join, _ others: [Member]) -> Double {
        let alike = others.lazy.map(\.join).filter { $0.hostName == join.hostName && $0.threads == join.threads }
        let own = join.hostName.isEmpty ? [join.readBytesPerSecond] : alike.map(\.readBytesPerSecond)
        return own.filter { $0.isFinite && $0 > 0 }.max() ?? 0
    }

    /// Of two in the middle the lower one; nil: none is over 0.
    private static func lowerMedian(_ values: [Double]) -> Double? {
        let sorted = values.filter { $0 > 0 && $0.isFinite }.sorted()
        return sorted.isEmpty ? nil : sorted[(sorted.count - 1) / 2]
    }

    /// Steps of a plan went through these workers, with so many bytes of weights read by each for a token.
    ///
    /// Their speeds are known relative to each other, and are noted in the unit of what they claim, so that they can be
    /// compared with those of workers that only claim. Who says to compute in much less time than the others is believed
    /// as far as the round trip of the steps bears it out: all time that no stage accounts for is counted as its own.
    mutating func learn(_ stages: [(member: Member, bytes: UInt64)], computing: [Double], unexplained: Double) {
        guard stages.count == computing.count else { return }
        let said = zip(stages, computing).map { Double($0.bytes) / max(1, $1) }
        guard let median = Self.lowerMedian(said) else { return }
        let speeds = zip(zip(stages, computing), said).map { stage, said in
            min(said, max(Self.mostTimesMedian * median, Double(stage.0.bytes) / max(1, stage.1 + unexplained)))
        }
        let claims = Self.claims(of: stages.map(\.member))
        let unit = Self.lowerMedian(zip(claims, speeds).map { $1 > 0 ? $0 / $1 : 0 }) ?? 1
        for (stage, speed) in zip(stages, speeds) where speed > 0 {
            let source = Source(stage.member)
            measured.removeAll { $0.source == source }
            measured.append((source, speed * unit))
        }
        // Those long gone are forgotten before the list grows without bound.
        if measured.count > 4 * Limits.workers { measured.removeFirst(measured.count - 4 * Limits.workers) }
    }
}
