// Responsible for: the cluster that a benchmark starts on this machine for itself: its flags, its model, its processes.
// Must not know: what is measured on it.
import ArgumentParser
import Bench
import Foundation
import Generation
import Node
import Sequences

/// The flags that name a running cluster or describe one to start.
struct BenchClusterFlags: ParsableArguments {
    @Option(
        help: "Use the running cluster of this coordinator.", transform: ValueReader.address(.coordinator))
    var coordinator: String?
    @OptionGroup var state: StateFlag
    @OptionGroup var security: InsecureFlag
    @Option(help: "Start so many workers, and a coordinator (default: 2).") var workers: Int?
    @OptionGroup var made: BenchedModelFlags
    @Option(help: "Threads of each worker (default: the cores shared among the workers).") var threads: Int?
    @Option(help: "The longest prompt and answer together (default: what the load needs; 4096 at most for a trace).")
    var context: Int?
    @Option(help: "Whole contexts that there is memory for (default: the highest concurrency; 16 for a trace).")
    var parallel: Int?
    @Option(help: "Tokens of a prompt computed in one step.") var chunk: Int?
    @Option(help: "Layers of each worker, as 0-3,4-11.", transform: ValueReader.split) var split: String?
    @Option(help: "Whether answers are guessed ahead (default: on).") var speculate: Switch?
    @Option(
        help: "Workers wait so long for each step instead of computing it: it shows the scheduling alone.")
    var simulateStageMilliseconds: Double?

    /// How the cluster is reached.
    func apply(to cluster: inout BenchmarkedCluster) {
        cluster.state = state.folder
        cluster.isInsecure = security.insecure
    }

    /// Refuses flags that contradict each other.
    func validateFlags() throws(TandemError) {
        try made.check()
        if simulateStageMilliseconds != nil && made.isGiven {
            throw TandemError(
                "\(.simulatedStageMilliseconds) pretends to compute, but \(.model), --shape, --type, --layers or --seed "
                    + "is of a real model", hint: "leave out one of them")
        }
        if let workers { try ChildFamily.checkWorkers(workers) }
        if let milliseconds = simulateStageMilliseconds, !(milliseconds >= 0 && milliseconds <= 60_000) {
            throw TandemError("\(.simulatedStageMilliseconds) is \(milliseconds), but must be between 0 and 60000")
        }
        guard coordinator != nil else { return }
        let own: [(String, Bool)] = [
            ("--workers", workers != nil), ("--shape", made.shape != nil), ("--type", made.type != nil),
            ("--layers", made.layers != nil), ("--seed", made.seed != nil), ("--threads", threads != nil),
            ("--context", context != nil), ("--chunk", chunk != nil), ("--split", split != nil),
            ("--simulate-stage-milliseconds", simulateStageMilliseconds != nil), ("--speculate", speculate != nil),
        ]
        if let flag = own.first(where: \.1)?.0 {
            throw TandemError(
                "\(flag) is of a cluster that is started here, but \(.coordinator) names a running one",
                hint: "leave out one of them")
        }
    }
}

/// A coordinator and workers of this executable, with a model that may be made for them.
final class OwnCluster {
    private let flags: BenchClusterFlags
    private let model: BenchmarkModel
    private let coordinatorArguments: [String]
    private let workers: Int
    private let family: ChildFamily
    /// Holds a synthetic model and what is cached of it.
    private var folder: String?

    /// Opens the model; starts nothing.
    init(_ flags: BenchClusterFlags, _ options: ClusterBenchmarkOptions) throws {
        self.flags = flags
        workers = flags.workers ?? 2
        var environment = ["TANDEM_LOG": ProcessInfo.processInfo.environment["TANDEM_LOG"] ?? "error"]
        if flags.simulateStageMilliseconds != nil {
            model = .simulated
        } else {
            if flags.made.model == nil {
                let folder = NSTemporaryDirectory() + "tandem-bench-\(MachineDescription.processID)"
                self.folder = folder
                environment["XDG_CACHE_HOME"] = folder
            }
            var options = ModelBenchmarkOptions()
            try flags.made.apply(to: &options)
            model = try BenchmarkModel(options)
        }
        family = ChildFamily(environment: environment)
        let most = options.trace == nil ? Int.max : min(model.contextLength, LoadedModel.defaultContextLength)
        var arguments = ["--listen", "tcp://127.0.0.1:0", "--min-workers", "\(workers)"]
        arguments += ["--context", "\(flags.context ?? min(options.wantedContext, most))"]
        arguments += ["--parallel", "\(flags.parallel ?? options.wantedConcurrency)"]
        if let chunk = flags.chunk { arguments += ["--chunk", "\(chunk)"] }
        if let split = flags.split { arguments += ["--split", split] }
        if let speculate = flags.speculate { arguments += ["--speculate", speculate.rawValue] }
        coordinatorArguments = arguments + flags.state.arguments + flags.security.arguments
    }

    /// Starts the processes and waits until they serve. Throws where one of them ends.
    func start() async throws -> BenchmarkedCluster {
        let model = flags.simulateStageMilliseconds == nil ? try ["--model", modelPath()] : []
        try Task.checkCancellation()
        Terminal.say("starting a coordinator and \(workers) worker\(workers == 1 ? "" : "s")")
        let line = try family.startCoordinator((model.isEmpty ? ["--simulate"] : model) + coordinatorArguments)
        guard let line else { throw family.coordinatorStatus() }  // it has said why
        var arguments = model
        if let milliseconds = flags.simulateStageMilliseconds {
            arguments += ["--simulate-stage-milliseconds", "\(milliseconds)"]
        }
        arguments += flags.state.arguments
        try family.startWorkers(workers, line, threads: flags.threads, arguments)
        var cluster = BenchmarkedCluster(address: line.address)
        flags.apply(to: &cluster)
        try await waitUntilServing(cluster.client())
        (cluster.type, cluster.vocabularySize) = (self.model.type, self.model.vocabularySize)
        cluster.simulatedStageMilliseconds = flags.simulateStageMilliseconds
        return cluster
    }

    /// Says every few seconds what the cluster waits for.
    private func waitUntilServing(_ client: CoordinatorClient) async throws {
        var lastSaid = ContinuousClock.now
        while true {
            guard family.isComplete else {
                throw TandemError("a process of the cluster ended before it served", hint: "look at what it said above")
            }
            let status = try await client.status()
            if status.isServing { return }
            if lastSaid.duration(to: .now) > .seconds(5) {
                Terminal.say(status.explanation)
                lastSaid = .now
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func modelPath() throws -> String {
        guard let folder else { return try flags.made.model?.path ?? "" }
        let path = folder + "/model.gguf"
        Terminal.say("writing \(model.name) to \(path)")
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw TandemError("\(folder) cannot be made", hint: "name another folder with TMPDIR")
        }
        try model.write(to: path) { !Task.isCancelled }
        return path
    }

    /// Ends the processes and removes what was written.
    func stop() {
        family.stop()
        if let folder { try? FileManager.default.removeItem(atPath: folder) }
    }
}
