// Responsible for: a real worker process whose coordinator means harm. Must not know: how messages are changed.
import Foundation
import ModelFile
import Synchronization
import Testing
import Transport

@testable import CommandTests
@testable import Node

/// Where a coordinator listens, once it does.
private final class Address: Sendable {
    let port = Mutex<UInt16?>(nil)
}

extension MessageFuzz {
    @Suite("From a coordinator", .serialized) struct WorkerFuzzTests {
        /// It may not take the machine with it: address space in KiB.
        private static let start =
            "ulimit -v 16000000; exec \"$TANDEM\" worker --join \"$0\" --model \"$TALES\" --threads 1 "
            + "--memory 512MiB --exit-with-stdin"

        @Test("A worker lives, or ends with a sentence, whatever its coordinator says")
        func hostileCoordinator() async throws {
            let folder = try TemporaryFolder()
            let model = try Model.open(path: Place.tales)
            let description = try DigestBook(folder: folder.path).manifest(of: model) { _, _ in }.encoded()
            let pair = KeyPair.random()
            // The key that the worker will have: it is made as the worker itself would make it.
            let own = try KeyFile.own("worker", in: StateFolder(folder.path + "/state/tandem")).pair.publicKey
            let (progress, place) = (Progress(), Address())
            let thread = try LoopThread(name: "hostile") {
                defer { progress.end() }
                let coordinator = try HostileCoordinator(description: description, pair: pair, worker: own)
                defer { coordinator.close() }
                place.port.withLock { $0 = coordinator.port }
                for number in 0..<Run.messages where !progress.isOver { try coordinator.turn(number, progress) }
                return (joins: coordinator.joins, results: coordinator.results)
            }
            defer { progress.end() }
            _ = await eventually { place.port.withLock { $0 } != nil || progress.isOver }
            let port = try #require(place.port.withLock { $0 })
            let line = "127.0.0.1:\(port)#\(pair.publicKey)"

            var starts = 0
            var ends: [String: Int] = [:]
            while !progress.isOver {
                let worker = try TandemProcess(
                    ["-c", Self.start, line, TandemProcess.endsWithStandardInput], cache: folder,
                    environment: ["TANDEM_LOG": "error"], program: "/bin/bash")
                starts += 1
                _ = await eventually(within: .seconds(86_400)) { progress.isOver || !worker.isRunning }
                if worker.isRunning { continue }
                let outcome = try await worker.wait()
                ends[
                    outcome.talk.split(separator: "\n").last { $0.hasPrefix("error:") }.map(String.init) ?? "",
                    default: 0] += 1
                // A signal is a trap; a refusal by the coordinator is an end with a sentence.
                try #require(
                    outcome.status < 128 && outcome.talk.contains("error:"),
                    "\(outcome.status); \(Run.replay)\n\(outcome.talk.suffix(6000))\n\(progress.recent)")
            }
            for (sentence, count) in ends.sorted(by: { $0.value > $1.value }).prefix(12) {
                Run.tell("\(count) ends with: \(sentence)")
            }
            let counts = try await thread.value
            Run.tell(
                "\(progress.sent) messages (\(progress.dropped) not taken) to a worker that started \(starts) times, "
                    + "joined \(counts.joins) times and answered \(counts.results) steps; \(Run.replay)")
            // Enough to know that the messages went deeper than a door.
            #expect(counts.results > Run.messages / 500, "\(Run.replay)")
        }
    }
}
