// Responsible for: `tandem worker`: assemble a worker node from flags and run it until a signal.
import ArgumentParser
import Node
import Sequences

struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Compute some of the layers for a coordinator.",
        discussion: """
            The coordinator sends what this worker needs of the model, once; it is kept under \
            ~/.cache/tandem. Examples:
              tandem worker --join 192.0.2.1:7070#KEY#TOKEN
              tandem worker --join 127.0.0.1:7070 --memory 4GiB --threads 8
              tandem worker --join 127.0.0.1:7070 --model model.gguf   (reads its own copy)
              tandem worker --join 127.0.0.1:7070 --simulate-stage-milliseconds 5
            """)

    @Option(
        help: ArgumentHelp(
            """
            The coordinator's address, key and a token, as in the line that it prints; the address alone once admitted, \
            and on the coordinator's own machine (default: the service's credential `join`, else the coordinator joined \
            last, else this machine's). With commas, those that may take its place as well.
            """,
            valueName: "host:port[#key[#token]]"),
        transform: ValueReader.addresses(.join))
    var join: String?
    @Option(
        help: "Memory this worker may use, as 4GiB or 512MiB (default: what is free).", transform: ValueReader.memory)
    var memory: Int?
    @Option(help: "Threads that compute (default: one per core).") var threads: Int?
    @Option(name: .shortAndLong, help: "A copy of the coordinator's model on this host, read instead of a transfer.")
    var model: ModelArgument?
    @Option(
        help: ArgumentHelp(
            "Compute nothing, but take so long for each step: measures scheduler and transport.", valueName: "ms"))
    var simulateStageMilliseconds: Double?
    @Option(help: ArgumentHelp("And so much for each token of a step beyond the first.", valueName: "microseconds"))
    var simulateTokenMicroseconds: Double?
    @Option(
        help: ArgumentHelp(
            """
            Where other workers reach this host, if not at the address that leads to the coordinator; with the port there, \
            if another is handed on to this worker's.
            """,
            valueName: "host[:port]"))
    var advertise: String?
    @OptionGroup var check: CheckFlag
    @Option(
        help: ArgumentHelp(
            "Where it listens for the stage before it (default: 7080, or the next free one).", valueName: "n"),
        transform: ValueReader.number(.dataPort, to: 65_535, as: 7080))
    var dataPort: Int?
    @Option(help: "Seconds that layers, with keys and values, are held for a coordinator that is gone.")
    var leaseSeconds: Int = WorkerOptions.defaultLeaseSeconds
    @Option(
        help:
            "Seconds to wait after SIGTERM or Ctrl-C until other workers have its layers; a second one ends it at once."
    )
    var drainSeconds: Int = 30
    @OptionGroup var health: HealthFlag
    @OptionGroup var state: StateFlag
    @OptionGroup var security: InsecureFlag
    @OptionGroup var logs: LogFlags
    @Flag(name: .customLong("exit-with-stdin"), help: .hidden) var exitsWithStandardInput = false

    func run() async throws {
        var options = try self.options(join: join ?? JoinCredential.text(state.folder))
        options.modelPath = try model?.path
        if exitsWithStandardInput { exitWithStandardInput() }
        let log = try logs.logger("worker")
        let progress = Progress()
        let supervision = health.supervision
        let node = try WorkerNode(options, log: log, supervisor: supervision.supervisor) { label, done, total in
            progress.update(label, done: done, total: total)
        }
        try await runUntilSignal(node, supervision, log: log) { node.leaveNow() }
    }

    /// All but the model, which is looked for.
    private func options(join: String) -> WorkerOptions {
        var options = WorkerOptions(join: join)
        options.memoryBytes = memory
        options.threads = threads
        options.simulatedStageMilliseconds = simulateStageMilliseconds
        options.simulatedTokenMicroseconds = simulateTokenMicroseconds
        options.advertise = advertise
        options.isInsecure = security.insecure
        options.state = state.folder
        options.dataPort = dataPort
        options.leaseSeconds = leaseSeconds
        options.checksLayers = check.check
        options.drainSeconds = drainSeconds
        return options
    }
}

extension WorkerCommand: SettingsCheckable {
    func checkSettings() throws(TandemError) { try options(join: join ?? CoordinatorOptions.defaultListen).validate() }
}
