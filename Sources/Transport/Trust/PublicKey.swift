// Responsible for: the keys by which nodes know each other (Curve25519, as CURVE uses them), and their text.
// Must not know: whom a key belongs to, where keys are kept.
import CZeroMQ
import Glibc

/// The public half of a node's key: who a peer is.
package struct PublicKey: Hashable, Sendable, CustomStringConvertible {
    /// Bytes of a key, public or secret.
    package static let byteCount = 32
    /// Exactly `byteCount` bytes.
    package let bytes: [UInt8]

    /// nil: not 32 bytes.
    package init?(_ bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        if self.bytes.count != Self.byteCount { return nil }
    }

    /// The key that `description` wrote; nil: it is none.
    package init?(text: some StringProtocol) {
        guard let bytes = KeyText.decode(text) else { return nil }
        self.init(bytes)
    }

    /// 43 characters of base64url (RFC 4648, section 5, without padding): safe in shells, addresses and file names.
    package var description: String { KeyText.encode(bytes) }

    /// Enough of the text to tell keys apart in a log.
    package var shortText: String { String(description.prefix(8)) }
}

/// A node's own key: whoever has the secret half *is* the node.
package struct KeyPair: Sendable {
    /// Exactly `PublicKey.byteCount` bytes.
    package let secret: [UInt8]
    package let publicKey: PublicKey

    /// The pair of a secret half; nil: it has not 32 bytes. Traps where libzmq was built without CURVE, which
    /// `Context.init` refuses.
    package init?(secret: [UInt8]) {
        guard secret.count == PublicKey.byteCount else { return nil }
        var text = [CChar](repeating: 0, count: Self.textCount)
        let encoded = secret.withUnsafeBufferPointer { zmq_z85_encode(&text, $0.baseAddress, $0.count) }
        precondition(encoded != nil, "32 bytes have a Z85 text")
        var publicText = [CChar](repeating: 0, count: Self.textCount)
        guard zmq_curve_public(&publicText, &text) == 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: PublicKey.byteCount)
        guard zmq_z85_decode(&bytes, &publicText) != nil, let publicKey = PublicKey(bytes) else { return nil }
        self.secret = secret
        self.publicKey = publicKey
    }

    /// A new pair, from the system's generator of random numbers.
    package static func random() -> KeyPair {
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<PublicKey.byteCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
        guard let pair = KeyPair(secret: secret) else { preconditionFailure("libzmq has no CURVE") }
        return pair
    }

    /// Z85 (ZeroMQ RFC 32) writes 32 bytes as 40 characters; libzmq ends them with a zero.
    private static let textCount = 41
}

/// Base64url without padding.
package enum KeyText {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// The text of any bytes.
    package static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for index in 0...group.count { text.append(alphabet[Int(bits >> UInt32(18 - 6 * index)) & 63]) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of a text; nil: it holds another character, or bits that no byte has.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count <= 1 << 16, text.utf8.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        var (bits, count) = (UInt32(0), 0)
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= (1 << UInt32(count)) - 1
            }
        }
        return bits == 0 ? bytes : nil
    }
}
