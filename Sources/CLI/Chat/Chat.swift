// Responsible for: a conversation as it goes on: each instruction performed, each failure told and survived.
// Must not know: where instructions come from.
import Foundation
import Generation
import Sequences

/// One conversation with somebody who answers.
struct Chat {
    /// Shows an answer until it ends.
    typealias Show = (AnswerPrinter, Generation) async throws -> AnswerPrinter.Answer

    private let generator: any Generator
    private let show: Show
    private var request: GenerationRequest
    private var conversation: Conversation
    private var showsReasoning = false
    /// What was said last and has no answer.
    private var unanswered: String?
    private var last: AnswerPrinter.Answer?
    private var total = (turns: 0, promptTokens: 0, tokens: 0, seconds: 0.0)
    /// How many turns and commands failed.
    private(set) var failures = 0
    /// The last answer was stopped by whoever asked for it.
    private(set) var wasStopped = false

    init(_ generator: any Generator, request: GenerationRequest, beginning: [ChatMessage], show: @escaping Show) {
        (self.generator, self.request, self.show) = (generator, request, show)
        conversation = Conversation(beginning)
    }

    /// Does what is asked for; false where that is to leave.
    mutating func perform(_ instruction: ChatInstruction) async -> Bool {
        wasStopped = false
        do {
            switch instruction {
            case .nothing: break
            case .exit: return false
            case .message(let text): try await ask(text)
            case .regenerate: try await regenerate()
            case .load(let path): try load(Self.expanded(path))
            case .save(let path): try save(Self.expanded(path))
            case .set(let change): try set(change)
            default: tell(instruction)
            }
        } catch {
            failures += 1
            report(error, of: instruction)
        }
        return true
    }

    /// What needs nobody else and cannot fail.
    private mutating func tell(_ instruction: ChatInstruction) {
        switch instruction {
        case .help: Terminal.say(ChatInstruction.helpText)
        case .reset:
            conversation.reset()
            unanswered = nil
            Terminal.say("(a new conversation)")
        case .undo:
            unanswered = nil
            let content = conversation.undo()
            Terminal.say(content == nil ? "(there is no turn to take back)" : "(the last turn is taken back)")
        case .stats: Terminal.say(statistics)
        case .system(let text): setSystem(text)
        case .reasoning(let word): setReasoning(word)
        case .incomplete(let word): Terminal.say("\(word) needs the name of a file")
        case .unknown(let word): Terminal.say(ChatInstruction.complaint(aboutUnknown: word))
        default: break
        }
    }

    // MARK: Answers

    private mutating func ask(_ content: String) async throws {
        request.prompt = .messages(conversation.asking(content))
        unanswered = content
        let printer = AnswerPrinter(showsSpeed: false, foldsReasoning: !showsReasoning, request: request)
        let answer = try await show(printer, generator.generate(request))
        last = answer
        wasStopped = answer.reason == .cancelled
        total.turns += 1
        total.promptTokens += answer.timings.promptTokens
        total.tokens += answer.timings.generatedTokens
        total.seconds += answer.timings.promptSeconds + answer.timings.decodeSeconds
        // What was stopped before it began leaves nothing behind.
        if wasStopped && answer.text.isEmpty && answer.reasoning == nil { return }
        unanswered = nil
        conversation.add(
            content, answer: answer.text, reasoning: answer.reasoning, dropped: answer.droppedMessages)
    }

    /// With another seed: the same would give the same answer.
    private mutating func regenerate() async throws {
        let before = conversation
        guard let content = unanswered ?? conversation.undo() else {
            Terminal.say("(there is nothing to answer anew)")
            return
        }
        request.sampling.seed = UInt64.random(in: 0..<(1 << 53))
        do { try await ask(content) } catch {
            conversation = before
            throw error
        }
        if unanswered != nil { conversation = before }
    }

    private func report(_ error: any Error, of instruction: ChatInstruction) {
        guard let failure = error as? TandemError else { return Terminal.say("error: \(error)") }
        // Fields are spelled as `/set` takes them.
        Terminal.say("error: \(failure.message)")
        if let hint = failure.hint { Terminal.say("hint: \(hint)") }
        switch instruction {
        case .message, .regenerate: Terminal.say("(the conversation stays; /regenerate sends the message again)")
        default: break
        }
    }

    // MARK: Settings

    private mutating func set(_ change: String?) throws {
        if let change { try ChatSetting.change(&request, by: change) }
        Terminal.say("(\(ChatSetting.list(request)); all else is the model's own)")
    }

    private mutating func setSystem(_ text: String?) {
        if let text { conversation.beginning = [ChatMessage(role: .system, content: text)] }
        let told = conversation.beginning.map(\.content).joined(separator: "\n")
        Terminal.say(told.isEmpty ? "(the model is told nothing before)" : "(the model is told: \(told))")
    }

    private mutating func setReasoning(_ word: String?) {
        switch word {
        case "on", "off":
            showsReasoning = word == "on"
            Terminal.say(showsReasoning ? "(reasoning is shown)" : "(reasoning is folded)")
        case nil: Terminal.say(last?.reasoning ?? "(the last answer has no reasoning)")
        default: Terminal.say("/reasoning is on or off")
        }
    }

    private var statistics: String {
        guard let last else { return "(nothing was answered yet)" }
        return "last answer: " + AnswerPrinter.speed(last.timings, last.reason) + "\n"
            + "in all: \(total.turns) answers of \(total.tokens) tokens, \(total.promptTokens) prompt tokens, "
            + String(format: "%.1f s", total.seconds) + "; \(conversation.messages.count) messages"
    }

    // MARK: Files

    private func save(_ path: String) throws {
        let text = try MessageList.text(conversation.messages)
        do { try text.write(toFile: path, atomically: true, encoding: .utf8) } catch {
            throw TandemError("\(path) cannot be written", kind: .internal, hint: "check the path given to /save")
        }
        Terminal.say("(\(conversation.messages.count) messages are in \(path))")
    }

    private mutating func load(_ path: String) throws {
        conversation = Conversation(try MessageList.read(path, Field("/load")))
        unanswered = nil
        Terminal.say("(\(conversation.messages.count) messages; the conversation goes on from there)")
    }

    /// A path with the home folder in the place of "~".
    private static func expanded(_ path: String) -> String {
        guard path.hasPrefix("~/"), let home = ProcessInfo.processInfo.environment["HOME"] else { return path }
        return home + path.dropFirst()
    }
}
