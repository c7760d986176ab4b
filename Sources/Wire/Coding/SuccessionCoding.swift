// Responsible for: the bytes of what a coordinator and its standby say to each other. Must not know: sockets, time.

import FoundationEssentials
import Sequences

extension Follow {
    var proto: PFollow {
        var p = PFollow()
        p.version = version
        p.build = named(build)
        p.model = .init(model.bytes)
        p.endpoint = endpoint
        p.ownerKey = .init(ownerKey.bytes)
        return p
    }

    init(_ p: PFollow) throws(WireError) {
        let check = Check("Follow")
        self.init(
            model: try check.hash(p.model, "model"), endpoint: try check.place(p.endpoint, "endpoint"),
            ownerKey: try check.ownKey(p.ownerKey, "ownerKey"))
        version = p.version
        build = try check.name(p.build, "build")
    }
}

extension Followed {
    var proto: PFollowed {
        var p = PFollowed()
        (p.journal, p.electors, p.beat) = (journal, electors, beat)
        p.present = UInt32(min(present, Limits.electors))
        return p
    }

    init(_ p: PFollowed) throws(WireError) {
        self.init(
            journal: p.journal, electors: p.electors, beat: p.beat,
            present: try Check("Followed").count(p.present, "present", to: Limits.electors))
    }
}

extension StandbyCommand {
    private static let rules = FieldRule.once([3, 4, 5, 6], in: "StandbyCommand")

    package func encode() -> [UInt8] {
        var frame = PStandbyCommand()
        switch self {
        case .refusal(let refusal): frame.refusal = clipped(refusal.reason)
        case .beat(let number): frame.beat = number
        case .succession(let succession):
            frame.succession.term = UInt32(succession.term.value)
            frame.succession.ownerKey = .init(succession.ownerKey.bytes)
            frame.succession.admissions = .init(succession.admissions)
        case .electors(let electors):
            frame.electors.number = electors.number
            // One after the other in one field: no message has a field for each.
            frame.electors.keys = .init(electors.keys.prefix(Limits.electors).flatMap(\.bytes))
        case .journal(let part):
            frame.journal.number = part.number
            frame.journal.begins = part.begins
            frame.journal.records = .init(part.records)
        case .handOver: frame.handOver = PEmpty()
        }
        return encodeFrame(frame)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let frame = try decodeFrame(
            PStandbyCommand.self, "StandbyCommand", bytes, atMost: Limits.standbyCommandBytes, Self.rules)
        let check = Check("StandbyCommand")
        switch frame.kind {
        case .refusal(let reason): self = .refusal(Refusal(reason: try check.text(reason, "refusal")))
        case .beat(let number): self = .beat(number)
        case .succession(let p):
            guard p.admissions.count <= Limits.admissionsBytes else {
                throw WireError("Succession.admissions has \(p.admissions.count) bytes")
            }
            self = .succession(
                Succession(
                    term: try check.term(p.term, "term"), ownerKey: try check.ownKey(p.ownerKey, "ownerKey"),
                    admissions: Array(p.admissions)))
        case .electors(let p): self = .electors(Electors(number: p.number, keys: try check.keys(p.keys, "electors")))
        case .journal(let p):
            guard p.records.count <= Limits.journalPartBytes else {
                throw WireError("JournalPart.records has \(p.records.count) bytes")
            }
            self = .journal(JournalPart(number: p.number, begins: p.begins, records: Array(p.records)))
        case .handOver: self = .handOver
        case nil: throw check.missing()
        }
    }
}

extension Candidate {
    var proto: PCandidate {
        var p = PCandidate()
        p.term = UInt32(term.value)
        p.key = .init(key.bytes)
        return p
    }

    init(_ p: PCandidate) throws(WireError) {
        let check = Check("Candidate")
        self.init(term: try check.term(p.term, "term"), key: try check.ownKey(p.key, "key"))
    }
}

extension CoordinatorPlace {
    var proto: PCoordinatorPlace {
        var p = PCoordinatorPlace()
        p.endpoint = endpoint
        if let key { p.key = .init(key.bytes) }
        return p
    }

    init(_ p: PCoordinatorPlace) throws(WireError) {
        let check = Check("CoordinatorPlace")
        self.init(endpoint: try check.place(p.endpoint, "endpoint"), key: try check.key(p.key, "key"))
    }
}

extension StandbyStatus {
    var proto: PStandbyStatus {
        var p = PStandbyStatus()
        p.endpoint = endpoint
        p.isFollowing = isFollowing
        p.silentMilliseconds = min(silentMilliseconds, Limits.milliseconds)
        p.unacknowledgedBytes = min(unacknowledgedBytes, Limits.memoryBytes)
        p.electors = UInt32(min(electors, Limits.electors))
        p.isCertain = isCertain
        return p
    }

    init(_ p: PStandbyStatus) throws(WireError) {
        let check = Check("StandbyStatus")
        self.init()
        endpoint = try check.endpoint(p.endpoint, "endpoint")
        isFollowing = p.isFollowing
        silentMilliseconds = try check.number(p.silentMilliseconds, "silentMilliseconds", to: Limits.milliseconds)
        unacknowledgedBytes = try check.number(p.unacknowledgedBytes, "unacknowledgedBytes", to: Limits.memoryBytes)
        electors = try check.count(p.electors, "electors", to: Limits.electors)
        isCertain = p.isCertain
    }
}

extension Check {
    func term(_ value: UInt32, _ field: String) throws(WireError) -> Term {
        Term(UInt16(try count(value, field, to: Int(UInt16.max))))
    }

    /// Where somebody listens.
    fileprivate func place(_ value: String, _ field: String) throws(WireError) -> String {
        let value = try endpoint(value, field)
        if value.isEmpty { throw WireError("\(message).\(field) is empty") }
        return value
    }

    /// A key that must be there.
    fileprivate func ownKey(_ bytes: some Collection<UInt8>, _ field: String) throws(WireError) -> NodeKey {
        guard let key = try key(bytes, field) else { throw WireError("\(message).\(field) is empty") }
        return key
    }

    /// Keys without anything between them.
    fileprivate func keys(_ bytes: some Collection<UInt8>, _ field: String) throws(WireError) -> [NodeKey] {
        guard bytes.count % NodeKey.byteCount == 0, bytes.count <= Limits.electors * NodeKey.byteCount else {
            throw WireError("\(message).\(field) has \(bytes.count) bytes")
        }
        let all = Array(bytes)
        return stride(from: 0, to: all.count, by: NodeKey.byteCount).compactMap {
            NodeKey(all[$0..<$0 + NodeKey.byteCount])
        }
    }
}
