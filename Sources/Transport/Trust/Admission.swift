// Responsible for: which keys pass the handshake of which listening sockets, and who was turned away.
// Must not know: names, roles, why a key is admitted, how the question is put (ZAPHandler).
import Synchronization

/// The keys that may connect, for each purpose that a socket listens for. Whoever is not named is refused before any
/// message of it exists. Any thread may change it; a change counts for handshakes from then on, so end the connections of
/// a key that goes (`RouterSocket.disconnect`).
package final class Admission: Sendable {
    /// Somebody who was turned away.
    package struct Stranger: Hashable, Sendable {
        /// The socket's purpose.
        package let purpose: String
        /// The IP address it came from.
        package let address: String
        package let key: PublicKey
    }

    private struct State {
        var keys: [String: Set<PublicKey>] = [:]
        var strangers = Strangers()
        /// Those of the time before the last call of `takeStrangers`.
        var earlier = Strangers()

        func isAdmitted(_ key: PublicKey, for purpose: String) -> Bool { keys[purpose]?.contains(key) == true }
    }

    /// Who was turned away in a time, and how often.
    private struct Strangers {
        var known: [(stranger: Stranger, count: Int)] = []
        var othersCount = 0

        mutating func note(_ stranger: Stranger) {
            if let index = known.firstIndex(where: { $0.stranger == stranger }) {
                known[index].count += 1
            } else if known.count < Admission.mostStrangers {
                known.append((stranger, 1))
            } else {
                othersCount += 1
            }
        }
    }

    private let state = Mutex(State())
    /// Strangers remembered for the log; of more only the number is.
    private static let mostStrangers = 16

    /// Admits nobody.
    package init() {}

    /// From now on exactly these keys are admitted for a purpose.
    package func admit(_ keys: Set<PublicKey>, for purpose: String) { state.withLock { $0.keys[purpose] = keys } }

    /// Whether a key passes; if not, it is remembered who was refused.
    func isAdmitted(_ key: PublicKey, for purpose: String, from address: String) -> Bool {
        state.withLock { state in
            if state.isAdmitted(key, for: purpose) { return true }
            state.strangers.note(Stranger(purpose: purpose, address: address, key: key))
            return false
        }
    }

    /// Who was turned away between the last two calls (of many, the first), and how often in all. A newcomer is turned away
    /// before it shows its token: whoever has been admitted since is none of them.
    package func takeStrangers() -> (strangers: [Stranger], count: Int) {
        state.withLock { state in
            let left = state.earlier.known.filter { !state.isAdmitted($0.stranger.key, for: $0.stranger.purpose) }
            let count = left.reduce(state.earlier.othersCount) { $0 + $1.count }
            (state.earlier, state.strangers) = (state.strangers, Strangers())
            return (left.map(\.stranger), count)
        }
    }
}

/// How the links of a context are protected.
package enum LinkSecurity: Sendable {
    /// Encrypted, both ends known by their keys (CURVE, ZeroMQ RFC 26). The pair is this node's own.
    case keys(KeyPair, Admission)
    /// Neither encrypted nor authenticated: whoever reaches a port may say anything, and whoever sees a packet reads it.
    case open

    /// Bytes by which a frame grows on its way. CURVE: the name of the command (8), a nonce (8), the box's proof (16) and
    /// flags (1).
    var frameOverhead: Int { if case .keys = self { 33 } else { 0 } }
}
