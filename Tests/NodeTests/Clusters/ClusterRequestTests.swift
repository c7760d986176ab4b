// Responsible for: what becomes of requests that are cancelled, dropped, refused, or wait; and of conversations.
// Must not know: what happens inside the cluster.
import Generation
import Sequences
import Testing
import Wire

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Requests")
    struct RequestTests {
        static var options: CoordinatorOptions {
            get throws { try ClusterShape(split: "0-2,3-5", workers: 2, chunk: 7).options }
        }

        /// An answer that goes on until the context is full.
        static var endless: GenerationRequest {
            var request = Requests.sampled(.text("Once upon a time"), seed: 3)
            request.maximumTokens = 500
            return request
        }

        @Test("Cancelling in mid-stream ends the answer and frees every KV block")
        func cancel() async throws {
            try await TestCluster.with(try Self.options, workers: 2) { cluster in
                _ = try await cluster.serving()
                let generation = cluster.client.generate(Self.endless)
                var answer = Answer()
                var isCancelled = false
                for try await event in generation.events {
                    answer.add(event)
                    if answer.tokens.count >= 3, !isCancelled {
                        isCancelled = true
                        let status = try await cluster.client.status()
                        #expect(status.requests.count == 1)
                        #expect(status.kvBlocksFree < status.kvBlocksTotal)
                        generation.cancel()
                    }
                }
                #expect(answer.reason == .cancelled)
                let status = try await cluster.idle()
                #expect(status.kvBlocksTotal > 0)
                #expect(status.generatedTokens < 495)
                let expected = try await References.shared.answers(of: TestFiles.tales)
                let request = try Requests.mixed(for: TestFiles.tales)[0]
                #expect(try await cluster.client.generate(request).answer() == expected[0])
            }
        }

        @Test("A client whose task is dropped in mid-stream leaves nothing behind")
        func drop() async throws {
            try await TestCluster.with(try Self.options, workers: 2) { cluster in
                _ = try await cluster.serving()
                let (begun, signal) = AsyncStream<Void>.makeStream()
                let reader = Task {
                    for try await event in cluster.client.generate(Self.endless).events {
                        if case .tokens = event { signal.yield() }
                    }
                }
                for await _ in begun { break }
                reader.cancel()
                let status = try await cluster.idle()
                #expect(status.generatedTokens < 495)
                _ = await reader.result
            }
        }

        @Test("One process refuses a request without a meaning, as a coordinator does")
        func meaningless() async throws {
            let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: nil, threads: 1)
            var request = Self.endless
            request.maximumTokens = 0
            let error = await #expect(throws: TandemError.self) { try await generator.generate(request).answer() }
            #expect(error?.message.description.contains("max_tokens is 0") == true)
        }

        @Test("A coordinator remembers the digests of a model in the folder it is told")
        func digests() async throws {
            let folder = try TemporaryFolder()
            var options = try Self.options
            options.cacheFolder = folder.path
            try await TestCluster.with(options, workers: 0) { _ in
                #expect(folder.names == ["digests"])
            }
        }

        @Test("A request cancelled while it waits for workers ends")
        func cancelWaiting() async throws {
            try await TestCluster.with(try Self.options, workers: 0) { cluster in
                let generation = cluster.client.generate(Self.endless)
                var answer = Answer()
                for try await event in generation.events {
                    if case .waiting = event { generation.cancel() }
                    answer.add(event)
                }
                #expect(answer.reason == .cancelled)
                #expect(answer.tokens.isEmpty)
                _ = try await cluster.idle()
            }
        }

        @Test("A stop string and an end token end an answer on every stage")
        func stop() async throws {
            var request = try Requests.mixed(for: TestFiles.tales)[0]
            let whole = try await References.shared.answers(of: TestFiles.tales)[0]
            let text = try #require(whole.text)
            let start = text.index(text.startIndex, offsetBy: 10)
            request.stops = ["never said", String(text[start...].prefix(4))]
            let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: nil, threads: 1)
            let expected = try await generator.generate(request).answer()
            #expect(expected.reason == .stop)
            try await TestCluster.with(try Self.options, workers: 2) { [request] cluster in
                #expect(try await cluster.client.generate(request).answer() == expected)
                _ = try await cluster.idle()
            }
        }

        @Test("A request that cannot be answered gets an error with a hint, and the next one is served")
        func refused() async throws {
            try await TestCluster.with(try Self.options, workers: 2) { cluster in
                let faulty: [(GenerationRequest.Prompt, String)] = [
                    (.tokens(Array(repeating: 1, count: 512)), "512"), (.tokens([1, 99_999_999]), "99999999"),
                    (.tokens([]), "empty"),
                    (.text(String(repeating: "word after word ", count: 2000)), "context"),
                ]
                for (prompt, word) in faulty {
                    let request = Requests.greedy(prompt, tokens: 4)
                    let error = await #expect(throws: TandemError.self) {
                        try await cluster.client.generate(request).answer()
                    }
                    #expect(error?.message.description.contains(word) == true)
                    #expect(error?.hint != nil)
                }
                let assistantLast = Requests.greedy(
                    .messages([ChatMessage(role: .assistant, content: "x")]), tokens: 4)
                await #expect(throws: TandemError.self) { try await cluster.client.generate(assistantLast).answer() }
                #expect(
                    try await cluster.client.generate(Requests.greedy(.text("A"), tokens: 2)).answer().tokens.count == 2
                )
                _ = try await cluster.idle()
            }
        }

        @Test("A request that the coordinator cannot read is refused, not left waiting", arguments: [-1, Int32.min])
        func unreadable(token: Int32) async throws {
            try await TestCluster.with(try Self.options, workers: 0) { cluster in
                let request = Requests.greedy(.tokens([1, token]), tokens: 4)
                let error = await #expect(throws: TandemError.self) {
                    try await within(TestCluster.patience) { try await cluster.client.generate(request).answer() }
                }
                #expect(error?.message.description.contains("\(token)") == true)
            }
        }

        @Test("A request waits for the first worker, says why, and is answered when there is one")
        func laterWorker() async throws {
            let options = try ClusterShape(workers: 1, chunk: 7).options
            let request = try Requests.mixed(for: TestFiles.tales)[0]
            let expected = try await References.shared.answers(of: TestFiles.tales)[0]
            try await TestCluster.with(options, workers: 0) { cluster in
                var reasons: [Sentence] = []
                var answer = Answer()
                for try await event in cluster.client.generate(request).events {
                    if case .waiting(let why) = event {
                        if reasons.isEmpty { try await cluster.join() }
                        reasons.append(why)
                    }
                    answer.add(event)
                }
                #expect(reasons.first?.description.contains("worker") == true)
                #expect(answer == expected)
            }
        }

        @Test("A worker that leaves in mid-answer changes no token")
        func leaving() async throws {
            let request = Self.endless
            let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: nil, threads: 1)
            let expected = try await generator.generate(request).answer()
            try await TestCluster.with(try ClusterShape(workers: 2, chunk: 7).options, workers: 1) { cluster in
                let leaver = try await cluster.join()
                _ = try await cluster.serving()
                var answer = Answer()
                var hasLeft = false
                for try await event in cluster.client.generate(request).events {
                    answer.add(event)
                    if answer.tokens.count >= 5, !hasLeft {
                        hasLeft = true
                        try await leaver.stop()
                    }
                }
                #expect(hasLeft)
                #expect(answer == expected)
                let status = try await cluster.idle()
                #expect(status.workers.count == 1)
            }
        }
    }

    @Suite("Conversations")
    struct ConversationTests {
        @Test("The second turn reuses keys and values, and its tokens are those without")
        func secondTurn() async throws {
            let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: nil, threads: 1)
            let first = Requests.sampled(
                .messages([ChatMessage(role: .user, content: String(repeating: "One day the sun came out. ", count: 8))]
                ),
                seed: 4)
            let options = try ClusterShape(split: "0-2,3-5", workers: 2, chunk: 1).options
            try await TestCluster.with(options, workers: 2) { cluster in
                _ = try await cluster.serving()
                let answer = try await cluster.client.generate(first).answer()
                #expect(try await generator.generate(first).answer() == answer)
                guard case .messages(var messages) = first.prompt else { return }
                messages.append(ChatMessage(role: .assistant, content: answer.text ?? ""))
                messages.append(ChatMessage(role: .user, content: "And then?"))
                var second = first
                second.prompt = .messages(messages)
                let expected = try await generator.generate(second).answer()
                let stepsBefore = try await Self.steps(cluster)
                let reused = try await cluster.client.generate(second).answer()
                #expect(reused == expected)
                // Chunks of one token: without reuse every token of the prompt takes a step.
                let steps = try await Self.steps(cluster) - stepsBefore
                #expect(steps >= reused.tokens.count)
                #expect(steps < reused.tokens.count + expected.promptTokens.count - answer.promptTokens.count)
                _ = try await cluster.idle()
            }
        }

        /// Steps of the first worker, once its heartbeats have told of all.
        static func steps(_ cluster: TestCluster) async throws -> Int {
            try await Task.sleep(for: .milliseconds(700))
            return try await cluster.status("the count of all steps") { status in
                status.stages.allSatisfy { $0.steps <= status.workers[0].stepsCompleted }
            }.workers[0].stepsCompleted
        }

        @Test("Requests asked again, two at once, are both answered right")
        func again() async throws {
            let expected = try await References.shared.answers(of: TestFiles.tales)
            let requests = try Requests.mixed(for: TestFiles.tales)
            let options = try ClusterShape(workers: 1, chunk: 7).options
            try await TestCluster.with(options, workers: 1) { cluster in
                for _ in 0..<2 {
                    async let first = cluster.client.generate(requests[0]).answer()
                    async let second = cluster.client.generate(requests[1]).answer()
                    #expect(try await [first, second] == Array(expected[0..<2]))
                }
                _ = try await cluster.idle()
            }
        }
    }
}
