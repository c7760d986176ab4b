// Responsible for: `tandem doctor`: flags in; what is good and bad about this host, and a cluster, out.
// Must not know: what is good or bad.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look for what keeps this host, or a cluster, from working well.",
        discussion: """
            One line for each thing: what was found and what to do. With --coordinator also what
            can be seen of that cluster from here, and what its links carry: some MiB go over each
            that no answer needs now.
            Exit status: 0 if all is well, 1 with warnings, 2 with failures. Examples:
              tandem doctor
              tandem doctor --coordinator 192.0.2.1:7070
              tandem doctor --json
            """)

    @Option(
        help: "Look at the cluster of this coordinator, too.", transform: ValueReader.address(.coordinator))
    var coordinator: String?
    @OptionGroup var state: StateFlag
    @OptionGroup var security: InsecureFlag
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let client = try coordinator.map {
            try CoordinatorClient(address: $0, state: state.folder, isInsecure: security.insecure)
        }
        var findings = HostChecks.findings(.gather(statePath: state.folder.path, coordinator: client?.host))
        var measurements: ClusterMeasurements?
        if let client, let coordinator {
            let facts = await ClusterFacts.gather(client, address: coordinator)
            findings += ClusterChecks.findings(facts)
            measurements = facts.measurements
        }
        let report = DoctorReport(findings, measurements)
        Terminal.put(json ? try JSONOutput.document(report) : report.text)
        if report.failures > 0 { throw ExitCode(2) }
        if report.warnings > 0 { throw ExitCode(1) }
    }
}

/// Findings as they are shown; the property names are the keys of `--json`.
struct DoctorReport: Encodable {
    struct Row: Encodable {
        var check: String
        var status: String
        var message: String
        var advice: String?
    }

    var findings: [Row]
    var ok: Int
    var warnings: Int
    var failures: Int
    /// Of the cluster, if there was one to look at.
    var measurements: ClusterMeasurements?

    init(_ findings: [Finding], _ measurements: ClusterMeasurements? = nil) {
        self.measurements = measurements
        self.findings = findings.map {
            Row(
                check: $0.check, status: $0.status.rawValue, message: $0.message.spelled, advice: $0.advice?.spelled)
        }
        func count(_ status: Finding.Status) -> Int { findings.count { $0.status == status } }
        (ok, warnings, failures) = (count(.ok), count(.warning), count(.failure))
    }

    /// A line for each finding, and one for all of them.
    var text: String {
        let width = findings.map(\.check.count).max() ?? 0
        let lines = findings.map { row in
            let check = row.check.padding(toLength: width, withPad: " ", startingAt: 0)
            let status = row.status.padding(toLength: 7, withPad: " ", startingAt: 0)
            return Terminal.harmless("\(status)  \(check)  \(row.message)" + (row.advice.map { "; \($0)" } ?? ""))
                + "\n"
        }
        let summary =
            "\(ok) ok, \(warnings) \(warnings == 1 ? "warning" : "warnings"), "
            + "\(failures) \(failures == 1 ? "failure" : "failures")\n"
        return lines.joined() + summary
    }
}
