// Responsible for: one look at what all links of a cluster carry and what its workers' clocks say: one question after the
// other, so that no measurement is in the way of another. Must not know: sockets, how a link is measured, requests.

import Wire

/// An examination under way, as a value.
struct Examination: Sendable {
    /// What is asked of a node: nil is the coordinator.
    struct Question: Sendable, Equatable {
        let of: WorkerID?
        /// nil: only for the time.
        let link: NodeLink?
        /// The other end of the link; nil: the coordinator.
        var to: WorkerID?
    }

    /// An answer is awaited for longer than a measuring takes.
    private static let patience = LinkMeasuring.patience + .seconds(1)

    /// The plan whose links are measured; `.none`: none serves.
    let epoch: Epoch
    /// Those that are left; the first is under way.
    private var questions: [Question]
    /// Of the one under way; answers to others count for nothing.
    private(set) var number: UInt64
    private var askedAt: Moment
    /// Of this number of large answers on the weights link, for the question under way, is left.
    private var largeAnswers = 0
    private(set) var found = Measurements()

    /// Begins with what all members' clocks say. `stages`: of the plan that serves, in order. `number`: the first
    /// question gets a higher one.
    init(members: [WorkerID], stages: [WorkerID], _ epoch: Epoch, number: UInt64, _ now: Moment) {
        (self.epoch, self.number) = (epoch, number)
        askedAt = now
        questions = members.map { Question(of: $0, link: nil) }
        if let first = stages.first, let last = stages.last {
            questions.append(Question(of: nil, link: .next, to: first))
            questions += zip(stages, stages.dropFirst()).map { Question(of: $0, link: .next, to: $1) }
            questions.append(Question(of: last, link: .tokens))
        }
        questions += members.map { Question(of: $0, link: .weights) }
    }

    /// What is to be asked now; nil: all is answered.
    var question: Question? { questions.first }

    /// The question is asked now, with so many bytes.
    mutating func ask(bytes: Int, _ now: Moment) {
        number &+= 1
        askedAt = now
        largeAnswers = question?.link == .weights ? bytes / Limits.chunkBytes : 0
        if bytes == 0, question?.link != nil { found.wasBusy = true }
    }

    /// The question cannot be asked any more.
    mutating func skip() { if !questions.isEmpty { questions.removeFirst() } }

    /// A large answer is wanted on the weights link of a worker. Whether that is part of what it was asked for.
    mutating func takesLargeAnswer(_ worker: WorkerID) -> Bool {
        guard largeAnswers > 0, question?.of == worker else { return false }
        largeAnswers -= 1
        return true
    }

    /// An answer. False: it is none to the question under way.
    mutating func note(_ measured: Measured, of node: WorkerID?, isBusy: Bool, _ now: Moment) -> Bool {
        guard let question, question.of == node, measured.number == number else { return false }
        if let link = question.link {
            if measured.figures.bytesPerSecond == 0, isBusy { found.wasBusy = true }
            found.links.append(.init(from: node, to: question.to, link: link, figures: measured.figures))
        } else if let node {
            let roundTrip = (now - askedAt).wholeMicroseconds
            found.clocks.append(
                .init(
                    worker: node, roundTripMicroseconds: roundTrip,
                    aheadMicroseconds: Self.ahead(measured, roundTripMicroseconds: roundTrip)))
        }
        questions.removeFirst()
        return true
    }

    /// By how much the clock of whoever answered is ahead of ours; nil: one of them is not known.
    private static func ahead(_ measured: Measured, roundTripMicroseconds: UInt64) -> Int64? {
        let most = Limits.clockMicroseconds
        guard (1...most).contains(measured.clockMicroseconds), (1...most).contains(measured.receivedMicroseconds),
            roundTripMicroseconds <= Limits.microseconds
        else { return nil }
        // It was said half a round trip ago.
        let now = measured.clockMicroseconds + roundTripMicroseconds / 2
        return Int64(now) - Int64(measured.receivedMicroseconds)
    }

    /// Whether the question under way is given up; whoever did not even tell the time is asked nothing more.
    mutating func giveUp(_ now: Moment) -> Bool {
        guard let question, now - askedAt >= Self.patience else { return false }
        if let link = question.link {
            found.links.append(.init(from: question.of, to: question.to, link: link, figures: LinkFigures()))
            questions.removeFirst()
        } else {
            questions.removeAll { $0.of == question.of }
        }
        return true
    }

    /// Time in which this process itself did not run is nobody's delay.
    mutating func excuse(_ gap: Duration, _ now: Moment) { askedAt = min(now, askedAt + gap) }
}
