// Responsible for: which tokens of a model enclose its reasoning, and when an answer turns to it and away from it.
// Must not know: where tokens come from, who reads the text.
import ModelFile

/// The tokens that models put around their reasoning. Some are special, so that decoding leaves them out.
package struct ReasoningMarks: Sendable {
    /// What stands around reasoning in the text of models that have no tokens for it.
    package static let opening = "<think>"
    package static let closing = "</think>"

    /// What a token means.
    enum Mark {
        case opens, closes
        /// gpt-oss: the name of a channel follows, then a message, then its end.
        case beginsHeader, endsHeader, endsMessage
    }

    private static let names: [String: Mark] = [
        "<think>": .opens, "</think>": .closes, "[THINK]": .opens, "[/THINK]": .closes, "<seed:think>": .opens,
        "</seed:think>": .closes, "<|START_THINKING|>": .opens, "<|END_THINKING|>": .closes,
        "<|inner_prefix|>": .opens, "<|inner_suffix|>": .closes,
    ]
    private static let channels: [String: Mark] = [
        "<|start|>": .beginsHeader, "<|channel|>": .beginsHeader, "<|message|>": .endsHeader, "<|end|>": .endsMessage,
    ]

    private let marks: [Int32: Mark]

    /// The marks among a tokenizer's added tokens.
    package init(_ tokenizer: TokenizerDescription) {
        let added = tokenizer.addedTokens
        let hasChannels = ["<|channel|>", "<|message|>"].allSatisfy { name in added.contains { $0.content == name } }
        let names = hasChannels ? Self.names.merging(Self.channels) { $1 } : Self.names
        marks = Dictionary(
            added.compactMap { token in names[token.content].map { (Int32(token.id), $0) } },
            uniquingKeysWith: { first, _ in first })
    }

    subscript(token: Int32) -> Mark? { marks[token] }

    /// Whether a prompt ends inside of the reasoning of the answer to come.
    package static func isOpen(atEndOf prompt: String) -> Bool {
        var end = prompt.utf8[...]
        while let last = end.last, last == 0x20 || last == 0x0A { end.removeLast() }
        return names.contains { name, mark in mark == .opens && end.reversed().starts(with: name.utf8.reversed()) }
    }
}

/// Follows one answer through its marks.
package struct ReasoningReader: Sendable {
    /// What a mark does.
    package struct Turn: Sendable, Equatable {
        /// What follows is reasoning.
        package var isReasoning: Bool
        /// Text of the answer that the mark itself brings.
        package var text = ""
    }

    private let marks: ReasoningMarks
    private var isInside: Bool
    /// The text between the marks of a header, while it lasts.
    private var header: String?

    /// `isOpen`: the prompt has opened the reasoning already.
    package init(_ marks: ReasoningMarks, isOpen: Bool) { (self.marks, isInside) = (marks, isOpen) }

    /// What a mark does; nil where `token` is none.
    package mutating func take(_ token: Int32) -> Turn? {
        guard let mark = marks[token] else { return nil }
        var text = ""
        switch mark {
        case .opens: isInside = true
        case .closes, .endsMessage: isInside = false
        case .beginsHeader: header = ""
        case .endsHeader:
            let name = (header ?? "").drop { $0 == " " }
            header = nil
            isInside = name.hasPrefix("analysis")
            if !isInside && name.contains(" to=") { text = name + "\n" }
        }
        return Turn(isReasoning: isInside, text: text)
    }

    /// Text between marks: that of a header is not shown.
    package mutating func take(text: String) -> String {
        guard header != nil else { return text }
        header? += text
        return ""
    }
}
