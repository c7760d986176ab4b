// Responsible for: what the links of a cluster carry and what its clocks say, as people and scripts read it; the property
// names are keys of `tandem doctor --json` (in snake case). Must not know: how it was measured, what is good or bad.
import Wire

/// One question to a coordinator, and its answer.
package struct RoundTrip: Sendable {
    package var seconds: Double
    /// By how much the coordinator's clock is ahead of this host's, half the round trip taken into account; nil: it does
    /// not tell.
    package var aheadSeconds: Double?

    /// Clocks are times of day in microseconds when the answer was sent, and when it came; 0: not known.
    init(seconds: Double, theirClock: UInt64, ourClock: UInt64) {
        self.seconds = seconds
        guard theirClock > 0, ourClock > 0 else { return }
        aheadSeconds = (Double(theirClock) - Double(ourClock)) / 1e6 + seconds / 2
    }
}

/// What was measured of a cluster when somebody asked.
package struct ClusterMeasurements: Sendable, Encodable, Equatable {
    /// A worker's clock.
    package struct NodeClock: Sendable, Encodable, Equatable {
        /// The id of the worker.
        package var worker: String
        /// Over its control link, on which it answers as soon as it turns to it.
        package var roundTripMicroseconds: Int
        /// Of the coordinator's clock; nil: not known.
        package var aheadSeconds: Double?
    }

    /// A link, measured from its upstream end.
    package struct MeasuredLink: Sendable, Encodable, Equatable {
        /// Ids of workers; nil: the coordinator.
        package var from: String?
        package var to: String?
        /// What travels on it: "steps", "results" or "weights".
        package var carries: String
        /// nil: there was no answer.
        package var roundTripMicroseconds: Int?
        /// nil: not measured.
        package var bytesPerSecond: Double?
    }

    package var clocks: [NodeClock]
    package var links: [MeasuredLink]
    /// Answers were being computed, so that not all rates were measured.
    package var wasBusy: Bool

    init(_ found: Measurements) {
        clocks = found.clocks.map { clock in
            NodeClock(
                worker: ClusterStatus.name(of: clock.worker),
                roundTripMicroseconds: Int(clamping: clock.roundTripMicroseconds),
                aheadSeconds: clock.aheadMicroseconds.map { Double($0) / 1e6 })
        }
        links = found.links.map { link in
            let rate = link.figures.bytesPerSecond
            return MeasuredLink(
                from: link.from.map { ClusterStatus.name(of: $0) }, to: link.to.map { ClusterStatus.name(of: $0) },
                carries: link.link.cargo,
                roundTripMicroseconds: link.figures.roundTripMicroseconds.map { Int(clamping: $0) },
                bytesPerSecond: rate > 0 ? rate : nil)
        }
        wasBusy = found.wasBusy
    }
}

extension NodeLink {
    /// What travels on it, for people.
    fileprivate var cargo: String {
        switch self {
        case .weights: "weights"
        case .tokens: "results"
        case .next, .previous: "steps"
        }
    }
}
