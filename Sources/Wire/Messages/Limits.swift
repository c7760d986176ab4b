// Responsible for: the version of the protocol and the largest values a message may carry. Every count is checked
// against one of these before anything is allocated for it. Must not know: sockets, time.

/// The version of the protocol between nodes; changes with every change that an older node would misread.
package let protocolVersion: UInt32 = 4

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
    /// Bytes of an endpoint, a host name, a model's name, a build version.
    package static let nameBytes = 1024
    /// Bytes of a sentence meant for a person.
    package static let sentenceBytes = 16 << 10
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
    /// Counts in a status reply.
    package static let namedCounts = 256
}
