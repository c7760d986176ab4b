// Responsible for: prompts that take long to read, beside requests that do not; and their end.
// Must not know: how prompts become tokens.
import Generation
import Sequences
import Synchronization
import Testing

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Long prompts beside others")
    struct LongPromptTests {
        @Test("While four long prompts are worked on, a short one is made into tokens, and a cancelled one ends")
        func apart() async throws {
            let prompts = try PromptThreads()
            let isOver = Mutex(false)
            let works: @Sendable () -> Int = {
                while !isOver.withLock({ $0 }) { usleepFor(1_000) }
                return 1
            }
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for _ in 0..<4 { group.addTask { try await prompts.run(bytes: 1 << 20, Cancellation(), works) } }
                for number in 0..<20 {
                    let short = try await within(TestCluster.patience) {
                        try await prompts.run(bytes: 100, Cancellation()) { number }
                    }
                    #expect(short == number)
                }
                // One that waits behind the others, and one that is being worked on as far as anybody knows.
                let isCancelled = Cancellation()
                let waiting = Task { try await prompts.run(bytes: 1 << 20, isCancelled, works) }
                isCancelled.set()
                #expect(try await waiting.value == nil)
                isOver.withLock { $0 = true }
                var done = 0
                for try await result in group { done += result ?? 0 }
                #expect(done == 4)
            }
        }

        @Test("What fails on the way fails for the one who asked")
        func failure() async throws {
            let prompts = try PromptThreads()
            await #expect(throws: TandemError.stopped) {
                _ = try await prompts.run(bytes: 1, Cancellation()) { () throws -> Int in throw TandemError.stopped }
            }
        }

        @Test("Beside four prompts of 100,000 digits a small request is answered soon, and they can be cancelled")
        func digits() async throws {
            let shape = ClusterShape(workers: 1, chunk: 128)
            try await TestCluster.with(try shape.options, workers: 1) { cluster in
                _ = try await cluster.serving()
                let expected = try await cluster.client.generate(Self.small).answer()
                let long = (0..<4).map { _ in
                    cluster.client.generate(
                        GenerationRequest(prompt: .text(String(repeating: "0123456789", count: 10_000))))
                }
                #expect(try await cluster.client.generate(Self.small).answer() == expected)
                long[0].cancel()
                for (index, generation) in long.enumerated() {
                    // Too long for the context, unless the end came before.
                    do {
                        let answer = try await within(TestCluster.patience) { try await generation.answer() }
                        #expect(index == 0 && answer.reason == .cancelled)
                    } catch let error as TandemError { #expect(error.message.description.contains("context")) }
                }
                _ = try await cluster.idle()
            }
        }

        private static var small: GenerationRequest { Requests.greedy(.text("Once upon a time"), tokens: 4) }
    }
}

private func usleepFor(_ microseconds: UInt32) {
    let end = ContinuousClock.now + .microseconds(Int(microseconds))
    while ContinuousClock.now < end {}
}
