// Responsible for: the lines that people paste to join, and the files that say who is trusted. Must not know: keys that
// exist, sockets.
import Transport

@testable import Node

enum TrustTargets {
    /// The line that joins: what is accepted is the same when it is read again.
    static func joinLine(_ bytes: [UInt8]) {
        guard let address = try? JoinAddress(parsing: bytes.text, .join) else { return }
        do {
            let again = try JoinAddress(parsing: address.description, .join)
            precondition(again == address, "\(address) is another one when it is read again")
        } catch { preconditionFailure("\(address) cannot be read again: \(error)") }
        _ = (address.place, address.token?.pair, address.endpoint.isLoopback)
    }

    /// A node's own key.
    static func key(_ bytes: [UInt8]) {
        guard let pair = KeyFile.parse(bytes.text) else { return }
        let again = KeyFile.parse(KeyText.encode(pair.secret) + "\n")
        precondition(again?.publicKey == pair.publicKey, "a key is another one when it is read again")
    }

    /// The coordinators that a node has joined.
    static func known(_ bytes: [UInt8]) {
        let lines = KnownCoordinators.parse(bytes.text)
        let text = lines.map { "\($0.place) \($0.key)\n" }.joined()
        let again = KnownCoordinators.parse(text)
        precondition(
            again.map(\.place) == lines.map(\.place) && again.map(\.key) == lines.map(\.key),
            "known coordinators are others when they are read again")
    }

    /// What a running coordinator leaves for others of its user.
    static func local(_ bytes: [UInt8]) {
        guard let local = LocalCoordinator.parse(bytes.text) else { return }
        _ = (PublicKey(text: local.key), JoinToken(text: local.token)?.pair)
        _ = try? JoinAddress(parsing: local.address, .coordinator)
    }

    /// Who is admitted, and everything that can be done with that.
    static func admissions(_ bytes: [UInt8]) {
        guard var admissions = try? AdmissionsFile.parse(bytes.text, path: "admissions.json") else { return }
        let (token, stranger) = (JoinToken.random(), KeyPair.random().publicKey)
        for now in [0, 1_800_000_000, Int.max] {
            for known in admissions.tokens.prefix(4) {
                _ = known.isValid(at: now)
                guard let key = PublicKey(text: known.key) else { continue }
                _ = try? admissions.enrol(stranger, name: "a", role: known.role, token: key, now: now)
            }
            _ = try? admissions.add(token, role: .worker, uses: 1, seconds: now, now: now)
            for member in admissions.members.prefix(4) {
                guard let key = PublicKey(text: member.key) else { continue }
                _ = admissions.member(key)
                _ = try? admissions.admit(key, name: member.name, role: .client, now: now)
                _ = admissions.remove(member.name, now: now)
            }
            _ = try? admissions.admit(stranger, name: bytes.text, role: .worker, now: now)
            for known in admissions.tokens.prefix(2) { _ = admissions.revoke(known.id) }
        }
    }
}
