// Responsible for: a coordinator and workers as processes of this machine, each with a cache of its own.
// Must not know: what is tested on them.
import Foundation
import Testing

/// Tests with processes run one after the other: they share few cores, and silence of a second means that one is lost.
@Suite("Commands", .serialized) enum CommandTests {}

/// What `tandem status --json` says, as far as tests look at it.
struct Status: Decodable {
    struct Layers: Decodable, Equatable {
        var first: Int
        var last: Int
    }
    struct Worker: Decodable {
        var pid: Int32
        var layers: Layers?
        var state: String
        var transferredBytes: Int
        var cachedBytes: Int
        var residentBytes: Int
        var memoryBytes: Int
        var weightBytes: Int
        var kvBytes: Int
    }
    struct Request: Decodable { var state: String }
    struct Pipeline: Decodable {
        var promptTokenCount: Int
        var reusedTokens: Int
        var finishedRequests: Int
    }

    var isServing: Bool
    var explanation: String
    var workers: [Worker]
    var requests: [Request]
    var kvBlocksTotal: Int
    var kvBlocksFree: Int
    var pipeline: Pipeline
    struct Standby: Decodable {
        var isFollowing: Bool
        var electors: Int
    }
    var term: Int
    var isStandby: Bool
    var standby: Standby?
}

/// What `--json` of an answer says.
struct Answer: Decodable, Equatable {
    struct Candidate: Decodable, Equatable {
        var token: Int
        var logprob: Float?
    }
    struct Token: Decodable, Equatable {
        var token: Int
        var logprob: Float?
        var top: [Candidate]
    }
    var promptTokens: [Int]
    var tokens: [Int]
    var text: String?
    var finishReason: String
    var logprobs: [Token]
}

func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: Data(text.utf8))
}

/// A cluster that ends with its last reference.
final class LocalCluster {
    let coordinator: TandemProcess
    /// HOST:PORT#KEY#TOKEN, as the coordinator prints it.
    let line: String
    /// HOST:PORT.
    let address: String
    let folder: TemporaryFolder
    var workers: [TandemProcess] = []
    var workerFolders: [TemporaryFolder] = []

    /// Starts a coordinator, on a free port unless one is given.
    init(model: String = Place.tales, listen: String = "tcp://127.0.0.1:0", _ arguments: String...) async throws {
        folder = try TemporaryFolder()
        coordinator = try TandemProcess(
            ["coordinator", "--model", model, "--listen", listen, TandemProcess.endsWithStandardInput]
                + arguments, cache: folder)
        let process = coordinator
        let isUp = await eventually { process.outputSoFar.contains("\n") || !process.isRunning }
        try #require(isUp && process.isRunning, "\(process.talkSoFar)")
        let words = process.outputSoFar.split(whereSeparator: \.isWhitespace)
        line = String(words[3])
        address = String(line.prefix { $0 != "#" })
    }

    /// Starts a worker of the same user, with a new empty cache unless one is given.
    @discardableResult
    func join(_ arguments: String..., cache: TemporaryFolder? = nil) throws -> TandemProcess {
        let folder = try cache ?? TemporaryFolder()
        let worker = try TandemProcess(
            ["worker", "--join", address, "--threads", "1", TandemProcess.endsWithStandardInput]
                + arguments, cache: folder, state: self.folder)
        workers.append(worker)
        workerFolders.append(folder)
        return worker
    }

    /// Joins `count` workers and waits until the cluster serves.
    func join(count: Int) async throws {
        for _ in 0..<count { try join() }
        try await waitUntilServing(workers: count)
    }

    /// Waits until the cluster serves with so many members.
    func waitUntilServing(workers count: Int) async throws {
        _ = try await status { status in
            status.isServing && status.workers.count == count && status.workers.allSatisfy { $0.state == "ready" }
        }
    }

    /// The state once `condition` holds; fails the test where it does not come.
    func status(once condition: (Status) -> Bool) async throws -> Status {
        var last: Status?
        let isThere = try await eventually(every: .milliseconds(200)) {
            let now = try await status()
            last = now
            return condition(now)
        }
        return try #require(isThere ? last : nil, "\(String(describing: last)) \(allSaid)")
    }

    /// What its processes said so far, and which of them are still there.
    private var allSaid: String {
        ([coordinator] + workers).map { "\($0.isRunning ? "runs" : "ended"): \($0.talkSoFar)" }.joined(separator: "\n")
    }

    func status() async throws -> Status {
        let outcome = try await tandem("status", "--coordinator", address, "--json", cache: folder)
        // 3: it does not serve.
        try #require(
            outcome.status == 0 || outcome.status == 3,
            "\(outcome) running: \(coordinator.isRunning) \(coordinator.talkSoFar)")
        let status = try decode(Status.self, outcome.output)
        try #require(status.isServing == (outcome.status == 0))
        return status
    }

    /// Starts `tandem generate`.
    func generate(_ arguments: String...) throws -> TandemProcess {
        try TandemProcess(["generate", "--coordinator", address] + arguments, cache: folder)
    }

    /// The answer to a request, as `--json` prints it.
    func answer(_ arguments: String...) async throws -> Answer { try await answer(arguments) }

    func answer(_ arguments: [String]) async throws -> Answer {
        let outcome = try await TandemProcess(
            ["generate", "--coordinator", address, "--json"] + arguments, cache: folder
        ).wait()
        try #require(outcome.status == 0, "\(outcome.talk)")
        return try decode(Answer.self, outcome.output)
    }
}

/// The answer of one process.
func reference(model: String = Place.tales, _ arguments: String...) async throws -> Answer {
    try await reference(model: model, arguments)
}

func reference(model: String = Place.tales, _ arguments: [String]) async throws -> Answer {
    let outcome = try await TandemProcess(
        ["run", "--model", model, "--json"] + arguments, cache: TemporaryFolder()
    ).wait()
    try #require(outcome.status == 0, "\(outcome.talk)")
    return try decode(Answer.self, outcome.output)
}
