// Responsible for: `tandem chat`: a conversation, each turn answered with all turns before it as context.
import ArgumentParser
import Generation
import Node
import Sequences

struct ChatCommand: AsyncParsableCommand, SettingsCheckable {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Talk with the model in several turns.",
        discussion: """
            In a terminal messages are edited as in a shell; what is pasted is one message,
            Alt-Enter or \\ at the end of a line go on in a new line, and Up recalls what was
            sent (kept in $XDG_STATE_HOME/tandem/chat-history, else below ~/.local/state);
            Ctrl-R searches it.
            Ctrl-C ends an answer; at the prompt a second one leaves, with status 130.
            In the conversation: /help, /system, /set temperature 0.3, /undo, /regenerate,
            /reset, /save, /load, /reasoning, /stats, /exit (or Ctrl-D).
            Examples:
              tandem chat
              tandem chat --coordinator tcp://127.0.0.1:7070 --temperature 0.5 --max-tokens 200
              tandem chat --system "Answer in one sentence." --template-variables '{"enable_thinking": false}'
            """)

    @OptionGroup var coordinator: CoordinatorFlag
    @OptionGroup var sampling: SamplingFlags
    @OptionGroup var urgency: PriorityFlag
    @OptionGroup var patience: ReconnectFlag
    @OptionGroup var conversation: ConversationFlags

    func checkSettings() throws(TandemError) { try sampling.check(conversation, priority: urgency.priority) }

    func run() async throws {
        var request = GenerationRequest(prompt: .messages([]))
        sampling.apply(to: &request, defaultMaximumTokens: 512)
        request.priority = urgency.priority
        request.isRaw = conversation.raw
        request.templateVariables = conversation.templateVariables
        try request.validate()
        let client = try coordinator.client(patience)
        if let session = EditorSession(prompt: Self.prompt, historyName: "chat-history") {
            defer { session.leave() }
            try await talk(with: client, request, session)
        } else {
            try await talk(with: client, request)
        }
    }

    private static let prompt = "> "
    private static let greeting = "/help helps."

    /// In a terminal.
    private func talk(
        with client: CoordinatorClient, _ request: GenerationRequest, _ session: EditorSession
    ) async throws {
        let status = try await session.withInterrupt({ exitNow(ExitStatus.interrupted.rawValue) }) {
            try await client.status()
        }
        Terminal.say("Talking with \(status.model). \(Self.greeting)")
        var chat = Chat(client, request: request, beginning: conversation.beginning) { printer, generation in
            let answer = Task { try await printer.show(generation) }
            let count = InterruptCount()
            // The second time nobody waits for the coordinator to say that it has stopped.
            var shown = try await session.withInterrupt({
                if count.increment() == 1 { generation.cancel() } else { answer.cancel() }
            }) { try await answer.value }
            if count.count > 0 { shown.reason = .cancelled }
            return shown
        }
        // Whether Ctrl-C was the last that somebody did.
        var isLeaving = false
        while true {
            switch await session.next() {
            case .ended: return
            case .interrupted(let wasEmpty):
                if isLeaving && wasEmpty { throw ExitStatus.interrupted.code }
                isLeaving = true
                if wasEmpty { Terminal.say("(Ctrl-C again, or Ctrl-D, leaves)") }
            case .message(let text):
                guard await chat.perform(ChatInstruction(text)) else { return }
                isLeaving = chat.wasStopped
            }
        }
    }

    /// Through a pipe, or in a terminal that can do nothing. Failures of turns show in the exit status.
    private func talk(with client: CoordinatorClient, _ request: GenerationRequest) async throws {
        let isTerminal = Terminal.isInputInteractive
        if isTerminal { Terminal.say("Talking with \(try await client.status().model). \(Self.greeting)") }
        var chat = Chat(client, request: request, beginning: conversation.beginning) { printer, generation in
            try await printer.print(generation)
        }
        var lines = PlainLines()
        var message = ""
        if isTerminal { Terminal.sayPart(Self.prompt) }
        while let line = try lines.next() {
            if isTerminal && line.hasSuffix("\\") {
                message += line.dropLast() + "\n"
                continue
            }
            guard await chat.perform(ChatInstruction(message + line)) else { break }
            message = ""
            if isTerminal { Terminal.sayPart(Self.prompt) }
        }
        if chat.failures > 0 && !isTerminal { throw ExitStatus.failure.code }
    }
}
