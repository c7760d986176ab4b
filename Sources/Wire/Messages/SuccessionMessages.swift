// Responsible for: what a coordinator and the standby that is to take its place say to each other, and what others are told of
// both. Must not know: sockets, time, when one takes over.

import Sequences

/// Standby -> coordinator, control link.
package enum StandbyMessage: Equatable, Sendable {
    case follow(Follow)
    case followed(Followed)
    /// I serve now, in this term: you do not any more.
    case superseded(Term)
    /// I end, and take over nothing.
    case unfollow
}

/// Standby -> coordinator: tell me everything, so that I can take your place. Answered by `StandbyCommand`s.
package struct Follow: Equatable, Sendable {
    package var version: UInt32 = protocolVersion
    package var build = ""
    /// The SHA-256 of the model's description.
    package var model: ContentHash
    /// Where workers and clients reach it.
    package var endpoint: String
    /// Of whoever may ask it as its owner.
    package var ownerKey: NodeKey
    package init(model: ContentHash, endpoint: String, ownerKey: NodeKey) {
        (self.model, self.endpoint, self.ownerKey) = (model, endpoint, ownerKey)
    }
}

/// Standby -> coordinator: so much of what you have said is on my disk.
package struct Followed: Equatable, Sendable {
    /// The number of the last part of the journal, and of the last list of electors.
    package var journal: UInt64
    package var electors: UInt64
    /// The last beat that was heard.
    package var beat: UInt64
    /// Workers with a say that have come to it, as they do not hear the coordinator.
    package var present: Int
    package init(journal: UInt64, electors: UInt64, beat: UInt64, present: Int = 0) {
        (self.journal, self.electors, self.beat, self.present) = (journal, electors, beat, present)
    }
}

/// Coordinator -> standby, control link.
package enum StandbyCommand: Equatable, Sendable, WireMessage {
    case refusal(Refusal)
    /// Every 250 ms: I am here. The number is said back.
    case beat(UInt64)
    case succession(Succession)
    case electors(Electors)
    case journal(JournalPart)
    /// All was said: take over now.
    case handOver
}

/// Coordinator -> standby: who I am, and whom I let in.
package struct Succession: Equatable, Sendable {
    package var term: Term
    /// Of whoever may ask it as its owner.
    package var ownerKey: NodeKey
    /// Members and tokens, as on its disk.
    package var admissions: [UInt8]
    package init(term: Term, ownerKey: NodeKey, admissions: [UInt8]) {
        (self.term, self.ownerKey, self.admissions) = (term, ownerKey, admissions)
    }
}

/// Coordinator -> standby: the workers without more than half of which it does not take over.
package struct Electors: Equatable, Sendable {
    package var number: UInt64
    package var keys: [NodeKey]
    package init(number: UInt64, keys: [NodeKey]) { (self.number, self.keys) = (number, keys) }
}

/// Coordinator -> standby: records of the journal.
package struct JournalPart: Equatable, Sendable {
    /// Ascending by one.
    package var number: UInt64
    /// What came before it counts for nothing.
    package var begins: Bool
    /// As they lie on a disk: `JournalBytes`.
    package var records: [UInt8]
    package init(number: UInt64, begins: Bool, records: [UInt8]) {
        (self.number, self.begins, self.records) = (number, begins, records)
    }
}

/// Standby -> worker that has come to it: will you follow me in this term, and nobody of an earlier one? Answered by
/// `WorkerMessage.granted`, or not at all.
package struct Candidate: Equatable, Sendable {
    package var term: Term
    /// Its own. The receiver puts in the key of the connection.
    package var key: NodeKey
    package init(term: Term, key: NodeKey) { (self.term, self.key) = (term, key) }
}

/// Where a coordinator is, and by which key it is known.
package struct CoordinatorPlace: Hashable, Sendable {
    package var endpoint: String
    /// nil: links are open.
    package var key: NodeKey?
    package init(endpoint: String, key: NodeKey?) { (self.endpoint, self.key) = (endpoint, key) }
}

/// Coordinator -> client, in a status: who would take over.
package struct StandbyStatus: Equatable, Sendable {
    package var endpoint = ""
    package var isFollowing = false
    package var silentMilliseconds: UInt64 = 0
    /// Of the journal.
    package var unacknowledgedBytes: UInt64 = 0
    /// Workers that have a say.
    package var electors = 0
    /// It, or half of these, have heard the coordinator lately: nobody else can serve.
    package var isCertain = false
    package init() {}
}
