// Responsible for: the ids of nodes, requests, sequences, steps and contents, each a type of its own so that they
// cannot be mixed up. Must not know: sockets, time.

/// A worker process. Random for each process; a restarted worker is a new one.
package struct WorkerID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (a: WorkerID, b: WorkerID) -> Bool { a.value < b.value }
    package var description: String { "worker " + String(value, radix: 16) }
}

/// A client's connection, as the coordinator numbers it.
package struct ClientID: Hashable, Sendable, CustomStringConvertible {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package var description: String { "client " + String(value, radix: 16) }
    /// Whoever asks from inside the coordinator's process.
    package static let own = ClientID(0)
}

/// A request as its client numbers it; unique among the requests of one client.
package struct ClientRequestID: Hashable, Sendable, CustomStringConvertible {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package var description: String { "request \(value)" }
}

/// Which request a client asks for again, after it has lost its connection: 16 random bytes.
package struct RequestIdentity: Hashable, Sendable {
    package static let byteCount = 16
    /// Exactly `byteCount` bytes.
    package let bytes: [UInt8]

    /// nil: not 16 bytes.
    package init?(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        if self.bytes.count != Self.byteCount { return nil }
    }
}

/// A request as the coordinator numbers it.
package struct RequestID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (a: RequestID, b: RequestID) -> Bool { a.value < b.value }
    package var description: String { "request \(value)" }
}

/// A sequence of tokens that stages hold state for. Never used twice within an epoch.
package struct SequenceID: Hashable, Sendable, CustomStringConvertible {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package var description: String { "sequence \(value)" }
}

/// The number of a plan (which worker runs which layers); higher is newer. 0 is no plan.
package struct Epoch: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static let none = Epoch(0)
    package static func < (a: Epoch, b: Epoch) -> Bool { a.value < b.value }
    package var next: Epoch { Epoch(value &+ 1) }

    /// Bits of the number within a term: the time of day in milliseconds begins it, for 8,900 years.
    private static let numberBits: UInt64 = 48

    /// The first one of a coordinator that begins at such a time: what is newer in the term is greater, and so is every epoch
    /// of a later term.
    package init(term: Term, from number: UInt64) {
        value = UInt64(term.value) << Self.numberBits | number & (1 << Self.numberBits - 1)
    }

    /// Whose coordinator has made the plan.
    package var term: Term { Term(UInt16(truncatingIfNeeded: value >> Self.numberBits)) }

    package var description: String {
        term == .first ? "epoch \(value)" : "epoch \(value & (1 << Self.numberBits - 1)) of \(term)"
    }
}

/// How often another coordinator has taken over a cluster: each of them has one of its own, and the later one counts.
package struct Term: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let value: UInt16
    package init(_ value: UInt16) { self.value = value }
    /// Of a coordinator that has taken over from nobody.
    package static let first = Term(0)
    package static func < (a: Term, b: Term) -> Bool { a.value < b.value }
    package var description: String { "term \(value)" }
    /// nil: there is none after it.
    package var next: Term? { value == .max ? nil : Term(value + 1) }
}

/// One micro-batch on its way through all stages; counts up from 1 within an epoch.
package struct StepID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (a: StepID, b: StepID) -> Bool { a.value < b.value }
    package var description: String { "step \(value)" }
}

/// The public key of a node (Curve25519): who it is on every link. What a key means is decided elsewhere.
package struct NodeKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    package static let byteCount = 32
    /// Exactly `byteCount` bytes.
    package let bytes: [UInt8]

    package static func < (a: NodeKey, b: NodeKey) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

    /// nil: not 32 bytes.
    package init?(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        if self.bytes.count != Self.byteCount { return nil }
    }

    /// The beginning of the key in hexadecimal digits: enough to tell keys apart.
    package var description: String {
        bytes.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// The SHA-256 of a content (a tensor's bytes as stored, a model): what weights are fetched and cached by.
package struct ContentHash: Hashable, Sendable, CustomStringConvertible {
    package static let byteCount = 32
    /// Exactly `byteCount` bytes.
    package let bytes: [UInt8]

    /// nil: not 32 bytes.
    package init?(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        if self.bytes.count != Self.byteCount { return nil }
    }

    /// 64 hexadecimal digits.
    package var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
