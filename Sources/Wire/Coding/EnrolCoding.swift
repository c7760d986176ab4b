// Responsible for: the bytes of a newcomer's question and of its answer. Must not know: sockets, time.

import FoundationEssentials

extension Enrol {
    var proto: PEnrol {
        var p = PEnrol()
        p.version = version
        p.build = clipped(build, to: Limits.nameBytes)
        p.key = .init(key.bytes)
        p.isClient = isClient
        p.isStandby = isStandby
        p.name = clipped(name, to: Limits.nameBytes)
        return p
    }

    init(_ p: PEnrol) throws(WireError) {
        let check = Check("Enrol")
        guard let key = NodeKey(p.key) else { throw WireError("Enrol.key has not \(NodeKey.byteCount) bytes") }
        self.init(
            key: key, isClient: p.isClient,
            name: try check.string(p.name, "name", atMost: Limits.nameBytes))
        isStandby = p.isStandby
        version = p.version
        build = try check.string(p.build, "build", atMost: Limits.nameBytes)
    }
}

extension EnrolReply {
    package func encode() -> [UInt8] {
        var frame = PEnrolReply()
        switch self {
        case .enrolled(let name): frame.enrolled = clipped(name, to: Limits.nameBytes)
        case .refusal(let refusal): frame.refusal = clipped(refusal.reason)
        }
        return encodeFrame(frame)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let frame = try decodeFrame(PEnrolReply.self, "EnrolReply", bytes, atMost: Limits.headerBytes)
        let check = Check("EnrolReply")
        switch frame.kind {
        case .enrolled(let name):
            self = .enrolled(name: try check.string(name, "enrolled", atMost: Limits.nameBytes))
        case .refusal(let reason):
            self = .refusal(Refusal(reason: try check.string(reason, "refusal", atMost: Limits.sentenceBytes)))
        case nil: throw check.missing()
        }
    }
}
