// Responsible for: what a coordinator writes down of the requests that it has accepted and of its plans, and the bytes of it. Must not know:
// files, when a record is safe on a disk.

import FoundationEssentials
import Sequences

/// One entry of a journal. Only what cannot be computed again must be there; that is an admission.
package enum JournalRecord: Equatable, Sendable, WireMessage {
    /// The first of each file. Requests are of use to this model only.
    case beginning(model: ContentHash)
    case admission(JournalAdmission)
    /// A client was told these tokens, after the first `first` ones that it was told since the admission.
    case progress(number: UInt64, first: Int, tokens: [SampledToken])
    /// It was told the end, or wants no more.
    case end(number: UInt64)
    /// It serves from now on.
    case plan(JournalPlan)

    /// Tokens of one record, and of an answer.
    package static let mostTokens = RequestLimits.sequenceTokens
    /// Bytes of one record.
    package static let mostBytes = Limits.headerBytes + 4096

    private static let rules = [
        FieldRule(1, "JournalRecord.beginning", []),
        FieldRule(2, "JournalRecord.admission", [FieldRule(3, "Generate", Generate.rules)]),
        FieldRule(
            3, "JournalRecord.progress", [FieldRule(3, "JournalProgress.tokens", atMost: Self.mostTokens, [])]),
        FieldRule(120, "JournalRecord.plan", [FieldRule(2, "JournalPlan.stages", atMost: Limits.workers, [])]),
    ]

    package func encode() -> [UInt8] {
        var frame = PJournalRecord()
        switch self {
        case .beginning(let model):
            frame.beginning.version = protocolVersion
            frame.beginning.model = Data(model.bytes)
        case .admission(let admission):
            frame.admission.number = admission.number
            if let owner = admission.owner { frame.admission.owner = Data(owner.bytes) }
            frame.admission.request = admission.request.proto
        case .progress(let number, let first, let tokens):
            frame.progress.number = number
            frame.progress.first = UInt32(clamping: first)
            frame.progress.tokens = tokens.map(\.proto)
        case .end(let number): frame.end = number
        case .plan(let plan): frame.plan = plan.proto
        }
        return encodeFrame(frame)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let frame = try decodeFrame(PJournalRecord.self, "JournalRecord", bytes, atMost: Self.mostBytes, Self.rules)
        let check = Check("JournalRecord")
        switch frame.kind {
        case .beginning(let beginning):
            guard beginning.version == protocolVersion else {
                throw WireError("JournalRecord.version is \(beginning.version), not \(protocolVersion)")
            }
            self = .beginning(model: try check.hash(beginning.model, "model"))
        case .admission(let admission):
            let request = try Generate(admission.request)
            guard request.version == protocolVersion else { throw WireError("JournalRecord has an old request") }
            self = .admission(
                JournalAdmission(
                    number: admission.number, owner: try check.key(admission.owner, "owner"), request: request))
        case .progress(let progress):
            var tokens: [SampledToken] = []
            for token in progress.tokens { tokens.append(try SampledToken(token)) }
            self = .progress(
                number: progress.number, first: try check.count(progress.first, "first", to: Self.mostTokens),
                tokens: tokens)
        case .end(let number): self = .end(number: number)
        case .plan(let plan): self = .plan(try JournalPlan(plan))
        case nil: throw check.missing()
        }
    }
}

/// A request that its client is told was accepted.
package struct JournalAdmission: Equatable, Sendable {
    /// Ascending; never used twice.
    package var number: UInt64
    /// Who may ask for it again; nil: links are open.
    package var owner: NodeKey?
    package var request: Generate
    package init(number: UInt64, owner: NodeKey?, request: Generate) {
        self.number = number
        self.owner = owner
        self.request = request
    }
}
