// Responsible for: floods of those who are admitted: messages without end, fetches that nobody takes, the largest prompts.
// Must not know: how nodes bound them.
import Foundation
import Generation
import ModelFile
import Sequences
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Floods")
    struct FloodTests {
        /// libzmq sends no part of a message before it has all: one that is far longer than any may be stands for one that
        /// never ends (which Transport's tests make by hand).
        static let frames = 1200
        static let endless = Array(repeating: [UInt8](repeating: 7, count: 64 << 10), count: frames)

        /// Asks and asks, and gets what it got before, until `isEnough`.
        private static func ask(
            _ cluster: TestCluster, _ request: GenerationRequest, until isEnough: () -> Bool
        ) async throws {
            let expected = try await References.shared.answers(of: TestFiles.tales)[0]
            repeat { #expect(try await cluster.client.generate(request).answer() == expected) } while !isEnough()
        }

        @Test("A message that does not end, on any port of a coordinator, ends its connection, and answers go on")
        func endlessMessages() async throws {
            let options = try ClusterShape(split: "0-2,3-5", workers: 2, chunk: 7).options
            try await TestCluster.with(options, workers: 2) { cluster in
                _ = try await cluster.serving()
                let (door, address, isOver) = (try cluster.workerDoor(), cluster.address, Cancellation())
                let attack = try LoopThread(name: "endless") {
                    defer { isOver.set() }
                    let spy = try Caller(door.pair, to: address, server: door.server)
                    defer { spy.close() }
                    let welcome = try spy.join(0xD)
                    for place in [address, welcome.tokensEndpoint, welcome.weightsEndpoint] {
                        let caller = try Caller(
                            door.pair, to: place, server: door.server, frames: Self.frames, queue: 1)
                        defer { caller.close() }
                        caller.meanwhile = { _ = spy.socket.send(Caller.beat) }
                        #expect(try caller.handshake() == .handshakeSucceeded)
                        try caller.untilEnded(saying: Self.endless)
                    }
                }
                let request = try Requests.mixed(for: TestFiles.tales)[0]
                try await Self.ask(cluster, request) { isOver.isSet }
                try await attack.value
                #expect(try await cluster.serving().workers.count { $0.layers != nil } == 2)
            }
        }

        @Test(
            "A member that fetches over many connections and takes nothing fills no memory, and who joins gets its weights"
        )
        func fetches() async throws {
            let folder = try TemporaryFolder()
            let model = try Model.open(path: TestFiles.tales)
            let manifest = try DigestBook(folder: folder.path).manifest(of: model) { _, _ in }
            let largest = try #require(manifest.entries.max { $0.tensor.byteCount < $1.tensor.byteCount })
            let fetch = Fetch(content: largest.digest, offset: 0, length: Wire.Limits.chunkBytes)
            let options = try ClusterShape(split: "0-2,3-5", workers: 2, chunk: 7).options
            try await TestCluster.with(options, workers: 0) { cluster in
                let (door, address, isOver) = (try cluster.workerDoor(), cluster.address, Cancellation())
                let (before, sent) = (try residentBytes(), Tally())
                let attack = try LoopThread(name: "fetcher") {
                    let spy = try Caller(door.pair, to: address, server: door.server)
                    defer { spy.close() }
                    let welcome = try spy.join(0xE)
                    let callers = try (0..<60).map { _ in
                        try Caller(door.pair, to: welcome.weightsEndpoint, server: door.server, queue: 1)
                    }
                    defer { for caller in callers { caller.close() } }
                    while !isOver.isSet {
                        for caller in callers where caller.socket.send([fetch.encode()]) == .sent { sent.add() }
                        _ = spy.socket.send(Caller.beat)
                        pause(milliseconds: 2)
                    }
                }
                defer { isOver.set() }
                while sent.value < 5000 { try await Task.sleep(for: .milliseconds(10)) }
                for _ in 0..<2 { try await cluster.join() }
                let status = try await cluster.serving()
                #expect(status.workers.count { $0.layers != nil } == 2)
                let request = try Requests.mixed(for: TestFiles.tales)[0]
                try await Self.ask(cluster, request) { sent.value > 10_000 }
                let growth = try residentBytes() - before
                #expect(growth < 300 << 20, "\(growth >> 20) MiB")
                isOver.set()
                try await attack.value
            }
        }

        @Test("A client that asks and cancels without end, and reads nothing, keeps nobody else from an answer")
        func requests() async throws {
            try await TestCluster.with(try ClusterShape(workers: 1, chunk: 128).options, workers: 1) { cluster in
                _ = try await cluster.serving()
                let (pair, door, address) = (try cluster.clientPair(), try cluster.door(), cluster.address)
                try await cluster.admitted(pair, by: door.server)
                let (isOver, sent) = (Cancellation(), Tally())
                let attack = try LoopThread(name: "requests") {
                    let callers = try (0..<4).map { _ in
                        try Caller(pair, to: address, server: door.server, queue: 100)
                    }
                    defer { for caller in callers { caller.close() } }
                    var request = GenerationRequest(prompt: .tokens([1, 2, 3]))
                    request.maximumTokens = 1
                    request.priority = 100
                    let messages = (1...4000).map { number in
                        let id = ClientRequestID(UInt64(number))
                        let message: ClientMessage =
                            number % 10 == 0 ? .cancel(id) : .generate(Generate(id: id, request: request))
                        return [ControlRequest.client(message).encode()]
                    }
                    while !isOver.isSet {
                        for message in messages where !isOver.isSet {
                            let count = callers.count { $0.socket.send(message) == .sent }
                            if count == 0 { pause(milliseconds: 1) } else { sent.add(count) }
                        }
                    }
                }
                defer { isOver.set() }
                let request = try Requests.mixed(for: TestFiles.tales)[0]
                try await Self.ask(cluster, request) { sent.value > 20_000 }
                isOver.set()
                try await attack.value
                _ = try await cluster.idle()
            }
        }

        @Test(
            "Prompts of 16 MiB over several connections of a client keep no other client waiting, and nothing of them stays"
        )
        func prompts() async throws {
            try await TestCluster.with(try ClusterShape(workers: 1, chunk: 128).options, workers: 1) { cluster in
                _ = try await cluster.serving()
                let (pair, door, address) = (try cluster.clientPair(), try cluster.door(), cluster.address)
                try await cluster.admitted(pair, by: door.server)
                let (isOver, sent) = (Cancellation(), Tally())
                let attack = try LoopThread(name: "prompts") {
                    let text = String(repeating: "0123456789abcdef", count: RequestLimits.promptBytes / 16)
                    let callers = try (0..<4).map { _ in
                        try Caller(pair, to: address, server: door.server, queue: 1)
                    }
                    defer { for caller in callers { caller.close() } }
                    let messages = (1...4).map { number in
                        let generate = Generate(
                            id: ClientRequestID(UInt64(number)), request: GenerationRequest(prompt: .text(text)))
                        return [ControlRequest.client(.generate(generate)).encode()]
                    }
                    while !isOver.isSet {
                        for (caller, message) in zip(callers, messages) {
                            if caller.socket.send(message) == .sent { sent.add() }
                            _ = caller.answers()
                        }
                        pause(milliseconds: 5)
                    }
                }
                defer { isOver.set() }
                let request = try Requests.mixed(for: TestFiles.tales)[0]
                try await Self.ask(cluster, request) { sent.value > 24 }
                isOver.set()
                try await attack.value
                _ = try await cluster.idle()
                let deadline = ContinuousClock.now + TestCluster.patience
                while cluster.generations.budget.taken != .init(), ContinuousClock.now < deadline {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(cluster.generations.budget.taken == .init())
            }
        }
    }
}
