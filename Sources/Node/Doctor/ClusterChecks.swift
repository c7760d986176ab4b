// Responsible for: what is good and what is bad about a running cluster, seen from one of its clients.
// Must not know: how it was asked, how findings are shown.
import Cluster
import Foundation
import Sequences

/// What a coordinator was asked, and what it said.
package struct ClusterFacts: Sendable {
    package var address: String
    /// Of a question that needs no thinking; empty: it was not reached.
    package var roundTrips: [RoundTrip] = []
    /// nil: `failure` says why.
    package var status: ClusterStatus?
    package var failure: TandemError?
    /// What links and clocks were measured; nil: `unmeasured` says why.
    package var measurements: ClusterMeasurements?
    package var unmeasured: TandemError?

    /// Nothing is known of the coordinator at `address`.
    package init(address: String) { self.address = address }

    /// Asks the coordinator that `client` reaches.
    package static func gather(_ client: CoordinatorClient, address: String) async -> ClusterFacts {
        var facts = ClusterFacts(address: address)
        do {
            facts.roundTrips = try await client.roundTrips(20)
            facts.status = try await client.status()
        } catch {
            facts.failure = error as? TandemError ?? TandemError("\(error)", kind: .internal)
            return facts
        }
        do { facts.measurements = try await client.measurements() } catch {
            facts.unmeasured = error as? TandemError ?? TandemError("\(error)", kind: .internal)
        }
        return facts
    }
}

/// Judges them.
package enum ClusterChecks {
    /// All of them; `build`: the version of this program.
    package static func findings(_ facts: ClusterFacts, build: String = Build.version) -> [Finding] {
        guard let status = facts.status else { return reach(facts) }
        return reach(facts) + version(status, build) + clocks(facts, status) + service(status) + workers(status)
            + links(status) + speeds(facts, status)
    }

    /// A step waits so long for the network at most, before that is worth a word.
    static let slowSeconds = 0.005

    static func reach(_ facts: ClusterFacts) -> [Finding] {
        if let failure = facts.failure {
            return [.failure("coordinator", failure.message, failure.hint ?? "look at its terminal or its log")]
        }
        let sorted = facts.roundTrips.map(\.seconds).sorted()
        guard let middle = sorted.isEmpty ? nil : sorted[sorted.count / 2], let worst = sorted.last else { return [] }
        let times = "\(milliseconds(middle)) there and back, \(milliseconds(worst)) at most"
        if middle > slowSeconds {
            return [
                .warning(
                    "coordinator", "\(facts.address) answers, but slowly: \(times)",
                    "each token goes over every link once: use hosts of one network")
            ]
        }
        return [.ok("coordinator", "\(facts.address) answers: \(times)")]
    }

    static func version(_ status: ClusterStatus, _ build: String) -> [Finding] {
        var findings = status.workers.filter { !$0.version.isEmpty && $0.version != status.version }.map { worker in
            Finding.warning(
                "version",
                "\(name(worker)) is of version \(worker.version), the coordinator of \(status.version); they understand "
                    + "each other", "use one version on all hosts")
        }
        if status.version != build {
            findings.append(
                .warning(
                    "version",
                    "the coordinator is of version \(status.version), this program of \(build); they understand each other",
                    "use one version on all hosts"))
        }
        return findings.isEmpty
            ? [.ok("version", "\(build) here and everywhere, protocol \(Build.protocolVersion)")] : findings
    }

    static func service(_ status: ClusterStatus) -> [Finding] {
        guard !status.isServing else {
            return [.ok("service", "\(status.model) is served in \(status.stages.count) stages")]
        }
        return [.failure("service", "it does not serve: \(status.explanation)", "start what is missing, or wait")]
    }

    static func workers(_ status: ClusterStatus) -> [Finding] {
        let count = status.workers.count
        var findings = status.workers.filter { $0.state.hasPrefix("set aside") }.map { worker in
            Finding.warning(
                "workers", "\(name(worker)) is \(worker.state)", "look at its log, and at the way to it")
        }
        let levels = Set(status.workers.map(\.instructionLevel)).sorted()
        if levels.count > 1, levels.contains("portable") {
            findings.append(
                .warning(
                    "workers", "some have no AVX2 (\(levels.joined(separator: ", "))): each step waits for the slowest",
                    "do without those, or give them few layers"))
        }
        return findings.isEmpty
            ? [.ok("workers", "\(count) \(count == 1 ? "worker" : "workers"): \(names(status.workers))")] : findings
    }

    /// How long steps are on the way to each stage, as the stages themselves measure it while answers are written.
    static func links(_ status: ClusterStatus) -> [Finding] {
        status.stages.compactMap { stage in
            guard let mean = stage.meanMicroseconds else { return nil }
            let time = milliseconds(mean.wire / 1e6)
            let name = "\(stage.host) (\(stage.pid))"
            if mean.wire / 1e6 > slowSeconds {
                return .warning(
                    "links", "a step is \(time) on its way to \(name)",
                    "look at that link; clocks of hosts that differ look the same (timedatectl)")
            }
            return .ok("links", "a step is \(time) on its way to \(name)")
        }
    }

    private static func names(_ workers: [ClusterStatus.Worker]) -> String {
        workers.prefix(8).map(name).joined(separator: ", ") + (workers.count > 8 ? ", ..." : "")
    }

    /// For people: where it runs.
    static func name(_ worker: ClusterStatus.Worker) -> String { "\(worker.host) (\(worker.pid))" }

    static func milliseconds(_ seconds: Double) -> String { String(format: "%.2f ms", seconds * 1000) }
}
