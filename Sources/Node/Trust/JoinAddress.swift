// Responsible for: the one line that joins: where a coordinator is, which key it has, and what admits a newcomer.
// Must not know: files, sockets.
import Crypto
import Foundation
import Sequences
import Transport

/// "HOST:PORT", "HOST:PORT#KEY" or "HOST:PORT#KEY#TOKEN".
package struct JoinAddress: Sendable, Hashable, CustomStringConvertible {
    package var endpoint: Endpoint
    /// The coordinator's; nil: it must be known otherwise.
    package var key: PublicKey?
    package var token: JoinToken?

    package init(_ endpoint: Endpoint, key: PublicKey? = nil, token: JoinToken? = nil) {
        (self.endpoint, self.key, self.token) = (endpoint, key, token)
    }

    /// Reads what `description` writes; blanks around it do not count, nor how a host is capitalized. `field`: what to name
    /// where it is wrong. Throws a sentence that never has the token in it.
    package init(parsing text: String, _ field: Field) throws(TandemError) {
        func wrong(_ problem: String) -> TandemError {
            TandemError("\(field) \(problem)", hint: "paste the address as it was printed, as HOST:PORT#KEY#TOKEN")
        }
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        if text.isEmpty { throw wrong("is empty") }
        if text.contains(where: Self.isQuote) { throw wrong("has quotes in it, which belong to a shell only") }
        if text.contains(where: \.isWhitespace) { throw wrong("has a blank in it, but an address is one word") }
        let parts = text.split(separator: "#", omittingEmptySubsequences: false)
        if parts.count > 3 { throw wrong("has more than HOST:PORT#KEY#TOKEN") }
        do {
            endpoint = try Endpoint(parsing: String(parts[0]))
            if case .tcp(let host, let port) = endpoint { endpoint = .tcp(host: host.lowercased(), port: port) }
        } catch { throw TandemError(error, of: field) }
        if parts.count > 1 {
            key = PublicKey(text: parts[1])
            if key == nil { throw wrong(Self.problem(of: parts[1], "key", 43, other: ("token", 22))) }
        }
        if parts.count > 2 {
            token = JoinToken(text: parts[2])
            if token == nil { throw wrong(Self.problem(of: parts[2], "token", 22, other: ("key", 43))) }
        }
    }

    private static func isQuote(_ character: Character) -> Bool {
        "\"'`\u{201C}\u{201D}\u{2018}\u{2019}".contains(character)
    }

    /// What is wrong with a part that has not the form of its kind.
    private static func problem(
        of part: Substring, _ kind: String, _ length: Int, other: (kind: String, length: Int)
    ) -> String {
        switch part.count {
        case 0: "has no \(kind) where one should stand"
        case length: "has a character in its \(kind) that none has"
        case other.length: "has a \(other.kind) where its \(kind) should stand"
        default: "has a \(kind) of \(part.count) characters, not the \(length) characters of one"
        }
    }

    /// Several, with commas between them: the coordinator, and those that may take its place.
    package static func list(parsing text: String, _ field: Field) throws(TandemError) -> [JoinAddress] {
        var all: [JoinAddress] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let address = try JoinAddress(parsing: String(part), field)
            if !all.contains(where: { $0.endpoint == address.endpoint }) { all.append(address) }
        }
        guard all.count <= mostListed else {
            throw TandemError("\(field) has \(all.count) addresses", hint: "write at most \(mostListed)")
        }
        return all
    }

    private static let mostListed = 16

    /// HOST:PORT alone.
    package var place: String {
        endpoint.description.hasPrefix("tcp://")
            ? String(endpoint.description.dropFirst("tcp://".count)) : endpoint.description
    }

    package var description: String {
        ([place] + [key?.description, token?.description].compactMap { $0 }).joined(separator: "#")
    }
}

/// What admits a newcomer: 16 random bytes, from which the key is made that it first connects with. The coordinator keeps
/// only the public half, so its file admits nobody, and a stranger without a token never passes a handshake.
package struct JoinToken: Sendable, Hashable, CustomStringConvertible {
    private let bytes: [UInt8]
    private static let byteCount = 16

    /// A new one.
    package static func random() -> JoinToken {
        var generator = SystemRandomNumberGenerator()
        return JoinToken((0..<byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The token that `description` wrote; nil: it is none.
    package init?(text: some StringProtocol) {
        guard let bytes = KeyText.decode(text), bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// 22 characters of base64url.
    package var description: String { KeyText.encode(bytes) }

    /// The key that whoever has the token connects with.
    package var pair: KeyPair {
        let digest = SHA256.hash(data: Array("tandem join token 1 ".utf8) + bytes)
        guard let pair = KeyPair(secret: Array(digest)) else { preconditionFailure("a SHA-256 makes a key") }
        return pair
    }
}
