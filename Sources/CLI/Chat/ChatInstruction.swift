// Responsible for: what a message to a chat asks for: an answer, or something of the chat itself.
// Must not know: how it is done.
import Sequences

/// A message that somebody sent.
enum ChatInstruction: Equatable {
    case nothing
    case message(String)
    case help, exit, reset, undo, regenerate, stats
    /// nil: only to be shown.
    case system(String?), set(String?), reasoning(String?)
    case save(String), load(String)
    /// The command lacks what it works on.
    case incomplete(String)
    case unknown(String)

    static let helpText = """
        /system TEXT            tells the model TEXT before the conversation (alone: shows it)
        /set temperature 0.3    changes how answers are chosen (alone: shows what is set)
        /undo                   takes the last turn back
        /regenerate             answers the last message anew
        /reset                  forgets all turns
        /save FILE, /load FILE  keep the conversation as JSON, and go on with it
        /reasoning on           shows what the model thinks (off: folds it; alone: the last one)
        /stats                  how much was said, and how fast
        /exit                   leaves, as Ctrl-D does
        Ctrl-C ends an answer; twice it leaves. Alt-Enter, or \\ at the end of a line, goes on in a new line;
        what is pasted is one message. Up recalls what was sent, Ctrl-R searches it.
        """

    /// A command is one line that begins with a slash and a word.
    init(_ text: String) {
        let text = text.trimmed
        guard text.first == "/", !text.contains(where: \.isNewline) else {
            self = text.isEmpty ? .nothing : .message(text)
            return
        }
        let word = String(text.prefix { !$0.isWhitespace })
        let rest = String(text.dropFirst(word.count)).trimmed
        guard word.dropFirst().allSatisfy(\.isLetter), word.count > 1 else {
            self = .message(text)
            return
        }
        self = Self.command(word, rest.isEmpty ? nil : rest)
    }

    /// Words that are commands.
    private static let words = [
        "/help", "/exit", "/quit", "/reset", "/undo", "/regenerate", "/stats", "/system", "/set", "/reasoning", "/save",
        "/load",
    ]

    /// What is said of a word that is no command.
    static func complaint(aboutUnknown word: String) -> String {
        let meant = Spelling.nearest(to: word, among: words).map { ". Did you mean \($0)?" }
        return "there is no command \(word)" + (meant ?? "; /help lists them")
    }

    private static func command(_ word: String, _ rest: String?) -> ChatInstruction {
        switch word {
        case "/help": .help
        case "/exit", "/quit": .exit
        case "/reset": .reset
        case "/undo": .undo
        case "/regenerate": .regenerate
        case "/stats": .stats
        case "/system": .system(rest)
        case "/set": .set(rest)
        case "/reasoning": .reasoning(rest)
        case "/save": rest.map { .save($0) } ?? .incomplete(word)
        case "/load": rest.map { .load($0) } ?? .incomplete(word)
        default: .unknown(word)
        }
    }
}

extension String {
    /// This text without blanks at either end.
    var trimmed: String {
        let isBlank: (Character) -> Bool = { $0.isWhitespace }
        let head = drop(while: isBlank)
        return String(head.reversed().drop(while: isBlank).reversed())
    }
}
