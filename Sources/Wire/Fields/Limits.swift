// Responsible for: the version of the protocol and the largest values a message may carry. Every count is checked
// against one of these before anything is allocated for it. Must not know: sockets, time.

/// The version of the protocol between nodes; changes with every change that an older node would misread.
package let protocolVersion: UInt32 = 5

/// The largest values a message may carry; those of a request are in `RequestLimits`.
package enum Limits {
    /// Bytes of a header frame on the control and data links (an `Assign` carries the tensor manifest).
    package static let headerBytes = 32 << 20
    /// Bytes of the header frame of a `Forward` or a `StepResult`.
    package static let stepHeaderBytes = 16 << 20
    /// Bytes of the header frame of a `Fetch` or `Chunk`.
    package static let weightHeaderBytes = 20 << 10
    /// Bytes of the header frame of a `Hello` or a `HelloReply`.
    package static let helloBytes = 1 << 10
    /// Bytes of the raw frame beside a `Hello`: many packets of any network.
    package static let probeBytes = 64 << 10
    /// Bytes of a host name, a model's name, a build version.
    package static let nameBytes = 255
    /// Bytes of an endpoint: a DNS name has at most 253 characters.
    package static let endpointBytes = 300
    /// Bytes of a sentence meant for a person.
    package static let sentenceBytes = 16 << 10
    /// Bytes of what one worker says went wrong with it: everybody who asks for the state is told.
    package static let reasonBytes = 1 << 10
    /// Parts of such a sentence, in turn text and the names of fields.
    package static let sentenceParts = 63
    /// Tokens in one step.
    package static let batchTokens = 1 << 14
    /// Sequences in one step.
    package static let stepItems = 1024
    /// Guessed tokens in one item of a step.
    package static let draftTokens = 64
    /// KV blocks of a stage.
    package static let keyValueBlocks = 1 << 22
    /// Blocks whose contents a worker tells (2 million tokens).
    package static let heldBlocks = 1 << 16
    /// Layers of a model.
    package static let layers = 4096
    /// Stages of a plan, and workers of a cluster.
    package static let workers = 256
    /// Steps in flight over `stages` stages at most: what bounds every queue of the data and tokens links. Twice as many
    /// as stages keep them busy where a hop takes as long as a step.
    package static func stepsInFlight(stages: Int) -> Int { 2 * stages + 1 }
    /// The same for the longest pipeline.
    package static let stepsInFlight = stepsInFlight(stages: workers)
    /// Floats of one token's activations.
    package static let activationsPerToken = 1 << 16
    /// Floats in the raw frame beside a `Forward` (256 MiB).
    package static let activations = 1 << 26
    /// Bytes in the raw frame beside a `Chunk`.
    package static let chunkBytes = 256 << 10
    /// Bytes of a model description.
    package static let descriptionBytes = 24 << 20
    /// Requests in a status reply.
    package static let listedRequests = 4096
    /// Files of a journal.
    package static let journalSegments = 1 << 20
    /// Counts in a status reply.
    package static let namedCounts = 256

    // What a worker measures or offers. Senders clip what they have to these, receivers refuse what is beyond.

    /// Bytes of memory, weights, or what is moved of them (256 TiB).
    package static let memoryBytes: UInt64 = 1 << 48
    /// Cores and threads of a machine.
    package static let cores = 4096
    /// Bytes read in a second: less than any machine that computes, more than any.
    package static let bytesPerSecond = 1e6...1e12
    /// Operations in a second.
    package static let operationsPerSecond = 1e6...1e16
    /// Of one step at one stage (12 days); clocks of hosts that disagree by more tell nothing.
    package static let microseconds: UInt64 = 1 << 40
    /// Of one step that is being computed (34 years).
    package static let milliseconds: UInt64 = 1 << 40
    /// Sums of such numbers stop growing here.
    package static let total: UInt64 = 1 << 62
    /// Of an answer.
    package static let seconds = 1e9
    /// Bytes that may travel to measure what one link carries.
    package static let measuringBytes = 4 << 20
    /// Of the links of all workers of a cluster: two each, and the coordinator's.
    package static let measuredLinks = 2 * workers + 1
    /// Bytes that a link carries in a second, at most.
    package static let linkBytesPerSecond = 0...1e12
    /// Of a time of day, since 1970 (285 years), and of the difference between two.
    package static let clockMicroseconds: UInt64 = 1 << 53
    /// Bytes in the raw frame beside a `BlockContents`.
    package static let copyBytes = 1 << 20
    /// Bytes of a block in one layer that such parts make up (1 GiB).
    package static let copiedLayerBytes = 1 << 30
    /// Blocks of one `CopyBlocks`, messages that carry them, and orders of one plan.
    package static let copiedBlocks = 1 << 12
    package static let copyParts = 1 << 24
    package static let copyOrders = 1 << 30
    /// Workers that have a say in who is the coordinator: those of a cluster, and some that have left.
    package static let electors = 4 * workers
    /// Bytes of who is admitted, and of a part of a journal: one record at least, each of which may be as long as a request.
    package static let admissionsBytes = 4 << 20
    package static let journalPartBytes = headerBytes + (1 << 20)
    /// Bytes of what a standby is told in one message.
    package static let standbyCommandBytes = journalPartBytes + (1 << 10)
    /// What is predicted or measured of a plan: microseconds, seconds, tokens per second.
    package static let figures = 0...1e15
    /// The share of a processor, where there is one.
    package static let share = 1e-6...1.0
    /// A log-probability is no greater: that of a certain token is 0, give or take what rounding does.
    package static let logProbability: Float = 0.01
}
