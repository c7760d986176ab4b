// Responsible for: what a real coordinator and a real worker log. Must not know: how lines are made.
import Foundation
import Testing

extension CommandTests {
    @Suite("Logs")
    struct LogCommandTests {
        private struct Line: Decodable {
            var time: String
            var level: String
            var node: String
            var message: String
            var reason: String?
            var why: String?
            var client: String?
            var promptTokens: Int?
            var answerTokens: Int?
            var firstTokenSeconds: Double?
            var seconds: Double?
        }

        @Test("Every line is one object, and each request has one when it ends, without a word of it")
        func requests() async throws {
            let cluster = try await LocalCluster("--log-format", "json")
            try await cluster.join(count: 1)
            let secret = "Wolperdinger"
            let answer = try await cluster.generate("-p", secret, "--max-tokens", "5", "--seed", "1", "--ignore-eos")
                .wait()
            #expect(answer.status == 0)
            let refused = try await cluster.generate("-p", secret, "--stop-token", "99999999").wait()
            #expect(refused.status != 0)
            let isTold = await eventually {
                cluster.coordinator.talkSoFar.split(separator: "\n").count { $0.contains("request ended") } == 2
            }
            let talk = cluster.coordinator.talkSoFar
            try #require(isTold, "\(talk)")
            let lines = try talk.split(separator: "\n").map { try decode(Line.self, String($0)) }
            #expect(lines.allSatisfy { $0.node == "coordinator" && $0.time.hasSuffix("Z") })
            let ended = lines.filter { $0.message == "request ended" }
            #expect(ended[0].reason == "length" && ended[0].answerTokens == 5 && (ended[0].promptTokens ?? 0) > 1)
            let (first, all) = (ended[0].firstTokenSeconds ?? -1, ended[0].seconds ?? -1)
            #expect(first > 0 && first <= all)
            #expect(ended[1].reason == "failed" && ended[1].why?.isEmpty == false && ended[1].firstTokenSeconds == nil)
            #expect(!talk.contains(secret) && ended.allSatisfy { $0.client?.isEmpty == false })
        }

        @Test("Why it does not serve is said once, when it changes")
        func notServing() async throws {
            let cluster = try await LocalCluster("--min-workers", "2")
            let worker = try cluster.join()
            func count(_ words: String) -> Int {
                cluster.coordinator.talkSoFar.split(separator: "\n").count { $0.contains(words) }
            }
            #expect(
                await eventually { count("not serving: waiting for workers: 2 needed, 1 joined") == 1 },
                "\(cluster.coordinator.talkSoFar)")
            try cluster.join()
            try await cluster.waitUntilServing(workers: 2)
            #expect(count("not serving: waiting for workers: 2 needed, 1 joined") == 1)
            worker.signal(SIGKILL)
            #expect(
                await eventually { count(" warning coordinator ") > 0 && count("not serving: ") > 1 },
                "\(cluster.coordinator.talkSoFar)")
        }

        /// What a coordinator says until it has begun to listen, and, told to end, until its end.
        private func talk(_ flags: String..., environment: [String: String] = [:]) async throws -> String {
            let folder = try TemporaryFolder()
            let start = ["coordinator", "--model", Place.tales, "--listen", "tcp://127.0.0.1:0"]
            let process = try TandemProcess(
                start + [TandemProcess.endsWithStandardInput] + flags, cache: folder, environment: environment)
            let isUp = await eventually { process.outputSoFar.contains("\n") || !process.isRunning }
            try #require(isUp && process.isRunning, "\(process.talkSoFar)")
            let address = String(
                process.outputSoFar.split(whereSeparator: \.isWhitespace)[3].prefix { $0 != "#" })
            // Once it answers it has said all that it says at its start.
            _ = try await tandem("status", "--coordinator", address)
            process.signal(SIGTERM)
            return try await process.wait().talk
        }

        @Test("Flags say how much and in which form, and the variable of old still does")
        func flags() async throws {
            #expect(try await talk().contains(Regex("(?m)^20..-..-..T..:..:..[.]...Z info coordinator [0-9]+: model ")))
            #expect(try await talk("--log-format", "short").hasPrefix("coordinator "))
            #expect(
                try await talk(environment: ["TANDEM_LOG_FORMAT": "journal"]).hasPrefix("<6>coordinator: model "))
            #expect(try await talk(environment: ["TANDEM_LOG": "error"]).isEmpty)
            #expect(try await talk("--log-level", "error").isEmpty)
            #expect(try await talk("--log-level", "info", environment: ["TANDEM_LOG": "error"]).contains("model "))
        }
    }
}
