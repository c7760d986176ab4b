// Responsible for: how fast each worker is for all that is known: what its steps took, else what it claims. Must not know:
// plans, what is planned by it.

import Wire

/// Bytes of weights that workers read in a second, and operations that they do.
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

    /// What steps took.
    private struct Measured: Sendable {
        let source: Source
        /// 0: not measured.
        var speed = WorkerSpeed()
        /// How fast it read when its operations were measured.
        var readThen = 0.0
        var absence = Absence()

        /// A part that was not measured is what was claimed, and as much slower as the other one was found to be; and
        /// prompts that were computed before a worker became slow tell how fast it was then.
        func speed(claiming claim: WorkerSpeed) -> WorkerSpeed {
            if let share = absence.share {
                return claim * WorkerSpeed(readBytesPerSecond: share, operationsPerSecond: share)
            }
            func share(_ measured: Double, of claimed: Double) -> Double {
                measured > 0 && claimed > 0 ? min(1, measured / claimed) : 1
            }
            let (read, operations) = (speed.readBytesPerSecond, speed.operationsPerSecond)
            return WorkerSpeed(
                readBytesPerSecond: read > 0
                    ? read : claim.readBytesPerSecond * share(operations, of: claim.operationsPerSecond),
                operationsPerSecond: operations > 0
                    ? operations * share(read, of: readThen)
                    : claim.operationsPerSecond * share(read, of: claim.readBytesPerSecond))
        }
    }

    /// The oldest first.
    private var measured: [Measured] = []
    /// Of what workers claim steps showed so much last, in the median: speeds are noted in the unit of claims, so that those
    /// of workers that only claim can be compared with them.
    private(set) var efficiency = WorkerSpeed(readBytesPerSecond: 1, operationsPerSecond: 1)

    /// A claim, or an unproven measurement, counts up to so many times the median: whoever promises more must show it.
    static let mostTimesMedian = 4.0

    /// What this worker's steps took last, parts that were not measured 0; nil: there were none, or too few.
    func measured(_ member: Member) -> WorkerSpeed? {
        let source = Source(member)
        return measured.first { $0.source == source }?.speed
    }

    /// What each of these workers counts for, in their order; 0: not known.
    func speeds(of members: [Member]) -> [WorkerSpeed] {
        zip(members, Self.claims(of: members)).map { member, claim in
            let source = Source(member)
            return measured.first { $0.source == source }?.speed(claiming: claim) ?? claim
        }
    }

    // MARK: Without steps

    /// What is known of a worker since it has no steps. It may have been left out because it was slow, for a reason that is
    /// over: no step tells. It tells itself how much of a processor it could have; but where that was not the reason, steps
    /// say something else as soon as there are any, so that each time it is believed later.
    private struct Absence: Sendable {
        /// Of what it claims it counts for so much.
        private(set) var share: Double?
        private var since: Moment?
        private var returns = 0

        private static let patience = Duration.seconds(10)
        private static let mostDoublings = 7
        /// Longer ago than this it was another matter.
        private static let memory = Duration.seconds(1800)

        mutating func note(_ share: Double, _ now: Moment) {
            if let since, now - since > Self.memory { returns = 0 }
            let begin = since ?? now
            since = begin
            guard share > 0, now - begin >= Self.patience * (1 << min(returns, Self.mostDoublings)) else { return }
            self.share = share
        }

        /// There are steps that tell.
        mutating func end() {
            if share != nil { returns += 1 }
            (share, since) = (nil, nil)
        }
    }

    /// A worker without steps says how much of its processors it could have (0: it does not). Of one that never had any its
    /// claim counts as before.
    mutating func note(processorShare share: Double, of member: Member, _ now: Moment) {
        let source = Source(member)
        guard let index = measured.firstIndex(where: { $0.source == source }) else { return }
        measured[index].absence.note(share, now)
    }

    // MARK: Claims

    /// What each of these members claims, as far as that counts. Workers of one host share its cores and its memory: of
    /// several that read at once none has what it measured alone.
    static func claims(of members: [Member]) -> [WorkerSpeed] {
        let hosts = members.map { member in members.filter { $0.join.sharesHost(with: member.join) } }
        let read = bounded(
            zip(members, hosts).map { member, host in
                claim(\.readBytesPerSecond, member.join, host) / Double(host.count).squareRoot()
            })
        let operations = bounded(
            zip(members, hosts).map { member, host in
                let threads = host.reduce(0) { $0 + $1.join.threads }
                let share = Double(member.join.cores) / Double(max(1, threads))
                return claim(\.int8OperationsPerSecond, member.join, host) * (member.join.cores > 0 ? min(1, share) : 1)
            })
        return zip(read, operations).map { WorkerSpeed(readBytesPerSecond: $0, operationsPerSecond: $1) }
    }

    private static func bounded(_ claims: [Double]) -> [Double] {
        guard let median = lowerMedian(claims) else { return claims }
        return claims.map { min($0, mostTimesMedian * median) }
    }

    /// Workers of one host with as many threads are equally fast: what they measured at different moments differs by
    /// how busy the host was then.
    private static func claim(_ part: KeyPath<Join, Double>, _ join: Join, _ host: [Member]) -> Double {
        let alike = host.lazy.map(\.join).filter { $0.threads == join.threads }
        return alike.map { $0[keyPath: part] }.filter { $0.isFinite && $0 > 0 }.max() ?? 0
    }

    /// Of two in the middle the lower one; nil: none is over 0.
    private static func lowerMedian(_ values: [Double]) -> Double? {
        let sorted = values.filter { $0 > 0 && $0.isFinite }.sorted()
        return sorted.isEmpty ? nil : sorted[(sorted.count - 1) / 2]
    }

    // MARK: Steps

    /// Steps of a plan went through these workers. `work` [stages]: bytes that each read for a step, or operations that it
    /// did, as `part` says.
    ///
    /// Their speeds are known relative to each other. Who says to compute in much less time than the others is believed
    /// as far as the round trip of the steps bears it out: all time that no stage accounts for is counted as its own.
    mutating func learn(
        _ part: WritableKeyPath<WorkerSpeed, Double>, of members: [Member], work: [Double], computing: [Double],
        unexplained: Double
    ) {
        guard members.count == computing.count, work.count == computing.count else { return }
        let said = zip(work, computing).map { $0 / max(1, $1) * 1e6 }
        guard let median = Self.lowerMedian(said) else { return }
        let speeds = zip(zip(work, computing), said).map { stage, said in
            min(said, max(Self.mostTimesMedian * median, stage.0 / max(1, stage.1 + unexplained) * 1e6))
        }
        let claims = Self.claims(of: members).map { $0[keyPath: part] }
        let unit = Self.lowerMedian(zip(claims, speeds).map { $1 > 0 ? $0 / $1 : 0 }) ?? 1
        efficiency[keyPath: part] = 1 / unit
        for (member, speed) in zip(members, speeds) where speed > 0 {
            let source = Source(member)
            var new = measured.first { $0.source == source } ?? Measured(source: source)
            new.speed[keyPath: part] = speed * unit
            new.absence.end()
            if part == \.operationsPerSecond { new.readThen = new.speed.readBytesPerSecond }
            measured.removeAll { $0.source == source }
            measured.append(new)
        }
        // Those long gone are forgotten before the list grows without bound.
        if measured.count > 4 * Limits.workers { measured.removeFirst(measured.count - 4 * Limits.workers) }
    }
}

extension Join {
    /// Whether two workers run on one host, for all that they say.
    fileprivate func sharesHost(with other: Join) -> Bool {
        worker == other.worker || !hostName.isEmpty && hostName == other.hostName
            || DataEndpoint.host(of: dataEndpoint) == DataEndpoint.host(of: other.dataEndpoint)
    }
}
