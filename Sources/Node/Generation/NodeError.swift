// Responsible for: failures of the world as a person is told about them.
import Inference
import ModelFile
import Tokenization
import Transport
import Wire

/// A failure with one sentence that says what is wrong and, where there is one, another that says what to do.
package struct NodeError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String
    package let hint: String?
    /// Where the same may succeed later: after so long.
    package let retryAfterMilliseconds: UInt64?
    /// The coordinator said this of a request; otherwise it was found out here.
    package let isReply: Bool

    /// `message` and `hint` are sentences without a full stop at their end.
    package init(
        _ message: String, hint: String? = nil, retryAfterMilliseconds: UInt64? = nil, isReply: Bool = false
    ) {
        self.message = Self.line(message)
        self.hint = hint.map(Self.line)
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.isReply = isReply
    }

    /// What a model file or a peer says may come into a message, but it neither breaks the line nor moves the cursor:
    /// each run of control characters becomes a space, and no more than `longestLine` scalars are kept.
    private static func line(_ text: String) -> String {
        let isControl = { (scalar: Unicode.Scalar) in scalar.properties.generalCategory == .control }
        let words = text.unicodeScalars.split(whereSeparator: isControl).map { String(String.UnicodeScalarView($0)) }
        let line = words.joined(separator: " ")
        guard line.unicodeScalars.count > longestLine else { return line }
        return String(String.UnicodeScalarView(line.unicodeScalars.prefix(longestLine))) + "…"
    }

    private static let longestLine = 1_000

    package var description: String { hint.map { "\(message) (\($0))" } ?? message }

    /// The number that a flag was given. Throws where it is out of range.
    @discardableResult
    package static func checked(_ value: Int, flag: String, in range: ClosedRange<Int>) throws(NodeError) -> Int {
        guard range.contains(value) else {
            throw NodeError("\(flag) is \(value), but must be between \(range.lowerBound) and \(range.upperBound)")
        }
        return value
    }

    /// What was wrong with a file, or with what was computed.
    package init(_ error: ModelFileError) { self.init(error.description, hint: error.hint) }
    package init(_ error: InferenceError) { self.init(error.description) }
    init(_ error: TransportError) { self.init(error.description, hint: error.hint) }
    init(_ error: TokenizationError) {
        self.init("\(error)", hint: "send token ids with --prompt-tokens 1,2,3")
    }
    init(_ error: WireError) {
        self.init("the peer sent something unreadable: \(error)", hint: "install the same version of tandem on both")
    }
}
