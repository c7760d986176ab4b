// Responsible for: what is sent to a standby and what it has, on the side of the coordinator that it follows. Must not know:
// sockets, what is in a part of the journal.
import Cluster
import Sequences
import Transport
import Wire

/// One standby's connection. So little is under way at once that neither side has to keep much of it.
struct Following {
    let peer: Peer
    let key: PublicKey
    private(set) var mirror: JournalMirror
    private var queue: [(number: UInt64, frame: [UInt8])] = []
    private var sent: [(number: UInt64, count: Int)] = []
    private var waiting: [(number: UInt64, since: Moment, JournalMirror.Waiting)] = []
    private var lastNumber: UInt64 = 0
    private(set) var queuedBytes = 0
    private var sentBytes = 0
    var lastHeard: Moment
    var nextBeat: Moment
    /// Of the roll, when the standby was told who is admitted.
    var rollVersion = -1
    /// All that was written before the hand-over is in the queue.
    private(set) var isComplete = false

    /// Sent, and not acknowledged; and what may wait for that.
    private static let window = 8 << 20
    private static let mostSent = 512
    private static let mostQueued = 256 << 20
    /// A standby that has said nothing for so long is gone.
    static let silenceLimit = Duration.seconds(3)
    static let beatInterval = Duration.milliseconds(250)
    /// Clients wait so long at most for a standby to have what was accepted.
    static let patience = Duration.seconds(1)

    init(_ peer: Peer, _ key: PublicKey, _ mirror: JournalMirror, now: Moment) {
        (self.peer, self.key, self.mirror, lastHeard, nextBeat) = (peer, key, mirror, now, now)
    }

    /// Of the journal, sent or not.
    var unacknowledgedBytes: Int { queuedBytes + sentBytes }

    /// The standby does not keep up: it has to begin anew.
    var isOverrun: Bool { queuedBytes > Self.mostQueued || mirror.isBroken }

    /// When something is due at the latest.
    var deadline: Moment {
        min(nextBeat, waiting.first.map { $0.since + Self.patience } ?? nextBeat)
    }

    /// Takes what the journal's thread has put in.
    mutating func take(_ part: JournalMirror.Part, now: Moment) {
        lastNumber += 1
        let frame = StandbyCommand.journal(
            JournalPart(number: lastNumber, begins: part.begins, records: part.records)
        ).encode()
        queue.append((lastNumber, frame))
        queuedBytes += frame.count
        waiting += part.waiting.map { (lastNumber, now, $0) }
        if part.isEnd { isComplete = true }
    }

    /// What is to be sent now.
    mutating func next() -> [UInt8]? {
        guard let first = queue.first, sent.count < Self.mostSent,
            sentBytes == 0 || sentBytes + first.frame.count <= Self.window
        else { return nil }
        queue.removeFirst()
        queuedBytes -= first.frame.count
        sent.append((first.number, first.frame.count))
        sentBytes += first.frame.count
        return first.frame
    }

    /// The standby has this part, and all before it.
    mutating func acknowledge(_ number: UInt64) {
        while let first = sent.first, first.number <= number {
            sent.removeFirst()
            sentBytes -= first.count
        }
        while let first = waiting.first, first.number <= number {
            waiting.removeFirst()
            first.2.accept()
        }
    }

    func isSilent(_ now: Moment) -> Bool { now - lastHeard >= Self.silenceLimit }

    /// Those who have waited long enough do not wait any longer, and nobody waits for a standby that is silent. How many that
    /// were.
    mutating func acceptLate(_ now: Moment) -> Int {
        var count = 0
        while let first = waiting.first, isSilent(now) || now - first.since >= Self.patience {
            waiting.removeFirst()
            first.2.accept()
            count += 1
        }
        return count
    }

    /// All begins anew with this mirror: what was not sent is in what goes through it.
    mutating func restart(_ mirror: JournalMirror) {
        end()
        (queue, sent, queuedBytes, sentBytes) = ([], [], 0, 0)
        self.mirror = mirror
    }

    /// It does not follow any more.
    mutating func end() {
        for one in waiting { one.2.accept() }
        waiting = []
        mirror.close()
    }
}
