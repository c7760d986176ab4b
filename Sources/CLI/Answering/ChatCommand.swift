// Responsible for: `tandem chat`: a conversation, each turn answered with all turns before it as context.
import ArgumentParser
import Generation
import Node
import Sequences

struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Talk with the model in several turns.",
        discussion: """
            In the conversation: /help, /reset forgets all turns, /exit (or Ctrl-D) leaves, Ctrl-C ends an answer.
            Examples:
              tandem chat
              tandem chat --coordinator tcp://127.0.0.1:7070 --temperature 0.5 --max-tokens 200
              tandem chat --system "Answer in one sentence." --template-variables '{"enable_thinking": false}'
            """)

    @OptionGroup var coordinator: CoordinatorFlag
    @OptionGroup var sampling: SamplingFlags
    @OptionGroup var urgency: PriorityFlag
    @OptionGroup var conversation: ConversationFlags

    func run() async throws {
        var request = GenerationRequest(prompt: .messages([]))
        try sampling.apply(to: &request, defaultMaximumTokens: 512)
        request.priority = urgency.priority
        request.isRaw = conversation.raw
        request.templateVariables = conversation.templateVariables
        try request.validate()
        let client = try CoordinatorClient(address: coordinator.coordinator)
        let beginning = conversation.beginning
        var messages = beginning
        if Terminal.isInputInteractive { Terminal.say("Talking with \(try await client.status().model). /help helps.") }
        while let line = Self.nextLine() {
            switch line {
            case "": continue
            case "/exit", "/quit": return
            case "/help": Terminal.say("/reset forgets all turns, /exit (or Ctrl-D) leaves, Ctrl-C ends an answer")
            case "/reset":
                messages = beginning
                Terminal.say("(a new conversation)")
            case _ where line.hasPrefix("/"): Terminal.say("there is no command \(line); /help lists them")
            default:
                messages.append(ChatMessage(role: .user, content: line))
                request.prompt = .messages(messages)
                let answer = try await AnswerPrinter(showsSpeed: false).print(client.generate(request))
                let first = min(beginning.count, messages.count - 1)
                messages.removeSubrange(first..<min(first + answer.droppedMessages, messages.count - 1))
                messages.append(ChatMessage(role: .assistant, content: answer.text, reasoning: answer.reasoning))
            }
        }
    }

    /// The next line of input without surrounding blanks; nil at its end.
    private static func nextLine() -> String? {
        if Terminal.isInputInteractive { Terminal.sayPart("> ") }
        return readLine()?.trimmed
    }
}

extension String {
    /// This text without blanks at either end.
    fileprivate var trimmed: String {
        let isBlank: (Character) -> Bool = { $0.isWhitespace }
        let head = drop(while: isBlank)
        return String(head.reversed().drop(while: isBlank).reversed())
    }
}
