// Responsible for: `tandem coordinator`: assemble a coordinator node from flags and run it until a signal.
import ArgumentParser
import Foundation
import Logging
import Node
import Sequences
import ServiceLifecycle

struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Serve a model on the workers that join.",
        discussion: """
            Prints the line that joins a worker, on stdout. Other hosts can join with \
            --listen '*'; --simulate is for workers with --simulate-stage-milliseconds. \
            Examples:
              tandem coordinator --model model.gguf
              tandem coordinator --model model.gguf --min-workers 2 --context 8192
              tandem coordinator --model model.gguf --split 0-3,4-11
              tandem coordinator --model model.gguf --parallel 16 --queue 1000
              tandem coordinator --model model.gguf --listen '*'
              tandem coordinator --model model.gguf --standby-of 192.0.2.1:7070#KEY#TOKEN
              tandem coordinator --simulate
            """)

    @Option(name: .shortAndLong, help: ModelArgument.help) var model: ModelArgument?
    @Flag(help: "Serve no model, for workers that only pretend to compute: measures everything else.")
    var simulate = false
    @OptionGroup var quantization: QuantizationFlag
    @OptionGroup var keyValues: KeyValueTypeFlag
    @OptionGroup var listening: ListenFlags
    @Option(
        help: ArgumentHelp(
            "Where other hosts reach this one, if not at the address by which it reaches them.", valueName: "address"))
    var advertise: String?
    @Option(
        help: "Layers of each worker in the order of joining, as 0-3,4-11 (default: chosen by speed and memory).",
        transform: ValueReader.split)
    var split: String?
    @Option(help: "Begin to serve when this many workers have joined.") var minWorkers: Int?
    @Option(help: "The longest prompt and answer together, in tokens (default: what the model allows, up to 4096).")
    var context: Int?
    @OptionGroup var serving: ServingFlags
    @Option(help: "Seconds a request may wait while no workers can serve it.") var waitSeconds: Int = 120
    @Option(help: "Seconds that answers may go on after SIGTERM or Ctrl-C; new requests are refused then.")
    var drainSeconds: Int = 30
    @Option(
        help: """
            Whether requests that were accepted are written down in the state folder, so that they go on after a restart on \
            the same port.
            """)
    var journal = Switch.on
    @Option(
        help: ArgumentHelp(
            """
            Follow this coordinator, and take its place when it is gone; with the line that `tandem token create --role \
            standby` prints on its host. The model must be the same, and the state folder another one.
            """, valueName: "host:port[#key[#token]]"),
        transform: ValueReader.address(.standbyOf))
    var standbyOf: String?
    @Flag(help: "Tell clients that a request is accepted only when the standby has it, too.") var syncStandby = false
    @OptionGroup var health: HealthFlag
    @OptionGroup var state: StateFlag
    @OptionGroup var security: InsecureFlag
    @OptionGroup var logs: LogFlags
    @Flag(name: .customLong("exit-with-stdin"), help: .hidden) var exitsWithStandardInput = false

    func run() async throws {
        var options = try self.options()
        options.modelPath = try model?.path
        // What a service or a container says goes to a log, which is read by more people than a terminal.
        let environment = ProcessInfo.processInfo.environment
        options.printsToken = environment["JOURNAL_STREAM"] == nil && environment["CREDENTIALS_DIRECTORY"] == nil
        if exitsWithStandardInput { exitWithStandardInput() }
        let log = try logs.logger("coordinator")
        let progress = Progress()
        let supervision = health.supervision
        let node = try CoordinatorNode(options, log: log, supervisor: supervision.supervisor) { done, total in
            progress.update("reading the model", done: done, total: total)
        }
        progress.end()
        Terminal.warn(node.notices)
        if standbyOf == nil {
            Terminal.put("tandem worker --join \(node.join)\(security.insecure ? " --insecure" : "")\n")
        }
        let storage = simulate ? "" : ", keys and values in \(node.keyValueType)"
        log.info("model \(node.modelName)\(storage); \(advice(node)); Ctrl-C stops")
        try await runUntilSignal(node, supervision, log: log)
    }

    /// What to do with the join line.
    private func advice(_ node: CoordinatorNode) -> String {
        if let standbyOf { return "standby of \(standbyOf.prefix { $0 != "#" }), itself at \(node.address)" }
        if node.isLoopback {
            return "only this machine can reach it: with --listen '*' workers of other hosts can join by the line above"
        }
        if node.join.token == nil && !security.insecure {
            return "`tandem token create` makes the line that joins a worker"
        }
        return "paste the line above on other hosts\(security.insecure ? "" : ": it admits workers for a day")"
    }

    /// All but the model, which is looked for.
    private func options() throws(TandemError) -> CoordinatorOptions {
        var options = CoordinatorOptions()
        options.isSimulated = simulate
        options.quantization = quantization.quantize
        options.keyValueType = keyValues.keyValueType
        options.listen = try listening.endpoint()
        options.advertise = advertise
        if let split { options.split = try LayerSplit.parse(split) }
        options.minimumWorkers = minWorkers
        options.contextLength = context
        serving.apply(to: &options)
        options.waitSeconds = waitSeconds
        options.drainSeconds = drainSeconds
        options.keepsJournal = journal.isOn
        options.standbyOf = standbyOf
        options.awaitsStandby = syncStandby
        options.isInsecure = security.insecure
        options.state = state.folder
        return options
    }
}

extension CoordinatorCommand: SettingsCheckable {
    func checkSettings() throws(TandemError) { try options().check() }
}
