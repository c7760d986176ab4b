// Responsible for: a member's key gets the weights of its own layers and of nobody else's, through one connection.
// Must not know: how that is decided.
import Foundation
import Generation
import ModelFile
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

/// A worker that has joined, was given layers, and fetches what it likes; owned by one thread.
private struct Fetcher {
    let spy: Spy
    let assign: Assign
    private let door: Door
    private let context: Context
    private let endpoint: String

    init(_ door: Door, hasJoined: Cancellation) throws {
        self.door = door
        context = try door.context()
        spy = try Spy(door, context)
        let welcome = try spy.next { if case .welcome(let welcome) = $0 { welcome } else { nil } }
        hasJoined.set()
        assign = try spy.next { if case .assign(let assign) = $0 { assign } else { nil } }
        endpoint = welcome.weightsEndpoint
    }

    /// A connection to the weights.
    func connect() throws -> (socket: DealerSocket, monitor: Monitor) {
        let socket = try DealerSocket(
            context, SocketOptions(maximumFrameBytes: Wire.Limits.chunkBytes), server: door.server)
        let monitor = try socket.monitor()
        try socket.connect(try Endpoint(parsing: endpoint))
        return (socket, monitor)
    }

    func fetch(_ content: ContentHash, offset: UInt64 = 0, over socket: DealerSocket) throws {
        let fetch = Fetch(content: content, offset: offset, length: 64, epoch: assign.epoch)
        let deadline = ContinuousClock.now + TestCluster.patience
        while socket.send([fetch.encode()]) != .sent {
            guard ContinuousClock.now < deadline else { throw TimedOut() }
            try wait()
        }
    }

    /// A moment, in which it stays a member.
    func wait() throws {
        try spy.say(.heartbeat(WorkerHeartbeat()))
        pause(milliseconds: 5)
    }

    /// The next chunk.
    func chunk(over socket: DealerSocket) throws -> Chunk {
        let deadline = ContinuousClock.now + TestCluster.patience
        while ContinuousClock.now < deadline {
            if let frames = socket.receive() { return try Chunk(decoding: frames[0].bytes) }
            try wait()
        }
        throw TimedOut()
    }

    /// Waits until the other side has ended a connection.
    func end(of monitor: Monitor) throws {
        let deadline = ContinuousClock.now + TestCluster.patience
        while ContinuousClock.now < deadline {
            while let event = monitor.next() { if event == .disconnected { return } }
            try wait()
        }
        throw TimedOut()
    }
}

extension ClusterTests {
    @Suite("Weights of one's own layers")
    struct WeightShareTests {
        /// The first worker's layers are 0 to 2, the other's 3 to 5.
        private static func options() throws -> CoordinatorOptions {
            try ClusterShape(split: "0-2,3-5", workers: 2, chunk: 7).options
        }

        private static func digest(_ name: String) throws -> ContentHash {
            let model = try Model.open(path: TestFiles.tales)
            let tensor = try #require(model.tensors.first { $0.name == name })
            return try DigestBook.digest(of: tensor, in: model)
        }

        /// Runs `body` on a thread of a worker that holds the first layers; the other worker is an honest one.
        private static func withFetcher<Value: Sendable>(
            _ cluster: TestCluster, _ body: @escaping @Sendable (Fetcher) throws -> Value
        ) async throws -> Value {
            let door = try cluster.workerDoor()
            let hasJoined = Cancellation()
            let thread = try LoopThread(name: "fetcher") {
                let fetcher = try Fetcher(door, hasJoined: hasJoined)
                defer { fetcher.spy.close() }
                return try body(fetcher)
            }
            while !hasJoined.isSet { try await Task.sleep(for: .milliseconds(10)) }
            try await cluster.join()
            return try await thread.value
        }

        @Test("A member that asks for another's layer gets no byte of it, and its connection ends when it insists")
        func foreign() async throws {
            let own = try Self.digest("blk.1.ffn_down.weight")
            let foreign = [try Self.digest("blk.4.ffn_down.weight"), try Self.digest("output_norm.weight")]
            try await TestCluster.with(try Self.options(), workers: 0) { cluster in
                let answers = try await Self.withFetcher(cluster) { fetcher in
                    #expect(fetcher.assign.layers == 0..<3)
                    let (socket, monitor) = try fetcher.connect()
                    defer {
                        socket.close()
                        monitor.close()
                    }
                    var answers: [Chunk] = []
                    // Fetches of a connection are heard in order: when the last is answered, all are.
                    for content in foreign {
                        try fetcher.fetch(content, over: socket)
                        try fetcher.fetch(own, over: socket)
                        answers.append(try fetcher.chunk(over: socket))
                    }
                    for _ in 0..<100 { try fetcher.fetch(foreign[0], over: socket) }
                    try fetcher.end(of: monitor)
                    return answers
                }
                #expect(answers.map(\.content) == [own, own] && answers.allSatisfy { $0.length == 64 })
            }
        }

        @Test("The embedding is the first stage's, and a content that the model does not have is nobody's")
        func embedding() async throws {
            let embedding = try Self.digest("token_embd.weight")
            let unknown = try #require(ContentHash(Array(repeating: 9, count: ContentHash.byteCount)))
            try await TestCluster.with(try Self.options(), workers: 0) { cluster in
                let answer = try await Self.withFetcher(cluster) { fetcher in
                    let (socket, monitor) = try fetcher.connect()
                    defer {
                        socket.close()
                        monitor.close()
                    }
                    try fetcher.fetch(unknown, over: socket)
                    try fetcher.fetch(embedding, over: socket)
                    return try fetcher.chunk(over: socket)
                }
                #expect(answer.content == embedding && answer.error == nil)
            }
        }

        @Test("Of a key's connections the newest is served, and the one before it ends")
        func newest() async throws {
            let own = try Self.digest("blk.1.ffn_down.weight")
            try await TestCluster.with(try Self.options(), workers: 0) { cluster in
                try await Self.withFetcher(cluster) { fetcher in
                    let first = try fetcher.connect()
                    try fetcher.fetch(own, over: first.socket)
                    _ = try fetcher.chunk(over: first.socket)
                    let second = try fetcher.connect()
                    try fetcher.fetch(own, over: second.socket)
                    _ = try fetcher.chunk(over: second.socket)
                    try fetcher.end(of: first.monitor)
                    for (socket, monitor) in [first, second] {
                        socket.close()
                        monitor.close()
                    }
                }
            }
        }

        @Test("Ten connections of one key that fetch without end do not keep another worker from its weights")
        func flood() async throws {
            let own = try Self.digest("blk.1.ffn_down.weight")
            try await TestCluster.with(try Self.options(), workers: 0) { cluster in
                let isOver = Cancellation()
                async let flood: Int = Self.withFetcher(cluster) { fetcher in
                    let sockets = try (0..<10).map { _ in try fetcher.connect() }
                    defer {
                        for (socket, monitor) in sockets {
                            socket.close()
                            monitor.close()
                        }
                    }
                    let frame = Fetch(content: own, offset: 0, length: Wire.Limits.chunkBytes).encode()
                    var sent = 0
                    while !isOver.isSet {
                        for (socket, _) in sockets {
                            for _ in 0..<20 where socket.send([frame]) == .sent { sent += 1 }
                            for _ in 0..<20 where socket.receive() == nil { break }
                        }
                        try fetcher.wait()
                    }
                    return sent
                }
                defer { isOver.set() }
                let status = try await cluster.status("the honest worker's load") { status in
                    status.workers.contains { $0.state == "ready" && $0.transferredBytes > 0 }
                }
                #expect(status.workers.count == 2)
                isOver.set()
                #expect(try await flood > 0)
            }
        }

        @Test(
            "Workers load and answer through changes of plans, one of them stopped and started in the midst of its load"
        )
        func changes() async throws {
            var options = try Self.options()
            options.split = nil
            options.minimumWorkers = 2
            try await TestCluster.with(options, workers: 0) { cluster in
                let caches = try (0..<3).map { _ in try TemporaryFolder() }
                for cache in caches.prefix(2) { try await cluster.join(cache: cache) }
                let third = try await cluster.join(cache: caches[2])
                _ = try await cluster.status("a load") { status in
                    status.workers.contains { $0.state.hasPrefix("loading") } || status.isServing
                }
                try await third.stop()
                _ = try await cluster.status("two stages") { $0.isServing && $0.stages.count == 2 }
                try await cluster.join(cache: caches[2])
                let status = try await cluster.status("three stages") { $0.isServing && $0.stages.count == 3 }
                #expect(status.workers.allSatisfy { !$0.state.hasPrefix("set aside") })
                let request = try Requests.mixed(for: TestFiles.tales)[0]
                let expected = try await References.shared.answers(of: TestFiles.tales)[0]
                #expect(try await cluster.client.generate(request).answer() == expected)
            }
        }
    }
}
