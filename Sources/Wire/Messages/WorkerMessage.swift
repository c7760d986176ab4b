// Responsible for: what a worker says to the coordinator on the control link. Must not know: sockets, time, where the
// values come from. The worker is known by its connection, whose key its join is held against.

/// Worker -> coordinator, control link.
package enum WorkerMessage: Equatable, Sendable {
    case join(Join)
    case loading(Loading)
    case ready(Ready)
    case failed(LoadFailure)
    case heartbeat(WorkerHeartbeat)
    case link(LinkReport)
    case measured(Measured)
    case holding(Holding)
    case cached(CachedLayers)
    case copied(Copied)
    /// I want to leave once others have my layers: answered by `CoordinatorMessage.drained` or `.drainRefused`.
    case leaving
    case leave
    /// I follow the candidate in this term, and nobody of an earlier one.
    case granted(Term)
}

/// Worker -> coordinator: I offer this machine. Answered by `Welcome` or `Refusal`.
package struct Join: Equatable, Sendable {
    /// The protocol version; when it is not ours, the other fields are not read and keep their defaults.
    package var version: UInt32 = protocolVersion
    /// The program's version for people, such as "0.1.0".
    package var build = ""
    /// The process; the same in each of its joins.
    package var worker = WorkerID(0)
    /// The key of the connection that it came over; nil: links are open. Not sent: the receiver fills it in.
    package var key: NodeKey?
    /// Counts the joins of one process that follow a loss; a repeated message has the number of the first.
    package var attempt: UInt64 = 1
    package var hostName = ""
    package var processID: Int32 = 0
    /// Bytes this worker may use for weights, keys and values, and workspace.
    package var memoryBytes: UInt64 = 0
    package var cores = 0
    package var threads = 0
    /// The kernels' instruction set, such as "avx512".
    package var instructionLevel = ""
    /// Measured: bytes per second.
    package var readBytesPerSecond: Double = 0
    /// Measured: int8 operations per second.
    package var int8OperationsPerSecond: Double = 0
    /// Where its data socket is bound, as the previous stage can reach it.
    package var dataEndpoint = ""
    /// 32 random bytes that name its cache of weights and outlive the process: a worker that comes back with them takes
    /// its old place in the order of workers, and so gets the layers it has cached.
    package var cacheIdentity: ContentHash?
    /// It only pretends to compute: for measuring everything else.
    package var isSimulated = false
    /// The highest that it knows of: it follows no coordinator of an earlier one.
    package var term = Term.first
    package init() {}
}

/// Worker -> coordinator: how far the load of an epoch is.
package struct Loading: Equatable, Sendable {
    package var epoch: Epoch
    package var bytesDone: UInt64
    package var bytesTotal: UInt64
    package init(epoch: Epoch, bytesDone: UInt64, bytesTotal: UInt64) {
        self.epoch = epoch
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
    }
}

/// Worker -> coordinator: the stage of this epoch can compute.
package struct Ready: Equatable, Sendable {
    package var epoch: Epoch
    /// Of this load: bytes that came over the network, and bytes that lay in the cache or a local file.
    package var transferredBytes: UInt64
    package var cachedBytes: UInt64
    /// It has all keys and values that it was to keep; else it has begun all of them anew.
    package var hasKept = false
    package init(epoch: Epoch, transferredBytes: UInt64, cachedBytes: UInt64, hasKept: Bool = false) {
        self.epoch = epoch
        self.transferredBytes = transferredBytes
        self.cachedBytes = cachedBytes
        self.hasKept = hasKept
    }
}

/// Worker -> coordinator: the stage of this epoch cannot be loaded or cannot go on.
package struct LoadFailure: Equatable, Sendable {
    package var epoch: Epoch
    package var message: String
    package init(epoch: Epoch, message: String) {
        self.epoch = epoch
        self.message = message
    }
}

/// Worker -> coordinator, every 250 ms: I am here. Progress in it tells busy from hung.
package struct WorkerHeartbeat: Equatable, Sendable {
    /// The epoch it is assigned, 0 for none.
    package var epoch = Epoch.none
    /// Steps computed within the epoch.
    package var stepsCompleted: UInt64 = 0
    /// How long the step now being computed has taken; 0: none.
    package var busyMilliseconds: UInt64 = 0
    package var gauges = WorkerGauges()
    /// The last beat of the coordinator's that was heard; 0: none.
    package var beat: UInt64 = 0
    package init() {}
}

/// What a worker measures of itself.
package struct WorkerGauges: Equatable, Sendable {
    /// Resident memory of the process.
    package var residentBytes: UInt64 = 0
    /// Weight bytes that came over the network since the process began.
    package var transferredBytes: UInt64 = 0
    /// Weight bytes that came from the cache or a local file since the process began.
    package var cachedBytes: UInt64 = 0
    /// How much of the time that its threads want the processors of its host give them, while it has no layers; 0: not
    /// measured.
    package var processorShare = 0.0
    package init() {}
}

/// Worker -> coordinator, the answer to a `Welcome` that names a model: layers of it all of whose weights lie on this
/// worker's disk. To be given these costs nothing.
package struct CachedLayers: Equatable, Sendable {
    /// See `Assign`.
    package var model: ContentHash
    /// Ascending, with gaps between them.
    package var layers: [Range<Int>]
    package init(model: ContentHash, layers: [Range<Int>]) {
        self.model = model
        self.layers = layers
    }
}

/// Worker -> coordinator, the answer to a `Welcome` that asks for it: the stage in this process's memory. Who adopts it
/// computes nothing of it again.
package struct Holding: Equatable, Sendable {
    /// A KV block, as far as it is filled.
    package struct Block: Equatable, Sendable {
        package var block: Int32
        /// The full block with the positions before it; nil: it begins its sequences.
        package var parent: Int32?
        /// Of the sequence that wrote it last: see `ForwardItem`.
        package var restartLength: Int
        /// 1 ... `KeyValueBlock.positions` of them. Every layer has the keys and values of these, after those of `parent`.
        package var tokens: [Int32]
        package init(block: Int32, parent: Int32?, restartLength: Int, tokens: [Int32]) {
            self.block = block
            self.parent = parent
            self.restartLength = restartLength
            self.tokens = tokens
        }
    }

    /// See `Assign`. nil: it holds nothing, and the other fields keep their defaults.
    package var model: ContentHash?
    package var layers = 0..<0
    /// [layers] the epoch that began the keys and values of each.
    package var since: [Epoch] = []
    package var keyValueBlockCount = 0
    package var outputs: [KeptOutputs] = []
    /// Those whose contents are known, in ascending order of their ids, `Limits.heldBlocks` at most.
    package var blocks: [Block] = []
    package init() {}
}
