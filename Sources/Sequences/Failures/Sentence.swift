// Responsible for: sentences for people in which fields are named, but not yet spelled. Must not know: how anybody
// spells a field.

/// A sentence without a full stop at its end, such as "\(.topP) is 2, but must be at most 1".
package struct Sentence: Sendable, Hashable, ExpressibleByStringInterpolation, CustomStringConvertible {
    /// Text and the names of fields in turn, text first: what a message between nodes carries.
    package private(set) var parts: [String]

    /// Text alone: a sentence that somebody else has written.
    package init(_ text: String) { parts = [text] }

    /// What `parts` gives, wherever it comes from.
    package init(parts: [String]) { self.parts = parts.isEmpty ? [""] : parts }

    package init(stringLiteral text: String) { self.init(text) }

    package init(stringInterpolation text: Interpolation) { parts = text.parts }

    /// The fields that it names, in order.
    package var fields: [Field] { parts.indices.filter { $0 % 2 == 1 }.map { Field(parts[$0]) } }

    /// The text, with every field spelled by `spelling`.
    package func text(spelling: (Field) -> String) -> String {
        parts.enumerated().map { $0.offset % 2 == 1 ? spelling(Field($0.element)) : $0.element }.joined()
    }

    /// The text, with fields by their names.
    package var description: String { text { $0.name } }

    /// The same with every part of the text changed by `change`.
    package func mapText(_ change: (String) -> String) -> Sentence {
        Sentence(parts: parts.enumerated().map { $0.offset % 2 == 1 ? $0.element : change($0.element) })
    }

    /// One behind the other.
    package static func + (first: Sentence, second: Sentence) -> Sentence {
        var sum = first
        if sum.parts.count % 2 == 0 { sum.parts.append("") }
        sum.parts[sum.parts.count - 1] += second.parts[0]
        sum.parts += second.parts[1...]
        return sum
    }

    /// Collects text and fields.
    package struct Interpolation: StringInterpolationProtocol {
        fileprivate var parts = [""]

        /// Nothing yet.
        package init(literalCapacity: Int, interpolationCount: Int) {}

        /// Text as it stands.
        package mutating func appendLiteral(_ text: String) { parts[parts.count - 1] += text }

        /// A field, to be spelled later.
        package mutating func appendInterpolation(_ field: Field) { parts += [field.name, ""] }

        /// The fields and the text of another sentence.
        package mutating func appendInterpolation(_ sentence: Sentence) {
            parts[parts.count - 1] += sentence.parts[0]
            parts += sentence.parts[1...]
            if parts.count % 2 == 0 { parts.append("") }
        }

        /// Any value as text.
        package mutating func appendInterpolation(_ value: some Any) { parts[parts.count - 1] += "\(value)" }
    }
}
