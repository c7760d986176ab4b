// Responsible for: what a cluster did between two states, as people and scripts read it; the property names are keys of
// `tandem bench cluster --json` (in snake case). Must not know: what load there was, how it is shown.

/// What a cluster did in between, as while a load ran: the difference of its status before and after.
package struct ClusterActivity: Sendable, Encodable, Equatable {
    /// One worker's part.
    package struct Stage: Sendable, Encodable, Equatable {
        package var worker: String
        package var layers: ClusterStatus.Layers?
        package var steps: Int
        /// Where its time went. `wait` began with the end of the last step before the load. This and the following are
        /// nil where it is no stage of the plan, or computed nothing; after a new plan they are of the time since then.
        package var totalMicroseconds: ClusterStatus.Times?
        /// Of a step.
        package var meanMicroseconds: ClusterStatus.Times?
        /// The share of the time with steps in flight in which it computed.
        package var busyFraction: Double?
    }

    package var stages: [Stage]
    /// Tokens of answers, as the coordinator counted them.
    package var generatedTokens: Int
    /// Whether the layers were spread anew in between, as after the loss of a worker.
    package var isReplanned: Bool
    /// Time with steps in flight.
    package var activeSeconds: Double
    /// The share of that time in which stages, on average, did not compute; nil where none computed.
    package var bubbleFraction: Double?

    /// From two states of one cluster.
    package init(before: ClusterStatus, after: ClusterStatus) {
        let steps = Dictionary(before.workers.map { ($0.id, $0.stepsCompleted) }) { $1 }
        stages = after.workers.map { worker in
            Stage(
                worker: "\(worker.host)/\(worker.pid)", layers: worker.layers,
                steps: worker.stepsCompleted - (steps[worker.id] ?? 0))
        }
        generatedTokens = after.generatedTokens - before.generatedTokens
        isReplanned = before.epoch != after.epoch
        // A step's `wait` goes back to the step before it, so that of the first step would count idle time before the
        // load. The coordinator's own count of the time with steps in flight does not.
        let active = Double(after.activeMicroseconds(since: before))
        activeSeconds = active / 1e6
        for (index, stage) in after.stages.enumerated() {
            let work = after.work(ofStage: index, since: before)
            guard let position = after.workers.firstIndex(where: { $0.id == stage.worker }), work.steps > 0 else {
                continue
            }
            stages[position].totalMicroseconds = work.microseconds
            stages[position].meanMicroseconds = work.microseconds.mean(of: work.steps)
            if active > 0 { stages[position].busyFraction = min(1, work.microseconds.compute / active) }
        }
        let busy = stages.compactMap(\.busyFraction)
        bubbleFraction = busy.isEmpty ? nil : 1 - busy.reduce(0, +) / Double(busy.count)
    }

    /// From the least busy stage to the busiest; nil where none computed.
    package var busyFractions: ClosedRange<Double>? {
        let busy = stages.compactMap(\.busyFraction)
        guard let least = busy.min(), let most = busy.max() else { return nil }
        return least...most
    }
}
