// Responsible for: what each key may be to a running coordinator, at any moment: members, tokens, the owner.
// Must not know: messages, connections.
import Foundation
import Sequences
import Transport
import Wire

/// The coordinator's view of who is admitted. Owned by its loop thread; tells `Admission` who may connect.
struct Roll {
    /// What a connection's key is to this coordinator.
    enum Standing: Equatable {
        case member(NodeRole, name: String)
        /// It has a token: it may ask to be admitted, and nothing else.
        case newcomer
        /// It is the user who runs the coordinator: may ask as a client does, and have keys admitted.
        case owner
    }

    /// What the listening sockets are for.
    enum Purpose {
        static let control = "control"
        static let tokens = "tokens"
        static let weights = "weights"
        static let data = "data"
    }

    /// How often a coordinator looks whether others have changed who is admitted.
    static let lookMilliseconds = 250

    let admission: Admission
    private let file: AdmissionsFile
    private let ownerKey: PublicKey
    /// Of the owners of coordinators that this one follows, or that follow it.
    private(set) var otherOwners: Set<PublicKey> = []
    /// Changes whenever somebody else is admitted.
    private(set) var version = 0
    private var stamp: AdmissionsFile.Stamp?
    private var standings: [PublicKey: Standing] = [:]
    private var nextExpiry: Int?

    /// `ownerKey`: the public half of this process's own token. Throws where the file cannot be read.
    init(_ file: AdmissionsFile, admission: Admission, ownerKey: PublicKey) throws(TandemError) {
        (self.file, self.admission, self.ownerKey) = (file, admission, ownerKey)
        stamp = file.stamp
        take(try file.read())
    }

    /// Whoever owns a coordinator that is followed, or follows, owns this one too.
    mutating func admit(owners: Set<PublicKey>) throws(TandemError) {
        otherOwners = owners
        take(try file.read())
    }

    /// Who this is; nil: nobody, any more.
    func standing(of key: PublicKey) -> Standing? { standings[key] }

    /// Lets in whom another coordinator lets in, by what it says of them, and that one. Throws where that cannot be read, or be
    /// written down.
    mutating func follow(_ bytes: [UInt8], of coordinator: PublicKey, own: PublicKey) throws(TandemError) {
        let other = try AdmissionsFile.parse(String(decoding: bytes, as: UTF8.self), path: "that the coordinator sent")
        let changed = try file.change { (admissions) throws(TandemError) -> Admissions in
            admissions.follow(other, of: coordinator, own: own, now: Self.now)
            return admissions
        }
        stamp = file.stamp
        take(changed)
    }

    /// Members and tokens, for a coordinator that is to let in the same.
    func encoded() throws(TandemError) -> [UInt8] { try file.encoded() }

    /// Looks whether others have changed the file, or tokens have expired. Returns the keys that are admitted no longer.
    /// Throws where the file is damaged: what was known stays.
    mutating func refresh() throws(TandemError) -> Set<PublicKey> {
        let current = file.stamp
        guard current != stamp || nextExpiry ?? .max <= Self.now else { return [] }
        stamp = current
        let before = Set(standings.keys)
        take(try file.read())
        return before.subtracting(standings.keys)
    }

    /// Admits the key of a newcomer or of the owner's own node, and returns its name. Throws why not.
    mutating func enrol(_ enrol: Enrol, by key: PublicKey) throws(TandemError) -> String {
        let newcomer = PublicKey(enrol.key)
        let isOwner = key == ownerKey || otherOwners.contains(key)
        let (name, changed) = try file.change { (admissions) throws(TandemError) -> (String, Admissions) in
            let name =
                isOwner
                ? try admissions.admit(newcomer, name: enrol.name, role: enrol.role, now: Self.now)
                : try admissions.enrol(newcomer, name: enrol.name, role: enrol.role, token: key, now: Self.now)
            return (name, admissions)
        }
        stamp = file.stamp
        take(changed)
        return name
    }

    private mutating func take(_ admissions: Admissions) {
        let now = Self.now
        version += 1
        standings = [ownerKey: .owner]
        for owner in otherOwners { standings[owner] = .owner }
        for token in admissions.tokens where token.isValid(at: now) {
            if let key = PublicKey(text: token.key) { standings[key] = .newcomer }
        }
        nextExpiry = admissions.tokens.compactMap { $0.isValid(at: now) ? $0.expires : nil }.min()
        for member in admissions.members {
            if let key = PublicKey(text: member.key) { standings[key] = .member(member.role, name: member.name) }
        }
        let workers = Set(standings.filter { if case .member(.worker, _) = $0.value { true } else { false } }.keys)
        admission.admit(Set(standings.keys), for: Purpose.control)
        admission.admit(workers, for: Purpose.tokens)
        admission.admit(workers, for: Purpose.weights)
    }

    /// Seconds since 1970.
    static var now: Int { Int(Date().timeIntervalSince1970) }
}
