// Responsible for: the cluster that a benchmark starts on this machine for itself: its flags, its model, its processes.
// Must not know: what is measured on it.
import ArgumentParser
import Foundation
import Node

/// The flags that name a running cluster or describe one to start.
struct BenchClusterFlags: ParsableArguments {
    @Option(help: "Use the running cluster of this coordinator.") var coordinator: String?
    @Option(help: "Start so many workers, and a coordinator (default: 2).") var workers: Int?
    @Option(name: .shortAndLong, help: "A GGUF file or a Hugging Face folder (default: a synthetic model).")
    var model: String?
    @Option(help: "The shape of the synthetic model (default: llama-1b).") var shape: String?
    @Option(help: "The type of its weights, as in `tandem quantize` (default: q8_0).") var type: String?
    @Option(help: "Cut it to so many layers.") var layers: Int?
    @Option(help: "The seed of its weights (default: 1).") var seed: UInt64?
    @Option(help: "Threads of each worker (default: the cores shared among the workers).") var threads: Int?
    @Option(help: "The longest prompt and answer together (default: what the load needs; 4096 at most for a trace).")
    var context: Int?
    @Option(help: "Whole contexts that there is memory for (default: the highest concurrency; 16 for a trace).")
    var parallel: Int?
    @Option(help: "Tokens of a prompt computed in one step.") var chunk: Int?
    @Option(help: "Layers of each worker, as 0-3,4-11.") var split: String?
    @Option(help: "Whether answers are guessed ahead, on or off (default: on).") var speculate: String?
    @Option(
        help: "Workers wait so long for each step instead of computing it: it shows the scheduling alone.")
    var simulateStageMilliseconds: Double?

    /// Refuses flags that contradict each other.
    func validateFlags() throws(NodeError) {
        if model != nil && (shape != nil || type != nil || layers != nil || seed != nil) {
            throw NodeError(
                "--shape, --type, --layers and --seed make a model, but --model names one",
                hint: "leave out --model, or the others")
        }
        if simulateStageMilliseconds != nil && (model != nil || shape != nil || type != nil || layers != nil) {
            throw NodeError(
                "--simulate-stage-milliseconds pretends to compute, but --model, --shape, --type or --layers names "
                    + "a real model", hint: "leave out one of them")
        }
        if let workers, !(1...64).contains(workers) {
            throw NodeError("--workers is \(workers), but must be between 1 and 64")
        }
        if let milliseconds = simulateStageMilliseconds, !(milliseconds >= 0 && milliseconds <= 60_000) {
            throw NodeError("--simulate-stage-milliseconds is \(milliseconds), but must be between 0 and 60000")
        }
        guard coordinator != nil else { return }
        let own: [(String, Bool)] = [
            ("--workers", workers != nil), ("--shape", shape != nil), ("--type", type != nil),
            ("--layers", layers != nil), ("--seed", seed != nil), ("--threads", threads != nil),
            ("--context", context != nil), ("--chunk", chunk != nil), ("--split", split != nil),
            ("--simulate-stage-milliseconds", simulateStageMilliseconds != nil), ("--speculate", speculate != nil),
        ]
        if let flag = own.first(where: \.1)?.0 {
            throw NodeError(
                "\(flag) is of a cluster that is started here, but --coordinator names a running one",
                hint: "leave out one of them")
        }
    }

    /// The milliseconds as a flag's value: whole numbers without a point.
    var simulatedText: String? {
        simulateStageMilliseconds.map { $0 == $0.rounded() ? String(Int($0)) : String($0) }
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
        } else if let path = flags.model {
            model = try BenchmarkModel(path: path)
        } else {
            let folder = NSTemporaryDirectory() + "tandem-bench-\(MachineDescription.processID)"
            self.folder = folder
            environment["XDG_CACHE_HOME"] = folder
            model = try BenchmarkModel(
                shape: flags.shape ?? "llama-1b", type: flags.type ?? "q8_0", layers: flags.layers,
                seed: flags.seed ?? 1)
        }
        family = ChildFamily(environment: environment)
        let most = options.trace == nil ? Int.max : min(model.contextLength, LoadedModel.defaultContextLength)
        var arguments = ["--listen", "tcp://127.0.0.1:0", "--min-workers", "\(workers)"]
        arguments += ["--context", "\(flags.context ?? min(options.wantedContext, most))"]
        arguments += ["--parallel", "\(flags.parallel ?? options.wantedConcurrency)"]
        if let chunk = flags.chunk { arguments += ["--chunk", "\(chunk)"] }
        if let split = flags.split { arguments += ["--split", split] }
        if let speculate = flags.speculate { arguments += ["--speculate", speculate] }
        coordinatorArguments = arguments
    }

    /// Starts the processes and waits until they serve. Throws where one of them ends.
    func start() async throws -> BenchmarkedCluster {
        let model = flags.simulateStageMilliseconds == nil ? try ["--model", modelPath()] : []
        try Task.checkCancellation()
        Terminal.say("starting a coordinator and \(workers) worker\(workers == 1 ? "" : "s")")
        let line = try family.startCoordinator((model.isEmpty ? ["--simulate"] : model) + coordinatorArguments)
        guard let line else { throw ExitCode(1) }  // it has said why
        var arguments = model
        arguments += ["--threads", "\(flags.threads ?? max(1, MachineDescription.coreCount / workers))"]
        if let text = flags.simulatedText { arguments += ["--simulate-stage-milliseconds", text] }
        for _ in 0..<workers { try family.startWorker(line, arguments) }
        try await waitUntilServing(CoordinatorClient(address: line.address))
        var cluster = BenchmarkedCluster(address: line.address)
        (cluster.type, cluster.vocabularySize) = (self.model.type, self.model.vocabularySize)
        cluster.simulatedStageMilliseconds = flags.simulateStageMilliseconds
        return cluster
    }

    /// Says every few seconds what the cluster waits for.
    private func waitUntilServing(_ client: CoordinatorClient) async throws {
        var lastSaid = ContinuousClock.now
        while true {
            guard family.isComplete else {
                throw NodeError("a process of the cluster ended before it served", hint: "look at what it said above")
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
        guard let folder else { return flags.model ?? "" }
        let path = folder + "/model.gguf"
        Terminal.say("writing \(model.name) to \(path)")
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw NodeError("\(folder) cannot be made", hint: "name another folder with TMPDIR")
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
