// Responsible for: what the coordinator says to a worker on the control link. Must not know: sockets, time, what is in
// a model description.

import Sequences

/// Coordinator -> worker, control link.
package enum CoordinatorMessage: Equatable, Sendable, WireMessage {
    case welcome(Welcome)
    case refusal(Refusal)
    case assign(Assign)
    /// Every 250 ms: I am here.
    case heartbeat
    case release(Release)
    /// I do not know you (any more): join again.
    case rejoin
    /// No layers for you now; free what this epoch and those before hold.
    case standby(Epoch)
    case skip(Skip)
    case measure(Measure)
    case copyBlocks(CopyBlocks)
    /// The plan of this epoch is over, and another goes on: free what only its stage holds.
    case drop(Epoch)
    /// You were to be left out of plans, and have no layers any more: no step will come.
    case drained
    /// Nobody can take over your layers, and why: you go on.
    case drainRefused(Sentence)
    /// A heartbeat of a coordinator that must know whether it was heard: the number is said back in heartbeats.
    case beat(UInt64)
    case candidate(Candidate)
    /// Where to look for a coordinator when this one is gone.
    case standbyPlace(CoordinatorPlace)
    /// That one takes over now, with my will.
    case successor(CoordinatorPlace)
    /// I serve nobody: look elsewhere.
    case elsewhere
    /// What is in the blocks of the stage of this epoch once the first step of it comes, though others have computed it: you
    /// may be asked what you hold.
    case texts(Epoch, Holding)
}

/// Coordinator -> worker: you are a member.
package struct Welcome: Equatable, Sendable {
    package var version: UInt32 = protocolVersion
    package var build: String
    /// Where weights are fetched.
    package var weightsEndpoint: String
    /// Where the last stage sends results.
    package var tokensEndpoint: String
    package var modelName: String
    /// It is to say what it still holds (`Holding`).
    package var asksHolding = false
    /// See `Assign`: the worker is to say what it has cached of it (`CachedLayers`). nil: nobody wants to know.
    package var model: ContentHash?
    package var term = Term.first
    package init(build: String, weightsEndpoint: String, tokensEndpoint: String, modelName: String) {
        self.build = build
        self.weightsEndpoint = weightsEndpoint
        self.tokensEndpoint = tokensEndpoint
        self.modelName = modelName
    }
}

/// Coordinator -> worker or client: no, and why, for a person.
package struct Refusal: Equatable, Sendable {
    package var reason: String
    package init(reason: String) { self.reason = reason }

    /// The answer to a peer of another protocol version, naming both.
    package static func version(_ theirs: UInt32, build: String, ourBuild: String) -> Refusal {
        let peer = build.isEmpty ? "\(theirs)" : "\(theirs) (tandem \(build))"
        return Refusal(
            reason: "the coordinator speaks protocol version \(protocolVersion) (tandem \(ourBuild)), this peer speaks "
                + "version \(peer); install the same version of tandem on both")
    }
}

/// Coordinator -> worker: load this stage, then say `Ready`. Supersedes every earlier one, but where it is to be loaded
/// beside the one that computes.
package struct Assign: Equatable, Sendable {
    /// Where a stage's output goes.
    package enum NextHop: Equatable, Sendable {
        /// `Forward` to the data socket of the next stage, which is this worker's. `key`: the worker's; nil: links are open.
        case stage(endpoint: String, WorkerID, key: NodeKey? = nil)
        /// `StepResult` to the coordinator's tokens socket: this is the last stage.
        case tokens
    }

    package var epoch: Epoch
    package var layers: Range<Int>
    package var layerCount: Int
    /// Configuration and tensor manifest, as the shells of both sides understand it.
    package var modelDescription: [UInt8]
    /// The SHA-256 of that: what a stage holds is of use to whoever serves the same. nil: of use to nobody else.
    package var model: ContentHash?
    package var keyValueBlockCount: Int
    package var maximumBatchTokens: Int
    /// Floats of one token's activations between stages.
    package var activationsPerToken: Int
    package var next: NextHop
    /// Who sends the steps; nil: the coordinator.
    package var previous: WorkerID?
    package var stageIndex: Int
    package var stageCount: Int
    /// Whose steps it takes, and nobody else's: the stage before, or the coordinator; nil: links are open.
    package var previousKey: NodeKey?
    /// Token ids are below this.
    package var vocabularySize: Int
    /// Positions of a sequence.
    package var contextLength: Int
    /// [layers] the epoch whose stage on this worker began the keys and values that it is to keep; `.none`: they begin
    /// anew. Empty: all of them do.
    package var keptSince: [Epoch] = []
    /// What goes into these layers is kept beside the keys and values, as it goes out of the one before, so that a stage
    /// behind can be rebuilt. Since `.none`: it begins anew; else it is what an earlier stage of this worker has.
    package var outputs: [KeptOutputs] = []
    /// An earlier stage of this worker, or of others, goes on computing until the first step of this one comes: then all
    /// steps before it are complete. The two share what both need.
    package var isBeside = false
    /// Layers whose keys and values come from other workers before that.
    package var copied: [CopySource] = []
    package init(
        epoch: Epoch, layers: Range<Int>, layerCount: Int, modelDescription: [UInt8], keyValueBlockCount: Int,
        maximumBatchTokens: Int, activationsPerToken: Int, next: NextHop, previous: WorkerID?, stageIndex: Int,
        stageCount: Int, vocabularySize: Int, contextLength: Int
    ) {
        self.epoch = epoch
        self.layers = layers
        self.layerCount = layerCount
        self.modelDescription = modelDescription
        self.keyValueBlockCount = keyValueBlockCount
        self.maximumBatchTokens = maximumBatchTokens
        self.activationsPerToken = activationsPerToken
        self.next = next
        self.previous = previous
        self.stageIndex = stageIndex
        self.stageCount = stageCount
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
    }

    package var isFirst: Bool { stageIndex == 0 }
    package var isLast: Bool { next == .tokens }
}

/// Outputs of a stage's layer, of positions in KV blocks.
package struct KeptOutputs: Equatable, Sendable {
    /// They are what goes into this layer.
    package var layer: Int
    /// The epoch whose stage began them.
    package var since: Epoch
    package init(layer: Int, since: Epoch) {
        self.layer = layer
        self.since = since
    }
}

/// Coordinator -> last stage: these sequences have ended (no step of them is in flight); free their sampler state.
package struct Release: Equatable, Sendable {
    package var epoch: Epoch
    package var sequences: [SequenceID]
    package init(epoch: Epoch, sequences: [SequenceID]) {
        self.epoch = epoch
        self.sequences = sequences
    }
}

/// Coordinator -> every stage: these steps were built on a wrong guess. Whoever has not computed one of them passes on an
/// empty step instead. Steps that are through are named in vain.
package struct Skip: Equatable, Sendable {
    package var epoch: Epoch
    package var steps: [StepID]
    package init(epoch: Epoch, steps: [StepID]) {
        self.epoch = epoch
        self.steps = steps
    }
}
