// Responsible for: the memory of requests is bounded, for one client and for all. Must not know: how requests are
// answered.
import Generation
import Sequences
import Testing
import Wire

@testable import GenerationTests
@testable import Node

@Suite("The memory that requests may take")
struct RequestBudgetTests {
    private let budget = RequestBudget(
        limit: .init(requests: 5, bytes: 1_000), clientLimit: .init(requests: 3, bytes: 400))

    @Test("One client takes no more than its share, and others find room")
    func clients() throws {
        for _ in 0..<3 { try budget.take(100, of: ClientID(1)) }
        #expect(throws: TandemError.overloaded) { try budget.take(1, of: ClientID(1)) }
        try budget.take(400, of: ClientID(2))
        #expect(throws: TandemError.overloaded) { try budget.take(1, of: ClientID(2)) }
        #expect(throws: TandemError.overloaded) { try budget.take(301, of: ClientID(3)) }
        try budget.take(300, of: ClientID(3))
        #expect(throws: TandemError.overloaded) { try budget.take(0, of: ClientID(4)) }
        #expect(budget.taken == .init(requests: 5, bytes: 1_000))
    }

    @Test("What is given back can be taken again, and nothing is left at the end")
    func givenBack() throws {
        for _ in 0..<1_000 {
            try budget.take(400, of: ClientID(1))
            #expect(throws: TandemError.overloaded) { try budget.take(1, of: ClientID(1)) }
            budget.giveBack(400, of: ClientID(1))
        }
        #expect(budget.taken == .init())
    }

    @Test("A number of bytes that overflows is refused")
    func overflow() throws {
        try budget.take(10, of: ClientID(1))
        #expect(throws: TandemError.overloaded) { try budget.take(.max, of: ClientID(1)) }
        #expect(throws: TandemError.overloaded) { try budget.take(.max, of: ClientID(2)) }
    }

    @Test("A request takes what its text and its tokens do")
    func bytes() {
        let small = GenerationRequest(prompt: .text("a")).keptBytes(contextLength: 100)
        let large = GenerationRequest(prompt: .text(String(repeating: "a", count: 1 << 20)))
        #expect(large.keptBytes(contextLength: 100) - small > 1 << 20)
        #expect(large.keptBytes(contextLength: 1 << 20) - small > 8 << 20)
        let tokens = GenerationRequest(prompt: .tokens(Array(repeating: 1, count: 1 << 20)))
        #expect(tokens.keptBytes(contextLength: 100) > 8 << 20)
    }
}

extension ClusterTests {
    @Suite("Clients that ask for very much")
    struct LargeRequestTests {
        @Test("While prompts of 16 MiB come eight at once, others are served as before, and nothing of them stays")
        func bytes() async throws {
            try await TestCluster.with(try ClusterShape(workers: 1, chunk: 128).options, workers: 1) { cluster in
                _ = try await cluster.serving()
                let small = Requests.greedy(.text("Once upon a time"), tokens: 4)
                let expected = try await cluster.client.generate(small).answer()
                let text = String(repeating: "0123456789abcdef", count: RequestLimits.promptBytes / 16)
                let generations = (0..<8).map { _ in
                    cluster.generations.generate(GenerationRequest(prompt: .text(text)))
                }
                #expect(try await cluster.client.generate(small).answer() == expected)
                for generation in generations {
                    do {
                        _ = try await within(TestCluster.patience) { try await generation.answer() }
                        Issue.record("a prompt far beyond the context was answered")
                    } catch let error as TandemError {
                        // Too long, or too much at once: that depends on how fast they come.
                        let isTooLong = error.message.description.contains("context holds")
                        #expect(isTooLong || error == .overloaded, "\(error)")
                    }
                }
                #expect(try await cluster.client.generate(small).answer() == expected)
                _ = try await cluster.idle()
                #expect(cluster.generations.budget.taken == .init())
            }
        }
    }
}
