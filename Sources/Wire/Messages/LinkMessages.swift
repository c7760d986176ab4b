// Responsible for: what nodes say to prove that the links of a plan carry what they must, and to report what they found.
// Must not know: sockets, time, what else travels on a link.
//
// On the data, tokens and weights links a hello is a message that begins with an empty frame, which no other message
// does; its header follows, and then a raw frame of `probeBytes` zeros, unless that is 0. Its answer has the same form
// and comes back on the same connection.

/// One of the links of a worker, but for the control link.
package enum NodeLink: UInt32, CaseIterable, Sendable {
    /// Of the worker to the coordinator's weights socket.
    case weights = 1
    /// Of the worker to the coordinator's tokens socket.
    case tokens = 2
    /// Of the worker, or the coordinator, to the data socket of the stage that follows.
    case next = 3
    /// Of whoever is before a worker to its data socket; only in a `LinkReport` of steps that were lost.
    case previous = 4
}

/// Upstream node -> downstream node, data, tokens and weights links: do you hear me? Repeated until it is answered, and
/// from time to time after that.
package struct Hello: Equatable, Sendable, WireMessage {
    /// The plan that the link is for; `.none`: no plan yet.
    package var epoch: Epoch
    /// Who says it; nil: the coordinator.
    package var worker: WorkerID?
    /// Counts up on a link; the answer names it.
    package var number: UInt64
    /// Bytes of the raw frame beside it: as large as what the link must carry, so that a network that loses large
    /// packets is found out.
    package var probeBytes: Int
    /// Bytes of the raw frame wanted beside the answer.
    package var replyBytes: Int
    package init(epoch: Epoch, worker: WorkerID?, number: UInt64, probeBytes: Int = 0, replyBytes: Int = 0) {
        self.epoch = epoch
        self.worker = worker
        self.number = number
        self.probeBytes = probeBytes
        self.replyBytes = replyBytes
    }
}

/// Downstream node -> upstream node: the answer to a `Hello`, followed by a raw frame of `probeBytes` zeros, unless that
/// is 0.
package struct HelloReply: Equatable, Sendable, WireMessage {
    package var epoch: Epoch
    /// Who answers; nil: the coordinator.
    package var worker: WorkerID?
    /// Of the hello.
    package var number: UInt64
    package var probeBytes: Int
    package init(epoch: Epoch, worker: WorkerID?, number: UInt64, probeBytes: Int = 0) {
        self.epoch = epoch
        self.worker = worker
        self.number = number
        self.probeBytes = probeBytes
    }
}

/// Why a link does not carry what it must.
package enum LinkFailure: UInt32, CaseIterable, Sendable {
    case noAnswer = 1
    case refused = 2
    case notResolved = 3
    case handshakeRefused = 4
    /// Small messages get through, and large ones do not.
    case largeLost = 5
    /// Steps did not arrive, though the link answers.
    case stepsLost = 6
}

/// Worker -> coordinator, control link: what has become of one of its links, whenever that changes.
package struct LinkReport: Equatable, Sendable {
    /// What was found out.
    package enum Outcome: Equatable, Sendable {
        /// Messages as large as it must carry get through. What it carries in a second, as measured by one answer; 0:
        /// not known.
        case proven(bytesPerSecond: Double)
        case failed(LinkFailure)
    }

    /// The plan that the link is for; `.none`: no plan yet.
    package var epoch: Epoch
    package var link: NodeLink
    package var outcome: Outcome
    package init(epoch: Epoch, link: NodeLink, outcome: Outcome) {
        self.epoch = epoch
        self.link = link
        self.outcome = outcome
    }
}
