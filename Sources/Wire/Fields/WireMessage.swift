// Responsible for: what every message can do, and how a bad one is refused. Must not know: single messages.

import Sequences

/// Why bytes are not a message.
package struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A sentence that names the message, the field and the value.
    package let message: String
    package init(_ message: String) { self.message = message.printable }
    package var description: String { message }
}

/// A value with one agreed form as bytes: one frame.
package protocol WireMessage: Sendable, Equatable {
    /// The frame.
    func encode() -> [UInt8]
    /// Refuses, naming message and field, whatever is malformed or exceeds one of `Limits`. Never traps.
    init(decoding bytes: [UInt8]) throws(WireError)
}
