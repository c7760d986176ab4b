// Responsible for: a coordinator and workers inside this process, over TCP on free ports, each worker with a cache of
// its own. Must not know: what is tested on them.
import Foundation
import Generation
import Logging
import Sequences
import ServiceLifecycle
import Testing

@testable import GenerationTests
@testable import Node

/// A node that runs until it is stopped.
final class RunningNode: Sendable {
    private let group: ServiceGroup
    private let task: Task<Void, any Error>

    init(_ node: some Service) {
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: node, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: TestCluster.quiet))
        self.group = group
        task = Task { try await group.run() }
    }

    /// Ends it and waits for its end. Throws what the node threw.
    func stop() async throws {
        await group.triggerGracefulShutdown()
        try await task.value
    }

    /// Waits until it ends by itself.
    func end() async throws { try await task.value }
}

/// One coordinator and the workers that joined it.
actor TestCluster {
    static let quiet: Logger = {
        var logger = Logger(label: "node tests")
        let level = ProcessInfo.processInfo.environment["TANDEM_TEST_LOG"].flatMap(Logger.Level.init(rawValue:))
        logger.logLevel = level ?? .critical
        return logger
    }()

    /// How long tests wait for what only needs to come: minutes, for machines are busy.
    static let patience = Duration.seconds(300)

    nonisolated let address: String
    /// Of the coordinator, its workers and its clients.
    nonisolated let state: StateFolder
    private let stateFolder: TemporaryFolder
    nonisolated let client: CoordinatorClient
    /// The coordinator's own, without a connection between.
    nonisolated let generations: GenerationService
    private var nodes: [RunningNode] = []

    private init(_ options: CoordinatorOptions) throws {
        var options = options
        options.listen = "tcp://127.0.0.1:0"
        stateFolder = try TemporaryFolder()
        state = StateFolder(stateFolder.path)
        options.state = state
        let node = try CoordinatorNode(options, log: Self.quiet)
        address = node.address
        generations = node.generations
        client = try CoordinatorClient(address: address, state: state)
        nodes = [RunningNode(node)]
    }

    /// Runs `body` with a cluster of `workers` workers, then stops it.
    static func with<Value: Sendable>(
        _ options: CoordinatorOptions, workers: Int, _ body: (TestCluster) async throws -> Value
    ) async throws -> Value {
        let cluster = try TestCluster(options)
        let result: Result<Value, any Error>
        do {
            for _ in 0..<workers { try await cluster.join() }
            result = .success(try await body(cluster))
        } catch { result = .failure(error) }
        try await cluster.stop()
        return try result.get()
    }

    /// Starts a worker with an empty cache, or with `cache`; one that only pretends to compute with `simulating`.
    @discardableResult
    func join(
        cache: TemporaryFolder? = nil, model: String? = nil, simulating milliseconds: Double? = nil,
        drainSeconds: Int = 0
    ) throws -> RunningNode {
        let folder = try cache ?? TemporaryFolder()
        var options = WorkerOptions(join: address)
        options.memoryBytes = 1 << 30
        options.ledgerFolder = folder.file("ledger")
        options.threads = 1
        options.modelPath = model
        options.simulatedStageMilliseconds = milliseconds
        options.cacheFolder = folder.path
        options.state = state
        options.dataPort = 0
        options.drainSeconds = drainSeconds
        // The folder lives as long as the worker: its closure holds it.
        let node = RunningNode(try WorkerNode(options, log: Self.quiet) { _, _, _ in withExtendedLifetime(folder) {} })
        nodes.append(node)
        return node
    }

    /// Another client, with sockets of its own.
    nonisolated func newClient() throws(TandemError) -> CoordinatorClient {
        try CoordinatorClient(address: address, state: state)
    }

    /// The workers first, so that the coordinator sees them leave. Those stopped before stay stopped.
    private func stop() async throws {
        for node in nodes.reversed() { try await node.stop() }
        nodes = []
    }

    /// The state of the cluster once `condition` holds; fails the test where it does not come.
    nonisolated func status(
        _ what: String, _ condition: (ClusterStatus) -> Bool
    ) async throws -> ClusterStatus {
        let deadline = ContinuousClock.now + Self.patience
        var status = try await client.status()
        while !condition(status) {
            try #require(ContinuousClock.now < deadline, "\(what) does not come; the last state is \(status)")
            try await Task.sleep(for: .milliseconds(30))
            status = try await client.status()
        }
        return status
    }

    /// The state once the cluster serves.
    nonisolated func serving() async throws -> ClusterStatus { try await status("service") { $0.isServing } }

    /// The state once no request holds anything.
    nonisolated func idle() async throws -> ClusterStatus {
        try await status("the end of all requests") { $0.requests.isEmpty && $0.kvBlocksFree == $0.kvBlocksTotal }
    }
}

/// All of an answer but its timings.
struct Answer: Sendable, Equatable {
    var promptTokens: [Int32] = []
    var droppedMessages = 0
    var tokens: [SampledToken] = []
    var reasoning = ""
    /// nil: the model has no tokenizer.
    var text: String?
    var reason: FinishReason?
    var scores: [Float] = []

    mutating func add(_ event: GenerationEvent) {
        switch event {
        case .accepted(_, let tokens, let dropped): (promptTokens, droppedMessages) = (tokens, dropped)
        case .waiting, .notice: break
        case .reasoning(let more, let piece):
            tokens += more
            reasoning += piece
        case .tokens(let more, let piece):
            tokens += more
            if let piece { text = (text ?? "") + piece }
        case .scores(let values): scores += values
        case .finished(let reason, _): self.reason = reason
        }
    }
}

extension Generation {
    /// The whole answer.
    func answer() async throws -> Answer {
        var answer = Answer()
        for try await event in events { answer.add(event) }
        return answer
    }
}

/// Something did not happen in time.
struct TimedOut: Error {}

/// Throws `TimedOut` where `body` takes longer; it is cancelled then.
func within<Value: Sendable>(
    _ time: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: time)
            throw TimedOut()
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw TimedOut() }
        return value
    }
}
