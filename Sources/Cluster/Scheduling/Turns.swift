// Responsible for: whose request comes before whose. Must not know: which run, blocks, steps.
//
// Clients take turns: the first unfinished request of each is in one round, the second in the next, and so on (start-time
// fair queuing, Goyal et al. 1996, with requests all alike). Within a round higher priorities come first, then earlier
// arrivals. A client's own rounds go to its requests by priority and arrival: what is urgent to it overtakes what it asked
// before, and nothing of others but in its round. So one that asks for much, at whatever priority, comes to wait behind
// itself. Whoever comes (back) joins the oldest round that is under way, or the one behind its own last.

import Wire

/// A request's place in the order of all.
struct Turn: Sendable, Equatable {
    var round: UInt64 = 0
    var priority = 0
    /// Counts all requests.
    var arrival: UInt64 = 0

    /// It comes before the other for another reason than its arrival.
    func isBetter(than other: Turn) -> Bool {
        (round, other.priority) < (other.round, priority)
    }

    static func < (one: Turn, other: Turn) -> Bool {
        (one.round, other.priority, one.arrival) < (other.round, one.priority, other.arrival)
    }
}

/// Deals turns as requests come.
struct Turns: Sendable {
    private var lastArrival: UInt64 = 0
    /// The last rounds of those who asked lately, the newest last.
    private var lastRounds: [(client: ClientID, round: UInt64)] = []

    /// So many clients are remembered; of others it is not known that they have had a turn.
    private static let memory = 256

    /// Gives the last of these sequences, which is new, its turn, and puts it into its place. The others are in order.
    mutating func deal(_ sequences: inout [SequenceState]) {
        guard var newcomer = sequences.popLast() else { return }
        let client = newcomer.task.client
        lastArrival += 1
        let round = nextRound(of: client, beginning: sequences.first?.turn.round)
        newcomer.turn = Turn(round: round, priority: newcomer.task.priority, arrival: lastArrival)
        // Its client's later ones of lower priority take the next round each, and it takes that of the first of them.
        let later = sequences.indices.filter {
            sequences[$0].task.client == client && sequences[$0].task.priority < newcomer.task.priority
        }
        let rounds = later.map { sequences[$0].turn.round } + [round]
        newcomer.turn.round = rounds[0]
        for (index, round) in zip(later, rounds.dropFirst()) { sequences[index].turn.round = round }
        let turn = newcomer.turn
        if !later.isEmpty { sequences.sort { $0.turn < $1.turn } }
        sequences.insert(newcomer, at: sequences.firstIndex { turn < $0.turn } ?? sequences.count)
    }

    /// `beginning`: the oldest round under way; nil: there is none.
    private mutating func nextRound(of client: ClientID, beginning: UInt64?) -> UInt64 {
        guard let beginning else {
            lastRounds = [(client, 0)]
            return 0
        }
        let last = lastRounds.first { $0.client == client }?.round
        let round = max(beginning, last.map { $0 + 1 } ?? 0)
        lastRounds.removeAll { $0.client == client }
        if lastRounds.count >= Self.memory { lastRounds.removeFirst() }
        lastRounds.append((client, round))
        return round
    }
}
