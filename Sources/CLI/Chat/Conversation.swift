// Responsible for: what was said so far, and how much of it is still sent. Must not know: terminals, files.
import Sequences

/// The turns of a conversation, and what stands before them.
struct Conversation: Equatable {
    /// What the model is told before the first turn.
    var beginning: [ChatMessage]
    private(set) var turns: [ChatMessage] = []
    /// How many of the oldest messages do not fit in the context any more.
    private var forgotten = 0

    /// Of messages as a file holds them: those of the system that stand first are the beginning.
    init(_ messages: [ChatMessage]) {
        beginning = Array(messages.prefix { $0.role == .system })
        turns = Array(messages.dropFirst(beginning.count))
    }

    /// All of it, also what is not sent any more.
    var messages: [ChatMessage] { beginning + turns }

    /// What is sent to have `content` answered.
    func asking(_ content: String) -> [ChatMessage] {
        beginning + turns.dropFirst(forgotten) + [ChatMessage(role: .user, content: content)]
    }

    /// A turn is over. `dropped`: so many of the oldest messages that were sent did not fit.
    mutating func add(_ content: String, answer: String, reasoning: String?, dropped: Int) {
        forgotten = min(forgotten + max(0, dropped), turns.count)
        turns.append(ChatMessage(role: .user, content: content))
        turns.append(ChatMessage(role: .assistant, content: answer, reasoning: reasoning))
    }

    /// Takes the last turn back; gives what the user said in it. nil where there is none.
    mutating func undo() -> String? {
        guard let last = turns.lastIndex(where: { $0.role == .user }) else { return nil }
        let content = turns[last].content
        turns.removeSubrange(last...)
        forgotten = 0
        return content
    }

    /// Only the beginning is left.
    mutating func reset() { (turns, forgotten) = ([], 0) }
}
