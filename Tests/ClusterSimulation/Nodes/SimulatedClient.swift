// Responsible for: clients and what they ask. Must not know: what they do about it (World+Clients), how answers are
// computed.

import Cluster
import Sequences
import Wire

/// A request as its client asks it, until it is answered.
struct Question {
    /// What the client does before it has its answer.
    enum Habit { case waits, cancels, leaves }

    /// With what its client has of the answer already.
    var message: Generate
    /// The answer of a single process, to its end, and as far as the client gets it.
    let whole: SingleProcessAnswer
    let right: SingleProcessAnswer
    let habit: Habit

    init?(_ message: Generate, habit: Habit, contextLength: Int, lengths: ToyModel.Lengths) {
        guard case .tokens(let prompt) = message.request.prompt else { return nil }
        self.message = message
        self.habit = habit
        let task = GenerationTask(RequestID(0), prompt, message.request)
        whole = SingleProcessAnswer(task, contextLength: contextLength, lengths: lengths)
        right = whole.stopped(at: message.request.stops.first.flatMap { Int32($0) })
    }
}

/// Somebody who asks one thing after the other, each going on from the one before.
struct SimulatedClient {
    /// What happens to a client's connection.
    enum Thing {
        case handshake
        case lost
        case tick
        case cancel
        case leave
        case letter(Letter)
    }

    var turnsLeft: Int
    /// What was asked and answered.
    var tokens: [Int32]
    /// What it asks now, over and over if need be; nil: nothing.
    var question: Question?
    /// The tokens of its answer that it had when its connection was lost.
    var had: [Int32] = []
    /// Counts the connections.
    var connection = 0
    var isConnected = false
    /// Whether what it is connected to is lost, and it has not been told.
    var isCut = false
    var connectingSince: UInt64 = 0
    var lastHeard: UInt64 = 0
    var lastSent: UInt64 = 0
    let index: Int

    var connectionID: ClientID { ClientID(UInt64(index) << 32 | UInt64(connection)) }
    var isDone: Bool { turnsLeft == 0 && question == nil && !isConnected }

    /// As the real client does: so long until a connection is given up, and a silent one; silence is asked about.
    static let connectLimit: UInt64 = 5_000
    static let silenceLimit: UInt64 = 10_000
    static let pingInterval: UInt64 = 2_000
}
