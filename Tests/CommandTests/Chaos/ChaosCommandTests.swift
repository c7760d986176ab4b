// Responsible for: `tandem chaos` as a person runs it, for some seconds. Must not know: how fast anything is.
import Foundation
import Testing

@testable import CLI

extension CommandTests {
    @Suite("tandem chaos", .serialized)
    struct ChaosCommandTests {
        /// What `--json` says, as far as this looks at it.
        private struct Report: Decodable {
            struct Wrong: Decodable { var lost, altered, doubled: Int }
            struct Tokens: Decodable {
                var received: Int
                var wrong: Wrong
            }
            struct Requests: Decodable { var completed, failed, lost, cancelled: Int }
            struct Row: Decodable {
                struct Pauses: Decodable { var p50, maximum: Double }
                var kind: String
                var faults: Int
                var pauseSeconds: Pauses?
            }
            struct Fault: Decodable {
                var what: String
                var liveTokens, lostLayers, rebuiltLayerTokens: Int
            }
            var seed: Int
            var tokens: Tokens
            var requests: Requests
            var kinds: [Row]
            var faults: [Fault]
            var troubles: [String]
        }

        private func chaos(_ folder: TemporaryFolder, _ arguments: String...) throws -> TandemProcess {
            try TandemProcess(
                ["chaos", "--model", Place.tales, "--workers", "2", "--streams", "3"] + arguments, cache: folder,
                environment: ["TMPDIR": folder.path])
        }

        /// What of processes and files is left.
        private func remains(_ folder: TemporaryFolder) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("tandem-") }
        }

        @Test("Workers and the coordinator are killed, cut off and stopped, and every token is right")
        func run() async throws {
            let folder = try TemporaryFolder()
            let outcome = try await chaos(
                folder, "--minutes", "0.2", "--faults", "kill,cut,coordinator", "--seed", "5", "--json", "--logs",
                folder.path + "/logs"
            ).wait()
            try #require(outcome.status == 0, "\(outcome.talk)")
            let report = try decode(Report.self, outcome.output)
            #expect(report.seed == 5 && report.troubles.isEmpty && report.requests.failed + report.requests.lost == 0)
            let wrong = report.tokens.wrong
            #expect(wrong.lost + wrong.altered + wrong.doubled == 0 && report.tokens.received > 0)
            #expect(report.faults.count >= 3 && report.kinds.map(\.faults).reduce(0, +) == report.faults.count)
            #expect(report.kinds.contains { $0.pauseSeconds != nil } && report.requests.completed > 0)
            for fault in report.faults { #expect(outcome.talk.contains(fault.what)) }
            let logs = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/logs")
            #expect(logs.sorted() == ["coordinator.log", "worker-1.log", "worker-2.log"])
            #expect(try remains(folder).isEmpty)
        }

        @Test("Ctrl-C ends it in order, with what was found by then")
        func interrupted() async throws {
            let folder = try TemporaryFolder()
            let process = try chaos(folder, "--minutes", "60", "--faults", "kill", "--seed", "1")
            let hasBegun = await eventually { process.talkSoFar.contains("  2. kill") || !process.isRunning }
            try #require(hasBegun && process.isRunning, "\(process.talkSoFar)")
            process.signal(SIGINT)
            let outcome = try await process.wait()
            #expect(outcome.status == 130 && outcome.output.contains("every token was right"), "\(outcome)")
            #expect(outcome.output.contains("seed 1") && outcome.output.contains("kill   2 "))
            #expect(try remains(folder).isEmpty)
        }

        @Test("What a cluster cannot do is refused by name")
        func refused() async throws {
            let cases: [([String], String)] = [
                (["--faults", "kill,flood"], "--faults has flood, which is no fault"),
                (["--faults", "drain", "--workers", "1"], "--faults has drain, but a cluster of one worker"),
                (["--minutes", "0"], "--minutes is 0"), (["--streams", "0"], "--streams is 0"),
                (["--workers", "65"], "--workers is 65"), (["--every", "0"], "--every is 0.0"),
            ]
            for (arguments, sentence) in cases {
                let outcome = try await TandemProcess(["chaos"] + arguments, cache: TemporaryFolder()).wait()
                #expect(outcome.status == 2 && outcome.talk.contains(sentence), "\(outcome)")
            }
        }
    }
}
