// Responsible for: `tandem up`: a coordinator and its workers as child processes of one terminal, stopped together.
import ArgumentParser
import Foundation
import Node

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Start a coordinator and N workers on this machine.",
        discussion: """
            Ctrl-C stops all of them. Examples:
              tandem up --model model.gguf --workers 2
              tandem up --model model.gguf --workers 3 --split 0-3,4-7,8-11
            """)

    @Option(name: .shortAndLong, help: "A GGUF file or a Hugging Face folder.") var model: String
    @OptionGroup var quantization: QuantizationFlag
    @OptionGroup var keyValues: KeyValueTypeFlag
    @Option(help: "How many workers.") var workers: Int = 2
    @Option(help: "Where clients connect; port 0 takes a free one.") var listen = CoordinatorOptions.defaultListen
    @Option(help: "Layers of each worker, as 0-3,4-11.") var split: String?
    @Option(help: "The longest prompt and answer together, in tokens.") var context: Int?
    @OptionGroup var serving: ServingFlags
    @Option(help: "Threads of each worker (default: the cores shared among the workers).") var threads: Int?
    @OptionGroup var check: CheckFlag
    @Flag(help: "Allow listening beyond this machine although links are not encrypted.") var insecure = false

    func run() async throws {
        try ChildFamily.checkWorkers(workers)
        var arguments = ["--model", model, "--listen", listen, "--min-workers", "\(workers)"] + serving.arguments
        if let type = quantization.quantize { arguments += ["--quantize", type] }
        if let type = keyValues.keyValueType { arguments += ["--kv-type", type] }
        if let split { arguments += ["--split", split] }
        if let context { arguments += ["--context", "\(context)"] }
        if insecure { arguments.append("--insecure") }
        let family = ChildFamily()
        defer { family.stop() }
        let interrupt = Interrupt { family.requestStop() }
        defer { interrupt.stop() }

        guard let line = try family.startCoordinator(arguments) else {
            throw family.coordinatorStatus()  // it has said why
        }
        Terminal.put(line.text + "\n")
        try family.startWorkers(workers, line, threads: threads, ["--model", model] + check.arguments)
        if await family.waitForEnd() == .failed { throw ExitStatus.failure.code }
    }
}
