// Where a socket listens or connects to: parsing, validation and printing of "tcp://HOST:PORT" and "inproc://NAME".
// Must not open anything: a well-formed endpoint may still be out of reach.

/// An address for `RouterSocket.bind` and `DealerSocket.connect`.
package enum Endpoint: Hashable, Sendable {
    /// A TCP address. `host` is a name, an IPv4 or IPv6 address (without brackets) or `*` (every address of this host,
    /// to listen on only); port 0 asks the system for a free port (to listen on only).
    case tcp(host: String, port: UInt16)
    /// A name inside this process, within one `Context`.
    case inproc(name: String)

    /// Reads "tcp://HOST:PORT", "HOST:PORT" or "inproc://NAME"; an IPv6 address stands in brackets; the port may be `*`
    /// for "any free one". Throws `.badEndpoint` saying what is wrong.
    package init(parsing text: String) throws(TransportError) {
        func bad(_ reason: String) -> TransportError { .badEndpoint(text: text, reason: reason) }

        guard text.utf8.count <= Self.maximumLength else { throw bad("it is longer than \(Self.maximumLength) bytes") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw bad("it holds a space or a character that is not ASCII")
        }
        if let name = text.dropPrefix("inproc://") {
            guard !name.isEmpty else { throw bad("the name after inproc:// is missing") }
            self = .inproc(name: String(name))
            return
        }
        let address = text.dropPrefix("tcp://") ?? text[...]
        if let scheme = address.firstRange(of: "://") {
            throw bad("'\(address[..<scheme.lowerBound])' is not a transport we use")
        }
        guard let colon = address.lastIndex(of: ":"), address.last != "]" else { throw bad("the port is missing") }
        let (written, digits) = (address[..<colon], address[address.index(after: colon)...])
        guard let port = digits == "*" ? 0 : Self.port(digits) else {
            throw bad("the port '\(digits)' is not a number from 0 to 65535")
        }
        guard !written.isEmpty else { throw bad("the host is missing") }
        guard written.utf8.count <= Self.maximumHostLength else {
            throw bad("its host is longer than \(Self.maximumHostLength) bytes")
        }
        if written.first == "[" {
            let host = String(written.dropFirst().dropLast())
            guard written.last == "]", NumericAddress.isIPv6(host) else {
                throw bad("'\(written)' is not an IPv6 address in brackets")
            }
            self = .tcp(host: host, port: port)
        } else {
            guard !written.contains(":") else { throw bad("an IPv6 address must stand in brackets") }
            guard written == "*" || written.utf8.allSatisfy(Self.isHostCharacter) else {
                throw bad("'\(written)' is not a host name or an address")
            }
            self = .tcp(host: String(written), port: port)
        }
    }

    /// Whether only this host can reach it (`127.0.0.0/8`, `::1`, `localhost`, any inproc name).
    package var isLoopback: Bool {
        switch self {
        case .inproc: true
        case .tcp(let host, _): host.lowercased() == "localhost" || NumericAddress.isLoopback(host)
        }
    }

    /// The host of a TCP address, the name of another.
    package var host: String {
        switch self {
        case .tcp(let host, _): host
        case .inproc(let name): name
        }
    }

    /// A DNS name has at most 253 characters.
    private static let maximumHostLength = 253
    /// The longest text that can be an endpoint: what is read here, `description` says in no more.
    private static let maximumLength = 300

    private static func port(_ digits: Substring) -> UInt16? {
        digits.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ? UInt16(digits) : nil
    }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension Endpoint: CustomStringConvertible {
    /// The text that `init(parsing:)` reads back and that libzmq understands.
    package var description: String {
        switch self {
        case .inproc(let name): "inproc://\(name)"
        case .tcp(let host, let port): "tcp://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        }
    }
}

extension String {
    /// What follows `prefix`, or nil where the text does not begin with it.
    fileprivate func dropPrefix(_ prefix: String) -> Substring? {
        hasPrefix(prefix) ? dropFirst(prefix.count) : nil
    }
}
