// Responsible for: how the stages of a plan spend their time and how full the pipeline is, as people and scripts read it;
// the property names are keys of `tandem status --json` (in snake case). Must not know: how it is shown.
import Sequences
import Wire

extension ClusterStatus {
    /// Where the time of a stage goes, in microseconds.
    package struct Times: Sendable, Encodable, Equatable {
        /// On the way to the stage, from the moment its predecessor sent a step.
        package var wire = 0.0
        /// At the stage until it turned to the step.
        package var queue = 0.0
        package var compute = 0.0
        /// In which the stage computed nothing before a step.
        package var wait = 0.0

        init() {}

        init(_ timing: StageMicroseconds) {
            (wire, queue) = (Double(timing.wire), Double(timing.queue))
            (compute, wait) = (Double(timing.compute), Double(timing.wait))
        }

        private init(_ first: Times, _ second: Times, _ combine: (Double, Double) -> Double) {
            wire = combine(first.wire, second.wire)
            queue = combine(first.queue, second.queue)
            compute = combine(first.compute, second.compute)
            wait = combine(first.wait, second.wait)
        }

        /// What came since `earlier`; never less than nothing.
        func since(_ earlier: Times) -> Times { Times(self, earlier) { max(0, $0 - $1) } }

        /// Each of `steps` steps has so much; nil without steps.
        package func mean(of steps: Int) -> Times? {
            steps > 0 ? Times(self, self) { sum, _ in sum / Double(steps) } : nil
        }
    }

    /// One stage. Its sums, means and shares are of this epoch unless they say otherwise.
    package struct Stage: Sendable, Encodable, Equatable {
        /// The id of its worker, and what that says of itself.
        package var worker: String
        package var host: String
        package var pid: Int
        package var layers: Layers?
        package var steps: Int
        package var tokens: Int
        package var totalMicroseconds: Times
        /// Of a step; nil before the first.
        package var meanMicroseconds: Times?
        /// The share of the time in which it computed, until the end of its last step; nil before the first.
        package var busyFraction: Double?
        /// The share of the last seconds in which it computed.
        package var recentBusyFraction: Double
        /// Steps that wait at it or are being computed.
        package var queuedSteps: Int
        /// Of the smallest steps that decoded: their mean tokens, what they took, and what they should take by what its worker
        /// measured at joining and all workers show of that; nil: there were too few.
        package var decodingStepTokens: Double?
        package var decodingMicroseconds: Double?
        package var predictedMicroseconds: Double?
    }

    /// How full the pipeline is, and what the coordinator has counted in its whole life: one object for scripts.
    @dynamicMemberLookup
    package struct Pipeline: Sendable, Encodable, Equatable {
        private var filling: Filling
        private let counts: PipelineCounts

        init(_ pipeline: PipelineStatus) {
            filling = Filling(pipeline)
            counts = pipeline.counts
        }

        package subscript<Value>(dynamicMember member: WritableKeyPath<Filling, Value>) -> Value {
            get { filling[keyPath: member] }
            set { filling[keyPath: member] = newValue }
        }

        package subscript(dynamicMember count: KeyPath<PipelineCounts, Int>) -> Int { counts[keyPath: count] }

        package func encode(to encoder: any Encoder) throws {
            try filling.encode(to: encoder)
            try counts.encode(to: encoder)
        }
    }

    /// How full the pipeline is.
    package struct Filling: Sendable, Encodable, Equatable {
        /// Time with steps in flight, of this epoch.
        package var activeMicroseconds: Int
        /// The share of that time in which stages, on average, did not compute.
        package var bubbleFraction: Double
        package var stepsInFlight: Int
        /// As many are wanted in flight.
        package var targetSteps: Int
        /// Prompt tokens that the next step may have beside those that are decoded.
        package var prefillBudgetTokens: Int
        package var waitingRequests: Int
        package var runningRequests: Int
        /// As many may wait; further ones are refused.
        package var queueLimitRequests: Int
        /// For how long answers stood still when the plan under them last changed, by loss or otherwise; 0: it never did.
        package var lastPauseMicroseconds: Int
        /// Blocks that nobody uses now but whose contents can be used again; part of the free ones.
        package var kvBlocksCached: Int
        /// Stages only pretend to compute: no figure says anything about a model.
        package var isSimulated: Bool
        /// How keys and values are stored: "f32", "f16" or "q8_0".
        package var kvType: String
    }

    /// What a stage has done since `earlier`, a state of the same cluster; since the plan was made where that came later.
    /// `index` counts the stages.
    package func work(ofStage index: Int, since earlier: ClusterStatus?) -> (steps: Int, microseconds: Times) {
        let stage = stages[index]
        guard let earlier, earlier.epoch == epoch, earlier.stages.indices.contains(index) else {
            return (stage.steps, stage.totalMicroseconds)
        }
        let before = earlier.stages[index]
        return (max(0, stage.steps - before.steps), stage.totalMicroseconds.since(before.totalMicroseconds))
    }

    /// Microseconds with steps in flight since `earlier`, as with the work of a stage.
    func activeMicroseconds(since earlier: ClusterStatus?) -> Int {
        guard let earlier, earlier.epoch == epoch else { return pipeline.activeMicroseconds }
        return max(0, pipeline.activeMicroseconds - earlier.pipeline.activeMicroseconds)
    }
}

extension ClusterStatus.Stage {
    /// `worker` is what the status says of the stage's worker.
    init(_ stage: StageStatus, worker status: WorkerStatus?) {
        worker = ClusterStatus.name(of: stage.worker)
        host = status?.hostName ?? ""
        pid = Int(status?.processID ?? 0)
        layers = status?.layers.map(ClusterStatus.Layers.init)
        steps = Int(clamping: stage.steps)
        tokens = Int(clamping: stage.tokens)
        totalMicroseconds = .init(stage.total)
        meanMicroseconds = totalMicroseconds.mean(of: steps)
        let time = totalMicroseconds.compute + totalMicroseconds.wait
        busyFraction = time > 0 ? totalMicroseconds.compute / time : nil
        recentBusyFraction = stage.recentBusy
        queuedSteps = stage.queuedSteps
        guard stage.decodingTokens > 0 else { return }
        decodingStepTokens = stage.decodingTokens
        (decodingMicroseconds, predictedMicroseconds) = (stage.decodingMicroseconds, stage.predictedMicroseconds)
    }
}

extension ClusterStatus.Filling {
    fileprivate init(_ pipeline: PipelineStatus) {
        activeMicroseconds = Int(clamping: pipeline.activeMicroseconds)
        bubbleFraction = pipeline.bubble
        stepsInFlight = pipeline.stepsInFlight
        targetSteps = pipeline.targetSteps
        prefillBudgetTokens = pipeline.prefillBudget
        waitingRequests = pipeline.waiting
        runningRequests = pipeline.running
        queueLimitRequests = pipeline.queueLimit
        lastPauseMicroseconds = Int(clamping: pipeline.pauseMicroseconds)
        kvBlocksCached = pipeline.cachedBlocks
        isSimulated = pipeline.isSimulated
        kvType = pipeline.keyValueType
    }
}
