// Responsible for: `tandem doctor` of the real executable: its lines, its JSON, its statuses. Must not know: this host.
import Foundation
import Testing

extension CommandTests {
    @Suite("tandem doctor")
    struct DoctorCommandTests {
        private struct Report: Decodable {
            struct Row: Decodable {
                var check: String
                var status: String
                var message: String
                var advice: String?
            }
            var findings: [Row]
            var ok: Int
            var warnings: Int
            var failures: Int
            struct Measurements: Decodable {
                struct Clock: Decodable { var aheadSeconds: Double }
                struct Link: Decodable {
                    var from: String?
                    var to: String?
                    var carries: String
                    var roundTripMicroseconds: Int
                    var bytesPerSecond: Double
                }
                var clocks: [Clock]
                var links: [Link]
                var wasBusy: Bool
            }
            /// Of a cluster.
            var measurements: Measurements?

            /// The status that the command has to end with.
            var expected: Int32 { failures > 0 ? 2 : warnings > 0 ? 1 : 0 }
        }

        @Test("Its lines and its JSON tell the same, and the status says the worst of it")
        func host() async throws {
            let folder = try TemporaryFolder()
            let state = "XDG_STATE_HOME=\(folder.path)/state"
            let json = try await bash("\(state) $TANDEM doctor --json", cache: folder)
            let report = try decode(Report.self, json.output)
            #expect(json.status == report.expected && json.talk.isEmpty, "\(json)")
            #expect(report.findings.count == report.ok + report.warnings + report.failures)
            for check in ["libzmq", "admission", "keys"] {
                #expect(report.findings.first { $0.check == check }?.status == "ok", "\(json.output)")
            }
            #expect(report.findings.allSatisfy { ($0.status == "ok") == ($0.advice == nil) })
            // A host on which others work changes: what is told between two equal reports is of the same facts.
            var (before, after) = (report, report)
            var text: TandemProcess.Outcome
            repeat {
                before = after
                text = try await bash("\(state) $TANDEM doctor", cache: folder)
                after = try decode(Report.self, try await bash("\(state) $TANDEM doctor --json", cache: folder).output)
            } while !before.findings.elementsEqual(after.findings) { ($0.status, $0.check) == ($1.status, $1.check) }
            let lines = text.output.split(separator: "\n")
            #expect(lines.count == after.findings.count + 1 && text.talk.isEmpty, "\(text)")
            #expect(lines.last?.hasPrefix("\(after.ok) ok, ") == true)
            for (line, row) in zip(lines, after.findings) {
                #expect(line.hasPrefix(row.status) && line.contains(row.check))
            }
        }

        @Test("Keys that others may read are a failure, and so is a coordinator that does not answer")
        func failures() async throws {
            let folder = try TemporaryFolder()
            let script = """
                mkdir -p -m 700 \(folder.path)/s/tandem; touch \(folder.path)/s/tandem/worker.key
                chmod 644 \(folder.path)/s/tandem/worker.key
                XDG_STATE_HOME=\(folder.path)/s $TANDEM doctor --coordinator 127.0.0.1:1
                """
            let outcome = try await bash(script, cache: folder)
            #expect(
                outcome.status == 2 && outcome.output.contains("worker.key (mode 644); if nobody has, run chmod 600"))
            #expect(
                try outcome.output.contains(Regex("(?m)^failure +coordinator +no coordinator answers")), "\(outcome)")
            #expect(try await tandem("doctor", "--coordinator", "nonsense").status == 2)
        }

        @Test("Of a cluster it tells the way there, versions and clocks, the workers, and what every link carries")
        func cluster() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 2)
            _ = try await cluster.generate("-p", "Once", "--max-tokens", "8", "--ignore-eos").wait()
            let outcome = try await tandem(
                "doctor", "--coordinator", cluster.address, "--json", cache: cluster.folder)
            let report = try decode(Report.self, outcome.output)
            func messages(_ check: String) -> [String] { report.findings.filter { $0.check == check }.map(\.message) }
            #expect(outcome.status == report.expected, "\(outcome)")
            #expect(messages("coordinator").first?.contains("there and back") == true, "\(outcome)")
            #expect(messages("version").count == 1 && messages("service").first?.contains("2 stages") == true)
            #expect(messages("workers").first?.hasPrefix("2 workers: ") == true && messages("links").count == 2)
            #expect(messages("clocks").first?.hasPrefix("3 clocks differ by ") == true, "\(outcome)")
            let measured = try #require(report.measurements)
            #expect(measured.clocks.count == 2 && measured.clocks.allSatisfy { abs($0.aheadSeconds) < 2 })
            #expect(measured.links.map(\.carries) == ["steps", "steps", "results", "weights", "weights"])
            #expect(measured.links.allSatisfy { $0.roundTripMicroseconds >= 0 && $0.bytesPerSecond > 0 }, "\(outcome)")
            #expect(messages("speed").count == 5 && !measured.wasBusy)
        }
    }
}
