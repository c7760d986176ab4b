// Responsible for: letters between nodes: delay, order on each connection, loss of connections, partitions. Must not
// know: what is in a letter.

import Wire

/// A place that letters go to.
enum Place: Hashable {
    case coordinator
    case worker(Int)

    var number: Int {
        switch self {
        case .coordinator: 0
        case .worker(let slot): slot + 1
        }
    }
}

/// Which of the connections between two places.
enum Link: Int { case control, data, tokens }

/// What is sent.
enum Content {
    case message(WorkerID, WorkerMessage)
    case command(CoordinatorMessage)
    case forward(Forward, [UInt64])
    case result(StepResult)
}

/// Something on its way.
struct Letter {
    let content: Content
    let from: Place
    let to: Place
    let link: Link
    /// Of the connection it was sent on: a letter of a connection that was cut does not arrive.
    let connection: Int
    /// Of the process that it is for, where that is a worker.
    let life: Int
}

/// The state of all connections.
struct VirtualNetwork {
    private static let places = 8
    private var connections = Array(repeating: 0, count: places * places * 3)
    private var lastArrival = Array(repeating: UInt64(0), count: places * places * 3)
    private var isBlocked = Array(repeating: false, count: places * places)
    /// Sent, and neither arrived nor lost, heartbeats apart.
    var lettersUnderWay = 0

    private func index(_ from: Place, _ to: Place, _ link: Link) -> Int {
        (from.number * Self.places + to.number) * 3 + link.rawValue
    }

    func connection(_ from: Place, _ to: Place, _ link: Link) -> Int { connections[index(from, to, link)] }

    /// Everything under way on a connection is lost.
    mutating func cut(_ from: Place, _ to: Place, _ link: Link) { connections[index(from, to, link)] += 1 }

    mutating func block(_ a: Place, _ b: Place, _ blocked: Bool) {
        isBlocked[a.number * Self.places + b.number] = blocked
        isBlocked[b.number * Self.places + a.number] = blocked
    }

    func isBlocked(_ a: Place, _ b: Place) -> Bool { isBlocked[a.number * Self.places + b.number] }

    /// When a letter sent now arrives: never before one sent earlier on the same connection.
    mutating func arrival(_ from: Place, _ to: Place, _ link: Link, at time: UInt64) -> UInt64 {
        let index = index(from, to, link)
        lastArrival[index] = max(lastArrival[index], time)
        return lastArrival[index]
    }

    func arrives(_ letter: Letter) -> Bool {
        !isBlocked(letter.from, letter.to)
            && connections[index(letter.from, letter.to, letter.link)] == letter.connection
    }
}

extension Content {
    /// Said all the time: whether one is under way means nothing.
    var isHeartbeat: Bool {
        switch self {
        case .message(_, .heartbeat), .command(.heartbeat): true
        default: false
        }
    }
}
