// Responsible for: a coordinator that is away for a while, behind something that takes connections in its place: what a port
// of a container or a balancer does. Must not know: how an answer goes on.
import Bench
import Foundation
import Testing

@testable import CLI

extension CommandTests {
    @Suite("A coordinator behind a port that is handed on", .serialized)
    struct AbsentCoordinatorTests {
        private func coordinator(_ port: UInt16, _ folder: TemporaryFolder) async throws -> TandemProcess {
            let process = try TandemProcess(
                [
                    "coordinator", "--model", Place.tales, "--listen", "tcp://127.0.0.1:\(port)", "--advertise",
                    "127.0.0.1", TandemProcess.endsWithStandardInput,
                ], cache: folder)
            let isUp = await eventually { process.outputSoFar.contains("\n") || !process.isRunning }
            try #require(isUp && process.isRunning, "\(process.talkSoFar)")
            return process
        }

        @Test("A worker that was admitted once waits for it, and goes on with it")
        func worker() async throws {
            let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
            let port = try LoopbackSocket.freePorts(3)
            let relay = try Relay(
                (0..<3).map {
                    .init(
                        host: "127.0.1.77", port: port + $0, target: port + $0, isFromWorker: true, side: .coordinator)
                })
            defer { relay.end() }
            var process = try await coordinator(port, folder)
            let line = process.outputSoFar.split(whereSeparator: \.isWhitespace)[3].drop { $0 != "#" }
            let worker = try TandemProcess(
                [
                    "worker", "--join", "127.0.1.77:\(port)\(line)", "--threads", "1",
                    TandemProcess.endsWithStandardInput,
                ], cache: other)
            func serves() async throws -> Bool {
                let address = "127.0.0.1:\(port)"
                return try await tandem("status", "--coordinator", address, cache: folder).status == 0
            }
            try #require(try await eventually { try await serves() }, "\(worker.talkSoFar)")
            process.signal(SIGKILL)
            _ = try await process.wait()
            // Many handshakes have ended without a word by then.
            let isTold = await eventually {
                worker.talkSoFar.contains("ends connections without a word; trying again") || !worker.isRunning
            }
            #expect(isTold && worker.isRunning, "\(worker.talkSoFar)")
            process = try await coordinator(port, folder)
            #expect(try await eventually { try await serves() }, "\(worker.talkSoFar)")
        }

        @Test("Who asks while it is started again is let in by what it knows its owner by now")
        func owner() async throws {
            let folder = try TemporaryFolder()
            let port = try LoopbackSocket.freePorts(3)
            for _ in 0..<5 {
                let first = try await coordinator(port, folder)
                // Connections come about, and nobody speaks.
                first.signal(SIGSTOP)
                let asking = try TandemProcess(
                    ["status", "--coordinator", "127.0.0.1:\(port)"], cache: folder)
                try await Task.sleep(for: .milliseconds(500))
                first.signal(SIGKILL)
                _ = try await first.wait()
                let second = try await coordinator(port, folder)
                let outcome = try await asking.wait()
                second.signal(SIGKILL)
                _ = try await second.wait()
                // 69: the machine was too slow for it to be found in time.
                if outcome.status == 69 { continue }
                // It is there, and serves nothing yet.
                #expect(outcome.status == 3, "\(outcome)")
                return
            }
        }
    }
}
