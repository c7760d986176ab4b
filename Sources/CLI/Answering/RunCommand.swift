// Responsible for: `tandem run`: one process, one stage with all layers. The reference for every other way to run a
// model, and the file to read first.
import ArgumentParser
import Generation
import Node
import Sequences

struct RunCommand: AsyncParsableCommand, SettingsCheckable {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Answer a prompt in this process alone.",
        discussion: """
            Examples:
              tandem run --model model.gguf --prompt "Once upon a time"
              tandem run --model folder/ --prompt-file question.txt --temperature 0 --json
              echo "Once upon a time" | tandem run --model model.gguf
            """)

    @Option(name: .shortAndLong, help: ModelArgument.help) var model: ModelArgument
    @OptionGroup var quantization: QuantizationFlag
    @OptionGroup var keyValues: KeyValueTypeFlag
    @Option(help: "The longest prompt and answer together, in tokens (default: what the model allows, up to 4096).")
    var context: Int?
    @Option(help: "Threads that compute (default: one per core).") var threads: Int?
    @Option(help: "Feed the prompt in pieces of this many tokens; the answer does not depend on it.")
    var chunk: Int = PromptChunk.standard
    @OptionGroup var check: CheckFlag
    @OptionGroup var prompt: PromptFlags
    @OptionGroup var sampling: SamplingFlags

    func checkSettings() throws(TandemError) {
        try sampling.check(prompt.conversation)
        _ = try MachineDescription.threadCount(threads)
    }

    func run() async throws {
        let request = try prompt.request(sampling)
        let progress = Progress()
        let generator = try LocalGenerator(
            modelPath: model.path, contextLength: context, threads: threads, chunk: chunk,
            quantization: quantization.quantize, keyValueType: keyValues.keyValueType,
            checksLayers: check.check
        ) { done, total in progress.update("loading", done: done, total: total) }
        progress.end()
        Terminal.warn(generator.notices)
        let printer = AnswerPrinter(json: prompt.json, request: request, isSeedDrawn: sampling.seed == nil)
        let answer = try await printer.print(generator.generate(request))
        if answer.reason == .cancelled { throw ExitStatus.interrupted.code }
    }
}
