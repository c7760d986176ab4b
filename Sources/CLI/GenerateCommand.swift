// Responsible for: `tandem generate`: one prompt to a coordinator, the answer streamed back.
import ArgumentParser
import Node

/// The flag that names a coordinator.
struct CoordinatorFlag: ParsableArguments {
    @Option(help: "The coordinator's address.") var coordinator: String = CoordinatorOptions.defaultListen
}

struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Send a prompt to a coordinator and stream the answer.",
        discussion: """
            Ctrl-C cancels the request on all workers. Examples:
              tandem generate --prompt "Once upon a time"
              tandem generate --coordinator tcp://127.0.0.1:7070 --prompt-file question.txt --temperature 0
              tandem generate --prompt-tokens 1,306,403 --logprobs 5 --json
            """)

    @OptionGroup var coordinator: CoordinatorFlag
    @OptionGroup var prompt: PromptFlags
    @OptionGroup var sampling: SamplingFlags

    func run() async throws {
        let request = try prompt.request(sampling)
        let client = try CoordinatorClient(address: coordinator.coordinator)
        let answer = try await AnswerPrinter(json: prompt.json).print(client.generate(request))
        if answer.reason == .cancelled { throw ExitCode(130) }
    }
}
