// Responsible for: clusters as people start them: real processes, killed and stopped.
import Foundation
import Testing

extension CommandTests {
    @Suite("A cluster of real processes", .serialized)
    struct ClusterCommandTests {
        static let story = ["--prompt", "Once upon a time", "--seed", "11", "--ignore-eos"]

        @Test("Clusters of 1, 2, 3 and 5 workers answer as one process does, to the bit", arguments: [1, 2, 3, 5])
        func sameAnswer(count: Int) async throws {
            let expected = try await reference(
                "--prompt", "Once upon a time", "--seed", "11", "--ignore-eos", "--max-tokens", "40", "--logprobs", "3")
            let cluster = try await LocalCluster("--min-workers", "\(count)")
            try await cluster.join(count: count)
            let answer = try await cluster.answer(
                "--prompt", "Once upon a time", "--seed", "11", "--ignore-eos", "--max-tokens", "40", "--logprobs", "3")
            #expect(answer == expected)
            let status = try await cluster.status { $0.kvBlocksFree == $0.kvBlocksTotal }
            #expect(status.workers.compactMap(\.layers).map { $0.last - $0.first + 1 }.reduce(0, +) == 6)
            #expect(status.kvBlocksFree == status.kvBlocksTotal)
        }

        @Test("A split names the layers of each worker")
        func split() async throws {
            let cluster = try await LocalCluster("--split", "0-0,1-4,5-5")
            try await cluster.join(count: 3)
            let layers = try await cluster.status().workers.map(\.layers)
            #expect(layers == [.init(first: 0, last: 0), .init(first: 1, last: 4), .init(first: 5, last: 5)])
            let expected = try await reference("--prompt", "The dog", "--temperature", "0", "--max-tokens", "30")
            #expect(
                try await cluster.answer("--prompt", "The dog", "--temperature", "0", "--max-tokens", "30") == expected)
        }

        @Test(
            "A killed or stopped worker is a pause: the answer stays the same", arguments: [SIGKILL, SIGSTOP],
            [0, 1, 2])
        func lostWorker(signal: Int32, victim: Int) async throws {
            let arguments = Self.story + ["--max-tokens", "200"]
            let cluster = try await LocalCluster("--split", "0-1,2-3,4-5")
            try await cluster.join(count: 3)
            let expected = try await TandemProcess(
                ["run", "--model", Place.tales] + arguments, cache: cluster.folder
            ).wait()
            let client = try TandemProcess(
                ["generate", "--coordinator", cluster.address] + arguments, cache: cluster.folder)
            let isUnderWay = await eventually { client.outputSoFar.utf8.count > 40 }
            try #require(isUnderWay, "\(client.talkSoFar)")
            cluster.workers[victim].signal(signal)
            let outcome = try await client.wait()
            #expect(outcome.status == 0, "\(outcome.talk)")
            #expect(outcome.output == expected.output)
            #expect(try await cluster.status { $0.workers.count == 2 }.workers.count == 2)
        }

        @Test("The perplexity of a text is that of one process, also on a cluster that loses a worker meanwhile")
        func perplexity() async throws {
            let text = Place.package.appendingPathComponent("Sources/Wire/Generated/tandem.pb.swift").path
            let arguments = [
                "perplexity", "--model", Place.tales, "--file", text, "--context", "256", "--chunks", "24",
            ]
            let expected = try await TandemProcess(arguments, cache: TemporaryFolder()).wait()
            #expect(expected.output.contains("[24]") && expected.output.contains("Final estimate: PPL = "))
            let cluster = try await LocalCluster("--split", "0-1,2-3,4-5")
            try await cluster.join(count: 3)
            let client = try TandemProcess(arguments + ["--coordinator", cluster.address], cache: cluster.folder)
            let isUnderWay = await eventually { client.outputSoFar.contains("[2]") }
            try #require(isUnderWay, "\(client.talkSoFar)")
            cluster.workers[1].signal(SIGKILL)
            let outcome = try await client.wait()
            #expect(outcome.status == 0, "\(outcome.talk)")
            #expect(outcome.output == expected.output)
            let status = try await cluster.status {
                $0.workers.count == 2 && $0.kvBlocksFree == $0.kvBlocksTotal
            }
            #expect(status.workers.count == 2 && status.kvBlocksFree == status.kvBlocksTotal)
        }

        @Test("Without any worker a request waits, status says why, and a new worker answers it")
        func noWorkerLeft() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 1)
            cluster.workers[0].signal(SIGKILL)
            let isNoticed = try await eventually { try await !cluster.status().isServing }
            #expect(isNoticed)
            let client = try cluster.generate("--prompt", "The cat", "--temperature", "0", "--max-tokens", "10")
            let isTold = await eventually { client.talkSoFar.contains("waiting") }
            #expect(isTold)
            let status = try await cluster.status()
            #expect(status.explanation.contains("worker"))
            #expect(status.requests.count == 1)
            try cluster.join()
            let outcome = try await client.wait()
            #expect(outcome.status == 0, "\(outcome.talk)")
            #expect(!outcome.output.isEmpty)
        }

        @Test("A request that nobody can serve ends with an error")
        func waitingEnds() async throws {
            let cluster = try await LocalCluster("--wait-seconds", "1")
            let outcome = try await cluster.generate("--prompt", "The cat").wait()
            #expect(outcome.status == 1)
            #expect(outcome.talk.contains("error:"))
        }

        @Test("A request that finds the queue full ends with status 75 and the seconds to wait")
        func refused() async throws {
            let cluster = try await LocalCluster("--queue", "1", "--max-running", "1")
            let waiting = try cluster.generate("--prompt", "The cat", "--max-tokens", "3")
            let isQueued = try await eventually { try await cluster.status().requests.count == 1 }
            #expect(isQueued)
            let outcome = try await cluster.generate("--prompt", "The dog", "--json").wait()
            #expect(outcome.status == 75 && outcome.output.isEmpty)
            let lines = outcome.talk.split(separator: "\n")
            #expect(lines.count == 2 && lines[0] == "error: the queue is full: 1 requests wait")
            #expect(lines[1].hasPrefix("hint: try again in ") && lines[1].contains(" s, "))
            try await cluster.join(count: 1)
            #expect(try await waiting.wait().status == 0)
        }

        @Test("A client that is stopped delays no other, and prints its whole answer when it goes on")
        func stoppedClient() async throws {
            let arguments = Self.story + ["--max-tokens", "300"]
            let cluster = try await LocalCluster("--min-workers", "2", "--speculate", "off", "--prefix-cache", "off")
            try await cluster.join(count: 2)
            let expected = try await TandemProcess(
                ["run", "--model", Place.tales] + arguments, cache: cluster.folder
            ).wait()
            let client = try TandemProcess(
                ["generate", "--coordinator", cluster.address] + arguments, cache: cluster.folder)
            let isUnderWay = await eventually { client.outputSoFar.utf8.count > 40 }
            try #require(isUnderWay, "\(client.talkSoFar)")
            client.signal(SIGSTOP)
            let other = try await TandemProcess(
                ["generate", "--coordinator", cluster.address] + arguments, cache: cluster.folder
            ).wait()
            #expect(other.status == 0 && other.output == expected.output)
            let isFree = try await eventually {
                let status = try await cluster.status()
                return status.requests.isEmpty && status.kvBlocksFree == status.kvBlocksTotal
            }
            #expect(isFree)
            client.signal(SIGCONT)
            let outcome = try await client.wait()
            #expect(outcome.status == 0 && outcome.output == expected.output, "\(outcome.talk)")
        }

        @Test("A restarted worker moves no weight bytes, and keeps to its memory")
        func restartedWorker() async throws {
            let cluster = try await LocalCluster("--min-workers", "2")
            try await cluster.join(count: 2)
            let before = try await cluster.status()
            #expect(before.workers.allSatisfy { $0.transferredBytes > 0 })
            for worker in cluster.workers { worker.signal(SIGTERM) }
            for worker in cluster.workers { #expect(try await worker.wait().status == 0) }
            for folder in cluster.workerFolders { try cluster.join(cache: folder) }
            try await cluster.waitUntilServing(workers: 2)
            let after = try await cluster.status()
            #expect(after.workers.allSatisfy { $0.transferredBytes == 0 && $0.cachedBytes > 0 })
            for worker in after.workers {
                #expect(worker.residentBytes <= worker.weightBytes + worker.kvBytes + 100 << 20)
            }
        }

        @Test("Ctrl-C cancels a request on all stages")
        func cancelled() async throws {
            let cluster = try await LocalCluster("--min-workers", "2")
            try await cluster.join(count: 2)
            for signal in [SIGINT, SIGKILL] {
                let client = try TandemProcess(
                    ["generate", "--coordinator", cluster.address, "--max-tokens", "100000"] + Self.story,
                    cache: cluster.folder)
                let isUnderWay = await eventually { client.outputSoFar.utf8.count > 20 }
                #expect(isUnderWay)
                client.signal(signal)
                let outcome = try await client.wait()
                if signal == SIGINT { #expect(outcome.status == 130) }
                let isFree = try await eventually {
                    let status = try await cluster.status()
                    return status.requests.isEmpty && status.kvBlocksFree == status.kvBlocksTotal
                }
                #expect(isFree)
            }
        }

        @Test("Chat answers in several turns")
        func chat() async throws {
            let cluster = try await LocalCluster()
            try await cluster.join(count: 1)
            let chat = try TandemProcess(
                ["chat", "--coordinator", cluster.address, "--max-tokens", "12", "--temperature", "0"],
                cache: cluster.folder, input: "Hello\n/help\nAnd then?\n/reset\nHello\n/nonsense\n/exit\n")
            let outcome = try await chat.wait()
            #expect(outcome.status == 0, "\(outcome.talk)")
            #expect(outcome.talk.contains("/reset") && outcome.talk.contains("there is no command"))
            #expect(outcome.output.split(separator: "\n", omittingEmptySubsequences: false).count >= 4)
        }

        @Test("`up` starts a cluster and ends all of it")
        func up() async throws {
            let folder = try TemporaryFolder()
            let up = try TandemProcess(
                ["up", "--model", Place.tales, "--workers", "2", "--listen", "tcp://127.0.0.1:0"], cache: folder)
            let isUp = await eventually { up.outputSoFar.contains("\n") }
            try #require(isUp)
            let line = up.outputSoFar.split(whereSeparator: \.isWhitespace)[3]
            let address = String(line.prefix { $0 != "#" })
            let isServing = try await eventually {
                let outcome = try await tandem("status", "--coordinator", address, "--json", cache: folder)
                return try outcome.status == 0 && decode(Status.self, outcome.output).isServing
            }
            #expect(isServing)
            let status = try decode(
                Status.self, try await tandem("status", "--coordinator", address, "--json", cache: folder).output)
            up.signal(SIGTERM)
            #expect(try await up.wait().status == 0)
            for worker in status.workers {
                let isGone = await eventually { kill(worker.pid, 0) != 0 }
                #expect(isGone)
            }
        }
    }
}
