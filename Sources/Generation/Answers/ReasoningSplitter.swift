// Responsible for: telling the reasoning of an answer from the answer proper, as its text arrives: by turns that tokens
// make, and by marks in the text of models that have no tokens for them.
// Must not know: tokens, who reads the text.
import Tokenization

/// Cuts an answer's text at `<think>` and `</think>`, wherever its pieces are cut, and at turns. Marks stand at the
/// beginning of an answer; one later on is text like any other.
struct ReasoningSplitter: Sendable {
    /// A piece of text without marks.
    struct Part: Sendable, Equatable {
        var text: String
        var isReasoning: Bool
    }

    private enum Place { case start, reasoning, answer }

    private var place: Place
    /// What may still turn out to be the beginning of a mark.
    private var held = ""

    /// An answer of which nothing has arrived. `isOpen`: it begins inside of reasoning.
    init(isOpen: Bool = false) { place = isOpen ? .reasoning : .start }

    /// What comes next is reasoning, as far as is known.
    var isReasoning: Bool { place == .reasoning }

    /// Takes more text; gives what is certain.
    mutating func append(_ text: String) -> [Part] {
        held += text
        var parts: [Part] = []
        while let part = next() { if !part.text.isEmpty { parts.append(part) } }
        return parts
    }

    /// What follows is reasoning, or is not: what was held back is text of what came before.
    mutating func turn(toReasoning isReasoning: Bool) -> [Part] {
        // The lines before reasoning belong to nothing.
        if place == .start && isReasoning { held = String(held.drop { $0.isWhitespace }) }
        defer { place = isReasoning ? .reasoning : place == .reasoning ? .start : place }
        return finish()
    }

    /// What was held back when the answer ends.
    mutating func finish() -> [Part] {
        defer { held = "" }
        return held.isEmpty ? [] : [Part(text: held, isReasoning: place == .reasoning)]
    }

    /// The next part of what is held, possibly empty; nil where more text must come first.
    private mutating func next() -> Part? {
        switch place {
        case .start: return nextAtStart()
        case .reasoning:
            let (before, isFound) = take(upTo: ReasoningMarks.closing)
            if isFound { place = .start }
            return before.isEmpty && !isFound ? nil : Part(text: before, isReasoning: true)
        case .answer:
            defer { held = "" }
            return held.isEmpty ? nil : Part(text: held, isReasoning: false)
        }
    }

    private mutating func nextAtStart() -> Part? {
        let blank = held.prefix { $0.isWhitespace }
        let rest = held.dropFirst(blank.count)
        if rest.utf8.starts(with: ReasoningMarks.opening.utf8) {
            held = String(rest.utf8.dropFirst(ReasoningMarks.opening.utf8.count)) ?? ""
            place = .reasoning
            return Part(text: "", isReasoning: true)
        }
        if ReasoningMarks.opening.utf8.starts(with: rest.utf8) { return nil }
        place = .answer
        return Part(text: "", isReasoning: false)
    }

    /// The text before a mark, which is taken away; or all that cannot be the beginning of one.
    private mutating func take(upTo mark: String) -> (text: String, isFound: Bool) {
        let (bytes, wanted) = (Array(held.utf8), Array(mark.utf8))
        for start in bytes.indices where bytes[start] == wanted[0] {
            let rest = bytes[start...]
            if rest.starts(with: wanted) {
                held = String(decoding: rest.dropFirst(wanted.count), as: UTF8.self)
                return (String(decoding: bytes[..<start], as: UTF8.self), true)
            }
            if wanted.starts(with: rest) {
                held = String(decoding: rest, as: UTF8.self)
                return (String(decoding: bytes[..<start], as: UTF8.self), false)
            }
        }
        defer { held = "" }
        return (held, false)
    }
}
