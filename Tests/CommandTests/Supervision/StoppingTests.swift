// Responsible for: what becomes of answers when a coordinator is told to stop. Must not know: what they say.
import Foundation
import Testing

@testable import CLI

extension CommandTests {
    @Suite("Stopping a coordinator")
    struct StoppingTests {
        /// A coordinator whose only worker takes 20 ms for each token, and where it listens.
        private func start(_ arguments: String...) async throws -> (TandemProcess, TandemProcess, address: String) {
            let coordinator = try TandemProcess(
                ["coordinator", "--simulate", "--speculate", "off", "--listen", "tcp://127.0.0.1:0", "--insecure"]
                    + arguments,
                cache: TemporaryFolder())
            _ = await eventually { coordinator.outputSoFar.contains("\n") || !coordinator.isRunning }
            try #require(coordinator.isRunning, "\(coordinator.talkSoFar)")
            let address = String(
                coordinator.outputSoFar.split(whereSeparator: \.isWhitespace)[3].prefix { $0 != "#" })
            let worker = try TandemProcess(
                ["worker", "--join", address, "--insecure", "--simulate-stage-milliseconds", "20"],
                cache: TemporaryFolder())
            return (coordinator, worker, address)
        }

        private func ask(_ address: String, tokens: Int) throws -> TandemProcess {
            try TandemProcess(
                [
                    "generate", "--coordinator", address, "--prompt-tokens", "1,2", "--max-tokens", "\(tokens)",
                    "--ignore-eos", "--insecure", "--reconnect-seconds", "1",
                ], cache: TemporaryFolder())
        }

        private func waitForAnswer(_ address: String) async throws {
            let isRunning = try await eventually {
                let outcome = try await tandem("status", "--insecure", "--coordinator", address, "--json")
                return try decode(Status.self, outcome.output).requests.contains { $0.state == "decode" }
            }
            try #require(isRunning)
        }

        @Test("Answers that run come to their end, and new requests are refused with the reason")
        func drains() async throws {
            let (coordinator, worker, address) = try await start("--drain-seconds", "600")
            let answer = try ask(address, tokens: 200)
            try await waitForAnswer(address)
            coordinator.signal(SIGTERM)
            _ = await eventually { coordinator.talkSoFar.contains("may go on") }
            let late = try await ask(address, tokens: 2).wait()
            #expect(late.status == 1 && late.talk.contains("is stopping and takes no new requests"), "\(late)")
            let outcome = try await answer.wait()
            #expect(outcome.status == 0 && outcome.talk.contains("200 tokens"), "\(outcome)")
            #expect(try await coordinator.wait().status == 0)
            worker.signal(SIGTERM)
            #expect(try await worker.wait().status == 0)
        }

        @Test("At the limit an answer ends with an error that says why")
        func limit() async throws {
            let (coordinator, worker, address) = try await start("--drain-seconds", "1")
            let answer = try ask(address, tokens: 100_000)
            try await waitForAnswer(address)
            coordinator.signal(SIGTERM)
            let outcome = try await answer.wait()
            #expect(outcome.status == 1 && outcome.talk.contains("the coordinator stopped"), "\(outcome)")
            #expect(try await coordinator.wait().status == 0)
            worker.signal(SIGKILL)
            _ = try await worker.wait()
        }

        @Test("A second signal ends it at once")
        func twice() async throws {
            let (coordinator, worker, address) = try await start("--drain-seconds", "600")
            let answer = try ask(address, tokens: 100_000)
            try await waitForAnswer(address)
            coordinator.signal(SIGTERM)
            _ = await eventually { coordinator.talkSoFar.contains("may go on") }
            coordinator.signal(SIGTERM)
            #expect(try await coordinator.wait().status == 128 + SIGTERM)
            answer.signal(SIGKILL)
            worker.signal(SIGKILL)
            _ = try await (answer.wait(), worker.wait())
        }
    }
}
