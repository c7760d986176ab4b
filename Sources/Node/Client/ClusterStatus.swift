// Responsible for: a coordinator's status as people and scripts read it; the property names are the keys of
// `tandem status --json` (in snake case). Must not know: how it is shown.
import Wire

/// The state of a cluster.
package struct ClusterStatus: Sendable, Encodable, Equatable {
    /// Layers of one worker, both ends included.
    package struct Layers: Sendable, Encodable, Equatable {
        package var first: Int
        package var last: Int
    }

    /// One worker, in the order of joining.
    package struct Worker: Sendable, Encodable, Equatable {
        package var id: String
        package var host: String
        package var pid: Int
        /// Of its program; empty: not said.
        package var version: String
        package var layers: Layers?
        package var state: String
        /// It is to be left out of plans, and may still have layers.
        package var isDraining: Bool
        package var residentBytes: Int
        package var memoryBytes: Int
        package var plannedBytes: Int
        package var weightBytes: Int
        package var kvBytes: Int
        package var cores: Int
        package var threads: Int
        package var instructionLevel: String
        package var readBytesPerSecond: Double
        package var int8OperationsPerSecond: Double
        /// Weight bytes that came over the network, and that came from the cache or a local file.
        package var transferredBytes: Int
        package var cachedBytes: Int
        package var stepsCompleted: Int
    }

    /// One request that has not ended.
    package struct Request: Sendable, Encodable, Equatable {
        package var id: Int
        package var state: String
        package var promptTokens: Int
        package var generatedTokens: Int
        /// Whose keys and values stages have.
        package var computedTokens: Int
    }

    package var version: String
    package var model: String
    package var contextLength: Int
    /// Layers of the model.
    package var layerCount: Int
    package var epoch: Int
    /// True while requests are computed at once.
    package var isServing: Bool
    /// What is happening, or what is missing.
    package var explanation: String
    package var workers: [Worker]
    package var requests: [Request]
    package var kvBlocksTotal: Int
    package var kvBlocksFree: Int
    package var generatedTokens: Int
    package var uptimeSeconds: Double
    /// The stages of the plan that serves, in order; none where none does.
    package var stages: [Stage]
    package var pipeline: Pipeline
    /// The plan that is prepared beside the one that serves; nil: none is.
    package var change: Change?
    /// nil: what is accepted is not written down.
    package var journal: Journal?
    /// How often another coordinator has taken over.
    package var term: Int
    /// It serves nobody, and follows another one.
    package var isStandby: Bool
    /// Who would take over from it; nil: nobody.
    package var standby: Standby?

    /// The coordinator that would take over.
    package struct Standby: Sendable, Encodable, Equatable {
        package var address: String
        package var isFollowing: Bool
        /// Since it was heard last.
        package var silentSeconds: Double
        /// Of the journal: said, and not acknowledged.
        package var unacknowledgedBytes: Int
        /// Workers that have a say in who serves.
        package var electors: Int
        /// It, or half of these, have heard the coordinator lately: nobody else can serve.
        package var isCertain: Bool
    }

    init(_ reply: StatusReply) {
        version = reply.build
        model = reply.modelName
        contextLength = reply.contextLength
        layerCount = reply.layerCount
        epoch = Int(clamping: reply.epoch.value)
        isServing = reply.isServing
        explanation = reply.state
        kvBlocksTotal = reply.keyValueBlocksTotal
        kvBlocksFree = reply.keyValueBlocksFree
        generatedTokens = Int(clamping: reply.generatedTokens)
        uptimeSeconds = Double(reply.uptimeMilliseconds) / 1000
        workers = reply.workers.map(Worker.init)
        requests = reply.requests.map {
            Request(
                id: Int(clamping: $0.id.value), state: $0.state, promptTokens: $0.promptTokens,
                generatedTokens: $0.generatedTokens, computedTokens: $0.computedTokens)
        }
        stages = reply.stages.map { stage in Stage(stage, worker: reply.workers.first { $0.id == stage.worker }) }
        pipeline = Pipeline(reply.pipeline)
        change = reply.change.map { Change($0, reply.workers) }
        journal = reply.journal.map(Journal.init)
        (term, isStandby) = (Int(reply.term.value), reply.isStandby)
        standby = reply.standby.map { standby in
            Standby(
                address: standby.endpoint, isFollowing: standby.isFollowing,
                silentSeconds: Double(standby.silentMilliseconds) / 1000,
                unacknowledgedBytes: Int(clamping: standby.unacknowledgedBytes), electors: standby.electors,
                isCertain: standby.isCertain)
        }
    }

    /// A worker's id as it is shown.
    static func name(of worker: WorkerID) -> String { String(worker.value, radix: 16) }
}

extension ClusterStatus.Layers {
    init(_ layers: Range<Int>) { self.init(first: layers.lowerBound, last: layers.upperBound - 1) }
}

extension ClusterStatus.Worker {
    init(_ worker: WorkerStatus) {
        id = ClusterStatus.name(of: worker.id)
        host = worker.hostName
        pid = Int(worker.processID)
        version = worker.build
        layers = worker.layers.map(ClusterStatus.Layers.init)
        state = worker.state
        isDraining = worker.state == WorkerStatus.draining || worker.state == WorkerStatus.drained
        residentBytes = Int(clamping: worker.residentBytes)
        memoryBytes = Int(clamping: worker.memoryBytes)
        plannedBytes = Int(clamping: worker.plannedBytes)
        weightBytes = Int(clamping: worker.weightBytes)
        kvBytes = Int(clamping: worker.keyValueBytes)
        cores = worker.cores
        threads = worker.threads
        instructionLevel = worker.instructionLevel
        readBytesPerSecond = worker.readBytesPerSecond
        int8OperationsPerSecond = worker.int8OperationsPerSecond
        transferredBytes = Int(clamping: worker.transferredBytes)
        cachedBytes = Int(clamping: worker.cachedBytes)
        stepsCompleted = Int(clamping: worker.stepsCompleted)
    }
}
