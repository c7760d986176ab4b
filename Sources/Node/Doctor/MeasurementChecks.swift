// Responsible for: what is good and what is bad about measured links and clocks of a cluster. Must not know: how they were
// measured, how findings are shown.
import Foundation
import Sequences

extension ClusterChecks {
    // MARK: Clocks

    /// Clocks that differ by more make times of steps, logs and tokens that expire mean nothing.
    private static let clockSeconds = 2.0

    /// Of the coordinator against this host's, of workers against the coordinator's.
    static func clocks(_ facts: ClusterFacts, _ status: ClusterStatus) -> [Finding] {
        // The quickest answer tells it best.
        let quickest = facts.roundTrips.filter { $0.aheadSeconds != nil }.min { $0.seconds < $1.seconds }
        var differences: [(name: String, other: String, seconds: Double)] = []
        if let seconds = quickest?.aheadSeconds { differences.append(("the coordinator", "this host", seconds)) }
        for clock in facts.measurements?.clocks ?? [] {
            guard let seconds = clock.aheadSeconds else { continue }
            differences.append((name(clock.worker, status), "the coordinator", seconds))
        }
        guard let largest = differences.map({ abs($0.seconds) }).max() else { return [] }
        let bad = differences.filter { abs($0.seconds) > clockSeconds }.map { difference in
            let way = difference.seconds > 0 ? "ahead of" : "behind"
            return Finding.warning(
                "clocks",
                "the clock of \(difference.name) is \(text(seconds: abs(difference.seconds))) \(way) that of "
                    + Sentence(difference.other), "let both hosts set theirs by the network (timedatectl set-ntp true)")
        }
        let count = differences.count
        let all = count == 1 ? "the coordinator's clock differs" : "\(count) clocks differ"
        return bad.isEmpty ? [.ok("clocks", "\(all) by \(text(seconds: largest)) at most")] : bad
    }

    // MARK: Links

    /// A link that carries less makes prompts and the loading of layers slow: less than a tenth of a 1 Gbit/s network.
    private static let slowBytesPerSecond = 1e7

    /// What each link carried when it was measured.
    static func speeds(_ facts: ClusterFacts, _ status: ClusterStatus) -> [Finding] {
        if let why = facts.unmeasured {
            return [
                .warning(
                    "speed", "links were not measured: \(why.message)", "ask again, with the coordinator's own version")
            ]
        }
        guard let measurements = facts.measurements else { return [] }
        var findings = measurements.links.map { speed(of: $0, measurements, status) }
        let heard = Set(measurements.clocks.map(\.worker))
        findings += status.workers.filter { !heard.contains($0.id) }.map { worker in
            .warning(
                "speed", "\(name(worker)) did not answer when it was to measure its links",
                "see whether it is of the same version, and look at its log")
        }
        if measurements.wasBusy {
            let message: Sentence =
                "answers are being computed: what links carry was not measured, to leave these alone"
            findings.append(.ok("speed", message))
        }
        return findings
    }

    private static func speed(
        of link: ClusterMeasurements.MeasuredLink, _ measurements: ClusterMeasurements, _ status: ClusterStatus
    ) -> Finding {
        let way = "\(name(link.from, status)) to \(name(link.to, status)) (\(link.carries))"
        guard let roundTrip = link.roundTripMicroseconds else {
            return .warning(
                "speed", "\(way): no answer when it was measured", "look at the network between them, and ask again")
        }
        let seconds = Double(roundTrip) / 1e6
        var text = "\(way): \(milliseconds(seconds)) there and back"
        if let rate = link.bytesPerSecond { text += ", \(self.text(bytesPerSecond: rate))" }
        if seconds > slowSeconds {
            return .warning("speed", Sentence(text), "each token goes over every link once: use hosts of one network")
        }
        if let rate = link.bytesPerSecond, rate < slowBytesPerSecond {
            return .warning(
                "speed", Sentence(text), "look for what else uses that network, and at its speed (ethtool)")
        }
        return .ok("speed", Sentence(text))
    }

    private static func name(_ worker: String?, _ status: ClusterStatus) -> String {
        guard let worker else { return "the coordinator" }
        return status.workers.first { $0.id == worker }.map { name($0) } ?? "worker \(worker)"
    }

    private static func text(seconds: Double) -> String {
        seconds < 1 ? milliseconds(seconds) : String(format: "%.1f s", seconds)
    }

    private static func text(bytesPerSecond rate: Double) -> String {
        String(format: rate < 1e7 ? "%.1f MB/s" : "%.0f MB/s", rate / 1e6)
    }
}
