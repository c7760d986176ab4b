// Responsible for: the state of a cluster as `tandem status` shows it. Must not know: sockets, time.

import Sequences

/// Coordinator -> client: the state of the cluster.
package struct StatusReply: Equatable, Sendable {
    package var build = ""
    package var modelName = ""
    package var epoch = Epoch.none
    package var isServing = false
    /// A sentence for a person: what is happening, or what is missing.
    package var state = ""
    /// In join order.
    package var workers: [WorkerStatus] = []
    /// In order of arrival.
    package var requests: [RequestStatus] = []
    package var keyValueBlocksTotal = 0
    package var keyValueBlocksFree = 0
    package var contextLength = 0
    /// Layers of the model; 0: not said.
    package var layerCount = 0
    package var uptimeMilliseconds: UInt64 = 0
    package var generatedTokens: UInt64 = 0
    /// The stages of the plan that serves, in order; none where none does.
    package var stages: [StageStatus] = []
    package var pipeline = PipelineStatus()
    /// The plan that is being prepared beside the one that serves; nil: none is.
    package var change: PlanChange?
    /// nil: what is accepted is not written down.
    package var journal: JournalStatus?
    package var term = Term.first
    /// Who would take over; nil: nobody.
    package var standby: StandbyStatus?
    /// It serves nobody, and follows another one.
    package var isStandby = false
    package init() {}
}

/// A plan that is prepared beside the one that serves, and how far it is.
package struct PlanChange: Equatable, Sendable {
    /// What it waits for.
    package enum Phase: UInt32, CaseIterable, Sendable {
        /// Weights are loaded, and links proven.
        case loading = 1
        /// Keys and values are copied from worker to worker.
        case copying = 2
        /// What was written last of them is: no step is sent meanwhile.
        case fencing = 3
    }

    /// A worker, and the layer behind its last one.
    package struct Stage: Equatable, Sendable {
        package var worker: WorkerID
        package var endLayer: Int
        package init(worker: WorkerID, endLayer: Int) { (self.worker, self.endLayer) = (worker, endLayer) }
    }

    package var epoch: Epoch
    package var phase: Phase
    /// For a person: "a worker has joined".
    package var reason = ""
    package var loadedBytes: UInt64 = 0
    package var bytesToLoad: UInt64 = 0
    /// KV blocks that were copied, and are to be: each counts for every pair of workers, and again when it has changed.
    package var copiedBlocks: UInt64 = 0
    package var blocksLeft: UInt64 = 0
    package var copiedBytes: UInt64 = 0
    /// In order.
    package var stages: [Stage] = []
    package init(epoch: Epoch, _ phase: Phase) { (self.epoch, self.phase) = (epoch, phase) }
}

/// One worker of a status.
package struct WorkerStatus: Equatable, Sendable {
    /// The states of one that is to be left out of plans: with layers, and without.
    package static let draining = "draining"
    package static let drained = "drained"

    package var id: WorkerID
    package var hostName = ""
    package var processID: Int32 = 0
    /// The version of its program; empty: not said.
    package var build = ""
    /// nil: it holds none now.
    package var layers: Range<Int>?
    /// A word or sentence: "ready", "loading 40%", "idle: ...", "set aside for 30 s: ...".
    package var state = ""
    /// Resident memory, what it offers, and what its share of the plan needs.
    package var residentBytes: UInt64 = 0
    package var memoryBytes: UInt64 = 0
    package var plannedBytes: UInt64 = 0
    package var weightBytes: UInt64 = 0
    package var keyValueBytes: UInt64 = 0
    package var cores = 0
    package var threads = 0
    package var instructionLevel = ""
    package var readBytesPerSecond: Double = 0
    package var int8OperationsPerSecond: Double = 0
    package var transferredBytes: UInt64 = 0
    package var cachedBytes: UInt64 = 0
    package var stepsCompleted: UInt64 = 0
    package init(id: WorkerID) { self.id = id }
}

/// One request of a status.
package struct RequestStatus: Equatable, Sendable {
    package var id: RequestID
    /// "waiting", "prefill", "decode" or "ending".
    package var state: String
    package var promptTokens: Int
    package var generatedTokens: Int
    /// Tokens whose keys and values stages have, or will have by steps in flight.
    package var computedTokens = 0
    package init(id: RequestID, state: String, promptTokens: Int, generatedTokens: Int) {
        self.id = id
        self.state = state
        self.promptTokens = promptTokens
        self.generatedTokens = generatedTokens
    }
}

/// How one stage spends its time.
package struct StageStatus: Equatable, Sendable {
    package var worker: WorkerID
    /// Of this epoch: steps that it has computed, their tokens, and where its time went.
    package var steps: UInt64 = 0
    package var tokens: UInt64 = 0
    package var total = StageMicroseconds()
    /// The share of the last seconds in which it computed, 0 to 1.
    package var recentBusy: Double = 0
    /// Steps that wait at it or are being computed.
    package var queuedSteps = 0
    /// Of the smallest steps that decoded in this epoch: their tokens, what they took, and what they should take by what its
    /// worker claims and what all show of their claims; 0: there were too few.
    package var decodingTokens = 0.0
    package var decodingMicroseconds = 0.0
    package var predictedMicroseconds = 0.0
    package init(worker: WorkerID) { self.worker = worker }
}

/// How full the pipeline is, and what has been counted.
@dynamicMemberLookup
package struct PipelineStatus: Equatable, Sendable {
    /// Of this epoch: microseconds with steps in flight.
    package var activeMicroseconds: UInt64 = 0
    /// The share of that time in which stages, on average, did not compute: 0 to 1.
    package var bubble: Double = 0
    package var stepsInFlight = 0
    /// As many are wanted in flight.
    package var targetSteps = 0
    /// Prompt tokens that the next step may have beside those that are decoded.
    package var prefillBudget = 0
    package var waiting = 0
    package var running = 0
    /// Requests that may wait; further ones are refused.
    package var queueLimit = 0
    package var counts = PipelineCounts()
    /// KV blocks that nobody uses now but whose contents can be used again; part of the free ones.
    package var cachedBlocks = 0
    /// Stages only pretend to compute: no figure says anything about a model.
    package var isSimulated = false
    /// For how long answers stood still when the plan under them last changed; 0: it never did.
    package var pauseMicroseconds: UInt64 = 0
    /// How keys and values are stored: "f32", "f16" or "q8_0".
    package var keyValueType = ""
    package init() {}

    /// One of the counts.
    package subscript(dynamicMember count: WritableKeyPath<PipelineCounts, Int>) -> Int {
        get { counts[keyPath: count] }
        set { counts[keyPath: count] = newValue }
    }
}

/// Coordinator -> client, in `StatusReply`: the journal; absent where nothing is written down.
package struct JournalStatus: Equatable, Sendable {
    /// Why nothing can be written now, and since when.
    package struct Problem: Equatable, Sendable {
        package var why: String
        package var milliseconds: UInt64
        package init(why: String, milliseconds: UInt64) { (self.why, self.milliseconds) = (why, milliseconds) }
    }

    package var folder = ""
    package var segments = 0
    /// Of all files.
    package var bytes: UInt64 = 0
    /// That have not ended.
    package var requests = 0
    /// How often something was made safe, how long that took on average, and how long ago it last was; nil: it never was.
    package var commits: UInt64 = 0
    package var meanCommitMicroseconds: UInt64 = 0
    package var sinceCommitMilliseconds: UInt64?
    /// nil: all is well.
    package var problem: Problem?
    package init() {}
}
