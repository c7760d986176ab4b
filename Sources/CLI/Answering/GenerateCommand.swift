// Responsible for: `tandem generate`: one prompt to a coordinator, the answer streamed back.
import ArgumentParser
import Generation
import Node
import Sequences

/// The flag that says how urgent a request is.
struct PriorityFlag: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Requests of higher priority are served first and make others wait, -100 to 100.", valueName: "n"))
    var priority = 0
}

struct GenerateCommand: AsyncParsableCommand, SettingsCheckable {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Send a prompt to a coordinator and stream the answer.",
        discussion: """
            Ctrl-C cancels the request on all workers.
            Exit status: 75 if the queue is full and the hint says when to try again,
            69 if no coordinator answers, 130 after Ctrl-C, 2 for wrong flags, 1 for every
            other failure. Examples:
              tandem generate --prompt "Once upon a time"
              tandem generate --coordinator tcp://127.0.0.1:7070 --prompt-file question.txt --temperature 0
              tandem generate --prompt-tokens 1,306,403 --logprobs 5 --json
            """)

    @OptionGroup var coordinator: CoordinatorFlag
    @OptionGroup var prompt: PromptFlags
    @OptionGroup var sampling: SamplingFlags
    @OptionGroup var urgency: PriorityFlag
    @OptionGroup var patience: ReconnectFlag

    func checkSettings() throws(TandemError) { try sampling.check(prompt.conversation, priority: urgency.priority) }

    func run() async throws {
        var request = try prompt.request(sampling)
        request.priority = urgency.priority
        try request.validate()
        let client = try coordinator.client(patience)
        let printer = AnswerPrinter(json: prompt.json, request: request, isSeedDrawn: sampling.seed == nil)
        let answer = try await printer.print(client.generate(request))
        if answer.reason == .cancelled { throw ExitStatus.interrupted.code }
    }
}
