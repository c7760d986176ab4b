// Responsible for: the state of a cluster as `tandem status` shows it. Must not know: sockets, time.

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
    package init() {}
}

/// One worker of a status.
package struct WorkerStatus: Equatable, Sendable {
    package var id: WorkerID
    package var hostName = ""
    package var processID: Int32 = 0
    /// nil: it holds none now.
    package var layers: Range<Int>?
    /// A word or sentence: "ready", "loading 40%", "idle", "set aside: ...".
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
    package var readBandwidth: Double = 0
    package var int8Speed: Double = 0
    package var transferredBytes: UInt64 = 0
    package var cachedBytes: UInt64 = 0
    package var stepsCompleted: UInt64 = 0
    package var loadBytesDone: UInt64 = 0
    package var loadBytesTotal: UInt64 = 0
    package init(id: WorkerID) { self.id = id }
}

/// One request of a status.
package struct RequestStatus: Equatable, Sendable {
    package var id: RequestID
    /// "waiting", "prefill", "decode" or "ending".
    package var state: String
    package var promptTokens: Int
    package var generatedTokens: Int
    package init(id: RequestID, state: String, promptTokens: Int, generatedTokens: Int) {
        self.id = id
        self.state = state
        self.promptTokens = promptTokens
        self.generatedTokens = generatedTokens
    }
}
