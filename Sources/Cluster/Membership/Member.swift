// Responsible for: what is known of one worker. Must not know: other workers, plans.

import Sequences
import Wire

/// A worker that has joined.
struct Member: Sendable {
    /// How far it is trusted with layers.
    enum Standing: Sendable, Equatable {
        case trusted
        /// Steps were lost at it, and none has come through since.
        case suspected
        /// Left out of plans until then, and why.
        case setAside(until: Moment, why: String)
    }

    /// What is known of one of its links to the coordinator.
    enum LinkState: Sendable, Equatable {
        case unknown
        case proven
        case failed(LinkFailure)

        var failure: LinkFailure? { if case .failed(let failure) = self { failure } else { nil } }
    }

    let id: WorkerID
    let join: Join
    private(set) var standing = Standing.trusted
    /// nil: it may be given layers. Else it is to be left out, because somebody has asked for that; and whether it was told
    /// that it has none any more.
    var draining: Bool?
    /// It wants to leave, and why it cannot; nil: it can, or does not want to.
    var stayingBecause: Sentence?
    /// When anything came from it.
    private(set) var lastHeard: Moment
    /// What it last said of itself.
    private(set) var heartbeat = WorkerHeartbeat()
    private(set) var weightsLink = LinkState.unknown
    private(set) var tokensLink = LinkState.unknown
    /// What its weights link carries in a second, in bytes, as it measured; 0: not known.
    private(set) var weightsPerSecond: Double = 0
    /// Layers whose weights are on its disk, as it says, or as it was given them.
    private(set) var cachedLayers: [Range<Int>] = []
    private var lastProbe: Moment?

    init(id: WorkerID, join: Join, now: Moment) {
        self.id = id
        self.join = join
        lastHeard = now
    }

    /// For people: where it runs.
    var name: String { join.hostName.isEmpty ? id.description : "\(join.hostName) (\(id), pid \(join.processID))" }

    /// How long it has computed one step; zero: it computes none.
    var busy: Duration { .milliseconds(heartbeat.busyMilliseconds) }

    /// It has found out that it can fetch weights, and whether it can give results.
    var hasProvenLinks: Bool { weightsLink == .proven && tokensLink != .unknown }

    /// Why it is left out of plans; nil: it is not.
    var reasonAside: String? {
        if case .setAside(_, let why) = standing { why } else { nil }
    }

    // MARK: What happens to it

    mutating func hear(_ now: Moment) { lastHeard = now }

    /// Time in which nobody listened is not its silence.
    mutating func excuse(_ gap: Duration, _ now: Moment) { lastHeard = min(now, lastHeard + gap) }

    mutating func note(_ heartbeat: WorkerHeartbeat) { self.heartbeat = heartbeat }

    /// These layers are on its disk.
    mutating func noteCached(_ layers: [Range<Int>]) { cachedLayers = layers }

    /// So are these.
    mutating func noteCached(_ layers: Range<Int>) {
        if !cachedLayers.contains(where: { $0.lowerBound <= layers.lowerBound && layers.upperBound <= $0.upperBound }) {
            cachedLayers.append(layers)
        }
    }

    /// The next heartbeat says what all loads of the process moved; until then a finished one counts.
    mutating func note(_ ready: Ready) {
        heartbeat.gauges.transferredBytes = max(heartbeat.gauges.transferredBytes, ready.transferredBytes)
        heartbeat.gauges.cachedBytes = max(heartbeat.gauges.cachedBytes, ready.cachedBytes)
    }

    /// What it found out about a link to the coordinator. True: that is news.
    mutating func note(_ report: LinkReport) -> Bool {
        var state = LinkState.proven
        switch report.outcome {
        case .proven(let rate): if report.link == .weights, rate > 0 { weightsPerSecond = rate }
        case .failed(let failure): state = .failed(failure)
        }
        switch report.link {
        case .weights:
            defer { weightsLink = state }
            return weightsLink != state
        case .tokens:
            defer { tokensLink = state }
            return tokensLink != state
        case .next, .previous: return false
        }
    }

    /// Whether a large answer may be sent to it now: not for every question of one that asks without end.
    mutating func takesProbe(_ now: Moment) -> Bool {
        if let last = lastProbe, now - last < Self.probeInterval { return false }
        lastProbe = now
        return true
    }

    private static let probeInterval = Duration.milliseconds(200)

    /// Steps were lost at it. False: and those before them as well.
    mutating func suspect() -> Bool {
        guard standing == .trusted else { return false }
        standing = .suspected
        return true
    }

    /// A step has come through.
    mutating func clear() { if standing == .suspected { standing = .trusted } }

    /// It is left out of plans until then.
    mutating func setAside(until end: Moment, _ why: String) { standing = .setAside(until: end, why: why) }

    /// What it was set aside for is over.
    mutating func trustAgain() { standing = .trusted }

    /// Whether its time aside is over now; it is trusted again then.
    mutating func returns(_ now: Moment) -> Bool {
        guard case .setAside(let end, _) = standing, end <= now else { return false }
        standing = .trusted
        return true
    }
}
