// Responsible for: clients that ask for too much, do not read, or do not stay: what becomes of them, and of the others.
// Must not know: how the coordinator keeps within its limits.
import Foundation
import Generation
import Sequences
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Limits")
    struct LimitTests {
        /// An answer of nearly a whole context, with more said of each token than fits into a few packets.
        static var large: GenerationRequest {
            var request = RequestTests.endless
            request.sampling.logProbabilityCount = RequestLimits.topLogProbabilities
            return request
        }

        /// So many of them are more than what systems keep for a connection that nobody reads.
        private static let largeCount: UInt64 = 16

        @Test("A client that never reads its answers loses them, keeps no block, and delays nobody")
        func deafClients() async throws {
            var options = try RequestTests.options
            options.maximumUnread = 32
            let expected = try await References.shared.answers(of: TestFiles.tales)[0]
            let request = try Requests.mixed(for: TestFiles.tales)[0]
            try await TestCluster.with(options, workers: 2) { cluster in
                _ = try await cluster.serving()
                func timed() async throws -> Double {
                    let start = ContinuousClock.now
                    #expect(try await cluster.client.generate(request).answer() == expected)
                    return start.duration(to: .now).seconds
                }
                _ = try await timed()
                let before = try await timed()
                let door = try cluster.door()
                let (asked, reading) = (Cancellation(), Cancellation())
                let deaf = try LoopThread(name: "deaf") { () throws -> [String] in
                    let context = try door.context()
                    let clients = try (0..<3).map { _ in try RawClient(context, door, unread: 1) }
                    defer { for client in clients { client.close() } }
                    for client in clients {
                        for id in UInt64(1)...Self.largeCount {
                            try client.say(.generate(Generate(id: ClientRequestID(id), request: Self.large)))
                        }
                    }
                    asked.set()
                    while !reading.isSet { pause(milliseconds: 10) }
                    return try clients.flatMap { client in
                        try (1...Self.largeCount).map { _ in
                            try client.next {
                                switch $0 {
                                case .failed(_, let error): "\(error.message)"
                                case .event(_, .finished(let reason, _)): reason.rawValue
                                default: nil
                                }
                            }
                        }
                    }
                }
                defer { reading.set() }
                while !asked.isSet { try await Task.sleep(for: .milliseconds(5)) }
                #expect(try await timed() < max(10, 50 * before))  // beside 48 others
                let status = try await cluster.idle()
                #expect(status.generatedTokens < 3 * Int(Self.largeCount) * 400)
                #expect(try await timed() < 3 * before + 0.5)
                reading.set()
                let ends = try await deaf.value
                #expect(ends.count == 3 * Int(Self.largeCount) && ends.contains { $0.contains("too slowly") })
                #expect(ends.allSatisfy { $0.contains("too slowly") || $0 == "length" })
                #expect(try await timed() < 3 * before + 0.5)
            }
        }

        @Test("A reader inside the coordinator's process that does not read loses its answer")
        func unreadStream() async throws {
            var options = try RequestTests.options
            options.maximumUnread = 20
            try await TestCluster.with(options, workers: 2) { cluster in
                _ = try await cluster.serving()
                let generation = cluster.generations.generate(RequestTests.endless)
                _ = try await cluster.status("the request") { !$0.requests.isEmpty || $0.generatedTokens > 0 }
                let status = try await cluster.idle()
                #expect(status.generatedTokens < 400)
                var count = 0
                let error = await #expect(throws: TandemError.self) {
                    for try await _ in generation.events { count += 1 }
                }
                #expect(count == 20 && error == .readTooSlowly)
            }
        }

        @Test("A thousand tokens that come at once are no reason to end an answer")
        func burst() async throws {
            try await TestCluster.with(try RequestTests.options, workers: 2) { cluster in
                _ = try await cluster.serving()
                let door = try cluster.door()
                let (asked, reading) = (Cancellation(), Cancellation())
                let late = try LoopThread(name: "late") { () throws -> [ClientRequestID: Int] in
                    let client = try RawClient(door.context(), door, unread: 1)
                    defer { client.close() }
                    for id in UInt64(1)...2 {
                        try client.say(.generate(Generate(id: ClientRequestID(id), request: RequestTests.endless)))
                    }
                    asked.set()
                    while !reading.isSet { pause(milliseconds: 10) }
                    var tokens: [ClientRequestID: Int] = [:]
                    var ended = 0
                    return try client.next {
                        switch $0 {
                        case .event(let id, .tokens(let more, _)): tokens[id, default: 0] += more.count
                        case .event(_, .finished(let reason, _)):
                            try #require(reason == .length)
                            ended += 1
                        case .failed(_, let error): throw error
                        default: break
                        }
                        return ended == 2 ? tokens : nil
                    }
                }
                defer { reading.set() }
                while !asked.isSet { try await Task.sleep(for: .milliseconds(5)) }
                _ = try await cluster.status("both answers") { $0.requests.isEmpty && $0.generatedTokens > 980 }
                reading.set()
                let tokens = try await late.value
                #expect(tokens.values.allSatisfy { $0 >= 490 } && tokens.count == 2)
            }
        }

        @Test("A full queue refuses at once and says when to try again; the others go on")
        func fullQueue() async throws {
            var options = try RequestTests.options
            (options.maximumRunning, options.maximumWaiting) = (1, 2)
            try await TestCluster.with(options, workers: 2) { cluster in
                _ = try await cluster.serving()
                var running = cluster.client.generate(RequestTests.endless).events.makeAsyncIterator()
                while case .some(let event) = try await running.next() { if case .tokens = event { break } }
                let waiting = (0..<2).map { _ in cluster.client.generate(Requests.greedy(.text("A"), tokens: 3)) }
                _ = try await cluster.status("the queue") { $0.requests.count { $0.state == "waiting" } == 2 }
                let start = ContinuousClock.now
                let error = await #expect(throws: TandemError.self) {
                    try await cluster.client.generate(Requests.greedy(.text("B"), tokens: 3)).answer()
                }
                // At once: within a second, or ten times what asking for the state takes where that is more.
                let end = ContinuousClock.now
                _ = try await cluster.client.status()
                #expect(start.duration(to: end) < max(Duration.seconds(1), end.duration(to: .now) * 10))
                #expect(error?.message.description.contains("queue is full") == true, "\(String(describing: error))")
                #expect(error?.isReply == true)
                #expect(error?.hint?.description.contains("try again in") == true)
                #expect(error?.retryAfterMilliseconds ?? 0 >= 250)
                var reason: FinishReason?
                while let event = try await running.next() {
                    if case .finished(let why, _) = event { reason = why }
                }
                #expect(reason == .length)
                for generation in waiting { #expect(try await generation.answer().tokens.count == 3) }
                #expect(
                    try await cluster.client.generate(Requests.greedy(.text("B"), tokens: 3)).answer().reason != nil)
                _ = try await cluster.idle()
            }
        }

        @Test("A request of higher priority overtakes the queue, and one that runs makes way and goes on")
        func priority() async throws {
            var options = try RequestTests.options
            options.maximumRunning = 1
            let generator = try LocalGenerator(modelPath: TestFiles.tales, contextLength: nil, threads: 1)
            let expected = try await generator.generate(RequestTests.endless).answer()
            try await TestCluster.with(options, workers: 2) { cluster in
                _ = try await cluster.serving()
                let (ends, end) = AsyncStream<String>.makeStream()
                func ask(_ name: String, _ request: GenerationRequest, priority: Int) -> Task<Answer, any Error> {
                    var request = request
                    request.priority = priority
                    let generation = cluster.client.generate(request)
                    return Task {
                        let answer = try await generation.answer()
                        end.yield(name)
                        return answer
                    }
                }
                let long = ask("long", RequestTests.endless, priority: 0)
                _ = try await cluster.status("the first") { $0.requests.first?.generatedTokens ?? 0 > 2 }
                let short = Requests.greedy(.text("A"), tokens: 100)
                let low = ask("low", short, priority: -1)
                _ = try await cluster.status("the second") { $0.requests.count == 2 }
                let high = ask("high", short, priority: 1)
                var order: [String] = []
                for await name in ends {
                    order.append(name)
                    if order.count == 3 { break }
                }
                #expect(order == ["high", "long", "low"])
                #expect(try await long.value == expected)
                #expect(try await low.value == high.value)
                _ = try await cluster.idle()
            }
        }
    }
}
