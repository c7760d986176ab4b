// Responsible for: failures of the world as a person or a program is told about them. Must not know: exit codes, flags,
// HTTP.

/// A failure with one sentence that says what is wrong and, where there is one, another that says what to do.
package struct TandemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is: what a program can do about it.
    package enum Kind: Sendable, Equatable {
        /// What was asked for has no meaning; asking again is of no use.
        case invalid
        /// What was named is not there.
        case notFound
        /// There is too much to do; the same may succeed after so long.
        case overloaded(retryAfterMilliseconds: UInt64)
        /// Whoever should answer is not there, or cannot at the moment.
        case unavailable
        /// The system, or whoever it belongs to, does not allow it.
        case forbidden
        /// Somebody wanted no more of it.
        case cancelled
        /// Something went wrong that is nobody's choice.
        case `internal`
    }

    package let kind: Kind
    package let message: Sentence
    package let hint: Sentence?
    /// The coordinator said this of a request; otherwise it was found out here.
    package let isReply: Bool

    /// `message` and `hint` are sentences without a full stop at their end.
    package init(_ message: Sentence, kind: Kind = .invalid, hint: Sentence? = nil, isReply: Bool = false) {
        self.kind = kind
        self.message = message.mapText(Self.line)
        self.hint = hint.map { $0.mapText(Self.line) }
        self.isReply = isReply
    }

    /// What is to be changed; nil: nothing that has a name.
    package var field: Field? { message.fields.first }

    /// Where the same may succeed later: after so long.
    package var retryAfterMilliseconds: UInt64? {
        if case .overloaded(let milliseconds) = kind { milliseconds } else { nil }
    }

    package var description: String { hint.map { "\(message) (\($0))" } ?? "\(message)" }

    /// The number that a field was given. Throws where it is out of range.
    @discardableResult
    package static func checked(_ value: Int, _ field: Field, in range: ClosedRange<Int>) throws(TandemError) -> Int {
        guard range.contains(value) else {
            throw TandemError("\(field) is \(value), but must be between \(range.lowerBound) and \(range.upperBound)")
        }
        return value
    }

    /// What a model file or a peer says may come into a message, but it neither breaks the line nor moves the cursor:
    /// each run of commands to a terminal becomes a space, and no more than `longestLine` scalars are kept.
    private static func line(_ text: String) -> String {
        guard !text.isPrintable || text.utf8.count > longestLine else { return text }
        let words = text.unicodeScalars.split(whereSeparator: \.isCommand).map { String(String.UnicodeScalarView($0)) }
        let line = words.joined(separator: " ")
        guard line.unicodeScalars.count > longestLine else { return line }
        return String(String.UnicodeScalarView(line.unicodeScalars.prefix(longestLine))) + "…"
    }

    private static let longestLine = 1_000
}
