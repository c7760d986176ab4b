// Responsible for: the kinds of things that worlds must be made of, and how often each happened. Must not know: what
// makes them happen.

/// Something that goes wrong in a world, or that its nodes do about it. Each must happen in many worlds.
enum Happening: String, CaseIterable {
    case workerKilled = "a worker is killed"
    case workerStarted = "a worker is started again"
    case workerFrozen = "a worker is stopped and goes on"
    case workerHung = "a worker computes a step for ever"
    case workerSlowed = "a worker becomes slow"
    case workerLeft = "a worker leaves"
    case controlBroken = "a worker's control connection breaks"
    case controlDead = "a worker's control connection dies without a sign"
    case stepLinkBroken = "a connection for steps or results breaks"
    case weightLinkBroken = "a weights connection breaks during a load"
    case coordinatorKilled = "the coordinator is killed"
    case hostLost = "the coordinator is lost without a sign"
    case requestsLost = "the coordinator is lost with requests in flight"
    case coordinatorRestarted = "the coordinator is started again"
    case everythingRestarted = "the coordinator and all workers are started again"
    case planRecalled = "after that everybody gets the layers that it had"
    case coordinatorFrozen = "the coordinator is stopped and goes on"
    case oldResult = "a result for an earlier coordinator reaches its successor"
    case oldForward = "a step of an earlier epoch reaches a worker"
    case partition = "a worker and the coordinator are parted"
    case oneWayPartition = "a worker and the coordinator are parted in one direction"
    case workerPartition = "two workers are parted"
    case portClosed = "a port is closed"
    case largeLost = "a host loses large packets"
    case linksMeasured = "the links of a plan are measured"
    case clientPartition = "a client and the coordinator are parted"
    case clientBroken = "a client's connection breaks"
    case chunkDamaged = "a chunk arrives with wrong bytes"
    case cacheDamaged = "a cache is damaged while no process uses it"
    case fetchOutdated = "weights are asked for that a newer plan does not give to the worker"
    case contentRefetched = "a content with wrong bytes is thrown away"
    case loadFailed = "a load fails"
    case partialResumed = "a load goes on from a part in the cache"
    case cacheReused = "a worker loads from its cache what an earlier process fetched"
    case layersKept = "a stage keeps keys and values under a new plan"
    case layersRebuilt = "a stage takes part in computing lost layers again"
    case changedWhileServing = "another plan serves without a break"
    case changeAbandoned = "a plan beside the one that serves is given up"
    case blocksCopied = "a block is copied from worker to worker"
    case outputsCopied = "what was kept of outputs is copied from worker to worker"
    case workerDrained = "a worker ends once others have its layers"
    case drainRefused = "a worker is not left out, as nobody can take over its layers"
    case keepingFailed = "a stage has not what it is to keep"
    case planAdopted = "a coordinator takes up what stages hold from the one before"
    case blocksAdopted = "blocks are found again under another coordinator"
    case answerResumed = "an answer goes on after a restart before its client is back"
    case answerTakenUp = "a client takes up an answer that went on after a restart"
    case stageFreed = "a worker frees its stage as no coordinator comes back"
    case clientLeft = "a client is gone in the middle of an answer"
    case clientCancelled = "a client cancels"
    case stopFound = "a stop string ends an answer"
    case askedAgain = "a client asks again after its connection was lost"
    case answerGoesOn = "an answer goes on where its client's connection was lost"
    case resultForged = "a worker sends a result that cannot be"
    case queueFull = "a request is refused, as the queue is full"
    case noAnswer = "a client finds no coordinator"
    case lossFoundOut = "a client finds out by asking that its coordinator was lost"
    case silenceNoticed = "a client gives up a connection that is silent"
}

/// How often each thing happened.
struct Tally {
    private var counts = Array(repeating: 0, count: Happening.allCases.count)
    private static let places = Dictionary(
        uniqueKeysWithValues: Happening.allCases.enumerated().map { ($1, $0) })

    subscript(_ happening: Happening) -> Int {
        get { counts[Self.places[happening] ?? 0] }
        set { counts[Self.places[happening] ?? 0] = newValue }
    }

    static func += (total: inout Tally, other: Tally) {
        for place in total.counts.indices { total.counts[place] += other.counts[place] }
    }

    /// One line for each kind.
    var description: String {
        zip(Happening.allCases, counts).map { "\($1)\t\($0.rawValue)" }.joined(separator: "\n")
    }
}
