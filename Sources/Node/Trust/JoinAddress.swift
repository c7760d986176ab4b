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

    /// Reads what `description` writes. `field`: what to name where it is wrong.
    package init(parsing text: String, _ field: Field) throws(TandemError) {
        let parts = text.split(separator: "#", omittingEmptySubsequences: false)
        do { endpoint = try Endpoint(parsing: String(parts[0])) } catch { throw TandemError(error, of: field) }
        guard parts.count <= 3 else {
            throw TandemError("\(field) has more than HOST:PORT#KEY#TOKEN", hint: "paste the line as it was printed")
        }
        if parts.count > 1 {
            guard let key = PublicKey(text: parts[1]) else {
                throw TandemError(
                    "\(field) is HOST:PORT#KEY#TOKEN, but its key has not the 43 characters of one",
                    hint: "paste the line as it was printed")
            }
            self.key = key
        }
        if parts.count > 2 {
            guard let token = JoinToken(text: parts[2]) else {
                throw TandemError(
                    "\(field) is HOST:PORT#KEY#TOKEN, but its token has not the 22 characters of one",
                    hint: "paste the line as it was printed")
            }
            self.token = token
        }
    }

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
