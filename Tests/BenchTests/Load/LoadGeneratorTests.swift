// Loads on a cluster inside this process: every request ends once, with the tokens it asked for or with a reason.
import Node
import Sequences
import Synchronization
import Testing

@testable import Bench
@testable import NodeTests

@Suite("Prompts of loads")
struct LoadPromptTests {
    private let prompts = LoadPrompts(seed: 7, vocabularySize: 100)

    @Test("Prompts differ from their beginning on, are the same for the same seed, and hold ids of the vocabulary")
    func distinct() {
        let made = (0..<50).map { prompts.distinct(number: $0, count: 40) }
        #expect(Set(made.map { Array($0.prefix(16)) }).count == 50)
        #expect(made.allSatisfy { $0.count == 40 && $0.allSatisfy { (0..<100).contains($0) } })
        #expect(Set(made.flatMap(\.self)).count == 100)
        #expect(made[3] == LoadPrompts(seed: 7, vocabularySize: 100).distinct(number: 3, count: 40))
        #expect(made[3] != LoadPrompts(seed: 8, vocabularySize: 100).distinct(number: 3, count: 40))
    }

    @Test("Blocks of the same id are the same tokens, what follows them is of one prompt alone")
    func shared() {
        let first = prompts.shared(blocks: [5, 9], number: 0, count: 1000)
        let second = prompts.shared(blocks: [5, 8], number: 1, count: 1100)
        #expect((first.count, second.count) == (1000, 1100))
        #expect(first[..<512] == second[..<512])
        #expect(first[512..<544] != second[512..<544])
        #expect(prompts.shared(blocks: [9], number: 2, count: 100) == Array(first[512..<612]))
        #expect(
            prompts.shared(blocks: [5], number: 1, count: 600).suffix(88) == prompts.distinct(number: 1, count: 88)[...]
        )
    }
}

extension ClusterTests {
    @Suite("Loads")
    struct LoadGeneratorTests {
        private static let prompts = LoadPrompts(seed: 1, vocabularySize: 512)

        private static func request(_ number: Int, answer: Int = 5) -> GenerationRequest {
            .load(prompt: prompts.distinct(number: number, count: 20 + number), answerTokens: answer)
        }

        @Test("A closed loop makes every request once and keeps so many at a time")
        func closedLoop() async throws {
            let ended = Atomic(0)
            let records = try await TestCluster.with(ClusterShape(workers: 2, chunk: 16).options, workers: 2) {
                cluster in
                _ = try await cluster.serving()
                let generator = try LoadGenerator(connect: cluster.newClient) { ended.add(1, ordering: .relaxed) }
                return await generator.closedLoop(concurrency: 3, count: 8) { Self.request($0) }
            }
            #expect(records.count == 8 && ended.load(ordering: .relaxed) == 8)
            #expect(records.map(\.promptTokens).sorted() == Array(20..<28))
            #expect(records.allSatisfy { $0.ending == .completed && $0.tokenTimes.count == 5 })
            for record in records {
                #expect(record.tokenTimes == record.tokenTimes.sorted())
                #expect(record.submitted < record.tokenTimes[0] && record.tokenTimes[4] <= record.ended)
                // A moment at which a request begins: those that began before it and have not ended are two at most.
                let others = records.filter { $0.submitted < record.submitted && $0.ended > record.submitted }
                #expect(others.count < 3)
            }
        }

        @Test("An open loop sends at its times, and says why requests were refused")
        func openLoop() async throws {
            let records = try await TestCluster.with(ClusterShape(workers: 1, chunk: 16).options, workers: 1) {
                cluster in
                _ = try await cluster.serving()
                return await (try LoadGenerator(connect: cluster.newClient)).openLoop(at: [0, 0.1, 0.3]) { number in
                    number < 2
                        ? Self.request(number)
                        : .load(prompt: Self.prompts.distinct(number: number, count: 5000), answerTokens: 1)
                }
            }.sorted { $0.submitted < $1.submitted }
            #expect(records.count == 3)
            #expect(records[1].submitted >= 0.1 && records[2].submitted >= 0.3)
            #expect(records[0].ending == .completed && records[1].ending == .completed)
            guard case .refused(let why) = records[2].ending else { Issue.record("\(records[2])"); return }
            #expect(why.contains("5000 tokens"))
        }

        @Test("Where nobody answers, the request is lost and no other is made")
        func lost() async throws {
            let generator = try LoadGenerator(connect: { () throws(TandemError) in
                try CoordinatorClient(address: "tcp://127.0.0.1:1", isInsecure: true)
            })
            let records = await generator.closedLoop(concurrency: 1, count: 5) { Self.request($0) }
            #expect(records.count == 1)
            guard case .lost(let why) = records[0].ending else { Issue.record("\(records[0])"); return }
            #expect(why.contains("no coordinator answers"))
        }

        @Test("A cancelled load ends its requests")
        func cancellation() async throws {
            let records = try await TestCluster.with(ClusterShape(workers: 1, chunk: 16).options, workers: 1) {
                cluster in
                _ = try await cluster.serving()
                let generator = try LoadGenerator(connect: cluster.newClient)
                let load = Task {
                    await generator.closedLoop(concurrency: 2, count: 100) { Self.request($0, answer: 400) }
                }
                _ = try await cluster.status("a request") { !$0.requests.isEmpty }
                load.cancel()
                let records = await load.value
                _ = try await cluster.idle()
                return records
            }
            #expect(records.count < 100 && records.contains { $0.ending == .cancelled })
        }
    }
}
