// Responsible for: what is sent over the virtual network, from where to where. Must not know: when it arrives.

import Wire

/// A place that letters go to.
enum Place: Hashable {
    case coordinator
    case worker(Int)
    case client(Int)

    static let mostWorkers = 4
    static let mostClients = 12

    var number: Int {
        switch self {
        case .coordinator: 0
        case .worker(let slot): slot + 1
        case .client(let index): index + 1 + Self.mostWorkers
        }
    }

    static let count = 1 + mostWorkers + mostClients
}

/// Which of the connections between two places.
enum Link: Int, CaseIterable { case control, data, tokens, weights, copies }

/// What is sent: the values of `Wire`, with their raw frames.
enum Content {
    case message(WorkerID, WorkerMessage)
    case command(CoordinatorMessage)
    case forward(Forward, [UInt64])
    case result(StepResult)
    /// The number of the worker's weights socket goes with what is fetched: an earlier one's gets no answer.
    case fetch(Fetch, socket: Int)
    case chunk(Chunk, [UInt8])
    case request(ClientID, ClientMessage)
    case reply(ClientReply)
    /// Who says it goes with a hello.
    case hello(Hello, of: WorkerID?)
    case helloReply(HelloReply)
    /// Who sends it goes with a block.
    case blocks(BlockContents, [UInt64], of: WorkerID)

    /// Said all the time: whether one is under way means nothing.
    var isHeartbeat: Bool {
        switch self {
        case .message(_, .heartbeat), .command(.heartbeat), .hello, .helloReply: true
        default: false
        }
    }
}

extension Content {
    /// More than fits a small packet.
    var isLarge: Bool {
        switch self {
        case .hello(let hello, _): hello.probeBytes > 0
        case .helloReply(let reply): reply.probeBytes > 0
        case .forward(_, let activations): !activations.isEmpty
        case .result(let result): !result.samples.isEmpty || !result.scores.isEmpty
        case .chunk, .blocks: true
        case .message, .command, .fetch, .request, .reply: false
        }
    }
}

/// Something on its way.
struct Letter {
    let content: Content
    let from: Place
    let to: Place
    let link: Link
    /// Of the connection it was sent on: a letter of a connection that was cut does not arrive.
    let connection: Int
    /// Of the process that it is for; of a client, the number of its connection.
    let life: Int
}
