// Responsible for: `tandem up`: a coordinator and its workers as child processes of one terminal, stopped together.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences

struct UpCommand: AsyncParsableCommand, SettingsCheckable {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Start a coordinator and N workers on this machine.",
        discussion: """
            Ctrl-C stops all of them. Without --model it serves SmolLM2 where the model \
            store has it (Deploy/fetch-model smollm2), else the small model that comes with \
            Tandem.
            Examples:
              tandem up
              tandem up --model model.gguf --workers 2
              tandem up --model model.gguf --workers 3 --split 0-3,4-7,8-11
            """)

    @Option(name: .shortAndLong, help: "\(ModelArgument.forms) (default: see above).")
    var model: ModelArgument?
    @OptionGroup var quantization: QuantizationFlag
    @OptionGroup var keyValues: KeyValueTypeFlag
    @Option(help: "How many workers.") var workers: Int = 2
    @OptionGroup var listening: ListenFlags
    @Option(help: "Layers of each worker, as 0-3,4-11.", transform: ValueReader.split) var split: String?
    @Option(help: "The longest prompt and answer together, in tokens.") var context: Int?
    @OptionGroup var serving: ServingFlags
    @Option(help: "Threads of each worker (default: the cores shared among the workers).") var threads: Int?
    @OptionGroup var check: CheckFlag
    @OptionGroup var state: StateFlag
    @OptionGroup var security: InsecureFlag
    @OptionGroup var logs: LogFlags

    func run() async throws {
        try ChildFamily.checkWorkers(workers)
        let model = try servedModel()
        var arguments = ["--model", model.path, "--min-workers", "\(workers)"]
        arguments += listening.arguments + serving.arguments
        if let type = quantization.quantize { arguments += ["--quantize", type] }
        if let type = keyValues.keyValueType { arguments += ["--kv-type", type] }
        if let split { arguments += ["--split", split] }
        if let context { arguments += ["--context", "\(context)"] }
        arguments += state.arguments + security.arguments + logs.arguments
        let family = ChildFamily()
        defer { family.stop() }
        let interrupt = Interrupt { family.requestStop() }
        defer { interrupt.stop() }

        guard let line = try family.startCoordinator(arguments) else {
            throw family.coordinatorStatus()  // it has said why
        }
        Terminal.put(line.text + "\n")
        if let starter = model.starter { Terminal.say(Self.introduction(of: starter, at: line.address)) }
        try family.startWorkers(
            workers, line, threads: threads,
            ["--model", model.path] + state.arguments + check.arguments + logs.arguments)
        if await family.waitForEnd() == .failed { throw ExitStatus.failure.code }
    }

    func checkSettings() throws(TandemError) {
        try ChildFamily.checkWorkers(workers)
        _ = try MachineDescription.threadCount(threads)
        var options = CoordinatorOptions()
        options.listen = try listening.endpoint()
        serving.apply(to: &options)
        try options.check()
    }

    /// The model that is named, else one to begin with.
    private func servedModel() throws(TandemError) -> (path: String, starter: StarterModel?) {
        if let model { return (try model.path, nil) }
        let starter = try ModelStore.standard.starter()
        return (starter.path, starter.model)
    }

    /// Which model serves, what to ask it, and how to get the better one where this is not it.
    private static func introduction(of model: StarterModel, at address: String) -> String {
        let place = "tcp://\(address)" == CoordinatorOptions.defaultListen ? "" : " --coordinator tcp://\(address)"
        let question = "tandem generate\(place) --prompt \"\(model.prompt)\" --seed \(model.seed)"
        return [
            "no --model: \(model.name) serves, which \(model.ability)",
            model == .smolLM2 ? nil : StarterModel.advice + ", which \(StarterModel.smolLM2.ability)",
            "ask it: \(question) --temperature \(model.temperature)",
        ].compactMap { $0 }.joined(separator: "\n")
    }
}
