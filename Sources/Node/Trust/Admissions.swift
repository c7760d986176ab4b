// Responsible for: who is admitted to a coordinator, and which tokens still admit: the rules, as values.
// Must not know: files, sockets, clocks: it is told the time.
import Foundation
import Sequences
import Transport

/// What a coordinator knows of keys, as its file keeps it.
package struct Admissions: Codable, Equatable, Sendable {
    /// A node that is admitted until it is removed.
    package struct Member: Codable, Equatable, Sendable {
        /// Unique among the members; for people, and for `tandem remove`.
        package let name: String
        package let role: NodeRole
        /// The text of its public key.
        package let key: String
        /// Seconds since 1970.
        package let enrolled: Int
        /// The id of the token that admitted it; nil: it is the owner's own.
        package let token: String?
    }

    /// A key that was taken off.
    private struct Removal: Codable, Equatable, Sendable {
        let key: String
        /// Seconds since 1970.
        let time: Int
    }

    /// What admits newcomers.
    package struct Token: Codable, Equatable, Sendable {
        /// Made of its key.
        package let id: String
        package let role: NodeRole
        /// The text of the public half of its key.
        package let key: String
        /// Newcomers that it still admits; nil: any number.
        package var uses: Int?
        /// Seconds since 1970; nil: never.
        package let expires: Int?
        package let created: Int
        /// What it was made for, for people.
        package let note: String

        /// Whether it admits anybody at that time.
        package func isValid(at now: Int) -> Bool { uses ?? 1 > 0 && (expires ?? .max) > now }
    }

    package private(set) var members: [Member] = []
    package private(set) var tokens: [Token] = []
    /// Keys that were taken off, the last of them: they come back with a new token only, also where they belong to the
    /// coordinator's own user.
    private var removals: [Removal] = []

    private static let mostRemoved = 1024
    package static let mostMembers = 4096
    package static let mostTokens = 256
    private static let mostNameBytes = 100

    /// Nobody.
    package init() {}

    /// The member with this key; nil: there is none.
    package func member(_ key: PublicKey) -> Member? {
        let text = key.description
        return members.first { $0.key == text }
    }

    /// The token with this key, valid or not; nil: there is none.
    package func token(_ key: PublicKey) -> Token? {
        let text = key.description
        return tokens.first { $0.key == text }
    }

    // MARK: Changes

    /// From now on those are admitted that another coordinator admits, which may follow this one later. `own`: the key of
    /// this one.
    package mutating func follow(_ other: Admissions, of coordinator: PublicKey, own: PublicKey, now: Int) {
        self = other
        members.removeAll { $0.key == own.description || $0.key == coordinator.description }
        members.append(
            Member(
                name: uniqueName("coordinator"), role: .standby, key: coordinator.description, enrolled: now, token: nil
            ))
    }

    /// Remembers a token. Throws where there are too many.
    package mutating func add(
        _ token: JoinToken, role: NodeRole, uses: Int?, seconds: Int?, note: String = "", now: Int
    ) throws(TandemError) -> Token {
        tokens.removeAll { !$0.isValid(at: now) || (!note.isEmpty && $0.note == note) }
        guard tokens.count < Self.mostTokens else {
            throw TandemError(
                "there are \(tokens.count) tokens already", hint: "take some back with `tandem token revoke ID`")
        }
        let key = token.pair.publicKey.description
        let (end, isTooLate) = now.addingReportingOverflow(seconds ?? 0)
        let record = Token(
            id: Self.id(token), role: role, key: key, uses: uses,
            expires: seconds == nil ? nil : isTooLate ? .max : end, created: now, note: note)
        tokens.append(record)
        return record
    }

    /// Takes a token back. False: there is none of this id.
    package mutating func revoke(_ id: String) -> Bool {
        guard let index = tokens.firstIndex(where: { $0.id == id }) else { return false }
        tokens.remove(at: index)
        return true
    }

    /// Admits a key on the word of a token. `role`: what it wants to be. Returns the name that it gets. Throws why not.
    package mutating func enrol(
        _ key: PublicKey, name: String, role: NodeRole, token tokenKey: PublicKey, now: Int
    ) throws(TandemError) -> String {
        guard let index = tokens.firstIndex(where: { $0.key == tokenKey.description }) else {
            throw Self.refusal("the token was taken back")
        }
        guard tokens[index].isValid(at: now) else {
            throw Self.refusal(tokens[index].uses ?? 1 <= 0 ? "the token was used up" : "the token has expired")
        }
        guard tokens[index].role == role else {
            throw Self.refusal("the token is for a \(tokens[index].role.rawValue), not for a \(role.rawValue)")
        }
        if let known = member(key) { return known.name }
        if let removal = removals.first(where: { $0.key == key.description }) {
            guard tokens[index].created >= removal.time else {
                throw Self.refusal("this key was removed after the token was made")
            }
            removals.removeAll { $0 == removal }
        }
        let name = try admit(key, name: name, role: role, token: tokens[index].id, now: now)
        if let uses = tokens[index].uses { tokens[index].uses = uses - 1 }
        return name
    }

    /// Admits a key on the word of whoever runs the coordinator.
    package mutating func admit(
        _ key: PublicKey, name: String, role: NodeRole, token: String? = nil, now: Int
    ) throws(TandemError) -> String {
        if let known = member(key), known.role == role { return known.name }
        guard members.count < Self.mostMembers else {
            throw Self.refusal("\(members.count) keys are admitted already", hint: "remove some with `tandem remove`")
        }
        guard !removals.contains(where: { $0.key == key.description }) else {
            throw Self.refusal("this key was removed")
        }
        guard member(key) == nil else { throw Self.refusal("this key is admitted in another role") }
        let name = uniqueName(name)
        members.append(Member(name: name, role: role, key: key.description, enrolled: now, token: token))
        return name
    }

    /// Takes the key of that name off, and back the token that admitted it: whoever has it could make a new key. nil: there
    /// is none of this name.
    package mutating func remove(_ name: String, now: Int) -> Member? {
        guard let index = members.firstIndex(where: { $0.name == name || $0.key == name }) else { return nil }
        let member = members.remove(at: index)
        removals = removals.suffix(Self.mostRemoved - 1) + [Removal(key: member.key, time: now)]
        tokens.removeAll { $0.id == member.token }
        return member
    }

    /// Letters, digits and ".-_" of a name, and a number behind it where another has it.
    private func uniqueName(_ wanted: String) -> String {
        let others = "0123456789.-_".unicodeScalars
        let allowed = wanted.unicodeScalars.filter { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || others.contains(scalar))
        }
        var base = String(String.UnicodeScalarView(allowed.prefix(Self.mostNameBytes)))
        if base.isEmpty || base.hasPrefix("-") { base = "node" + base }
        var name = base
        var number = 2
        while members.contains(where: { $0.name == name }) {
            name = "\(base)-\(number)"
            number += 1
        }
        return name
    }

    /// Eight hexadecimal digits, which a shell takes for nothing else.
    private static func id(_ token: JoinToken) -> String {
        token.pair.publicKey.bytes.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func refusal(_ why: Sentence, hint: Sentence? = nil) -> TandemError {
        TandemError(
            why, kind: .forbidden, hint: hint ?? "make a new one with `tandem token create` on the coordinator's host")
    }
}
