// Responsible for: the records of a journal, their bytes, and what is left of them where a disk lost some. Must not know:
// files.

import Sequences
import SwiftProtobuf
import Testing

@testable import Wire

@Suite struct JournalTests {
    private static func admission(_ number: UInt64, owner: Bool = true) -> JournalRecord {
        let owner = owner ? NodeKey(Array(repeating: UInt8(number), count: NodeKey.byteCount)) : nil
        return .admission(JournalAdmission(number: number, owner: owner, request: Samples.generate(.tokens([1, 2]))))
    }

    private static func tokens(_ values: Int32...) -> [SampledToken] { values.map { SampledToken(token: $0) } }

    private static let likely = SampledToken(
        token: 5, logProbability: -0.5, top: [TokenProbability(token: 5, logProbability: -0.5)])

    private static let records: [JournalRecord] = [
        .beginning(model: Samples.hash), admission(1), admission(2, owner: false),
        .progress(number: 1, first: 0, tokens: tokens(4, 5)), .progress(number: 2, first: 0, tokens: [likely]),
        .progress(number: 1, first: 2, tokens: tokens(6)), .end(number: 2), admission(7),
        .progress(number: 7, first: 0, tokens: tokens(1, 2, 3)), .plan(plan(8, 1, 2)), .plan(plan(9, 3)),
    ]

    /// One layer for each of these nodes.
    private static func plan(_ epoch: UInt64, _ nodes: UInt8..., isSettled: Bool = false) -> JournalPlan {
        let stages = nodes.enumerated().map { place, node in
            JournalPlan.Stage(
                layers: place..<place + 1,
                key: node % 2 == 0 ? nil : NodeKey(Array(repeating: node, count: NodeKey.byteCount)),
                cache: node % 3 == 0 ? nil : ContentHash(Array(repeating: node, count: ContentHash.byteCount)))
        }
        return JournalPlan(epoch: Epoch(epoch), stages: stages, isSettled: isSettled)
    }

    @Test("The check is CRC-32C: a known value")
    func checksum() {
        #expect(JournalBytes.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(JournalBytes.checksum([]) == 0)
    }

    @Test("Every record is read as it was written")
    func roundTrip() throws {
        for record in Self.records { #expect(try JournalRecord(decoding: record.encode()) == record) }
        let bytes = Self.records.flatMap { JournalBytes.framed($0) }
        #expect(JournalBytes.records(in: bytes) == (Self.records, bytes.count))
    }

    @Test("Cut at any byte, what was whole before counts and nothing else")
    func cuts() {
        let ends = Self.records.indices.map { Self.records[...$0].flatMap { JournalBytes.framed($0) }.count }
        let bytes = Self.records.flatMap { JournalBytes.framed($0) }
        for cut in 0...bytes.count {
            let count = ends.prefix { $0 <= cut }.count
            let found = JournalBytes.records(in: Array(bytes[..<cut]) + [UInt8](repeating: 0, count: cut % 3 * 50))
            #expect(
                found.records == Array(Self.records[..<count]) && found.byteCount == (count > 0 ? ends[count - 1] : 0))
        }
    }

    @Test("A changed bit anywhere ends what counts before it")
    func damage() {
        let ends = Self.records.indices.map { Self.records[...$0].flatMap { JournalBytes.framed($0) }.count }
        let bytes = Self.records.flatMap { JournalBytes.framed($0) }
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1 << UInt8(place % 8)
            let count = ends.prefix { $0 <= place }.count
            #expect(JournalBytes.records(in: changed).records == Array(Self.records[..<count]))
        }
    }

    @Test("What has not ended is left, with the tokens that were told, and a snapshot says the same")
    func state() {
        let state = JournalState(Self.records)
        #expect(state.entries.map(\.admission.number) == [1, 7] && state.lastNumber == 7)
        #expect(state.entries.map { $0.tokens.map(\.token) } == [[4, 5, 6], [1, 2, 3]])
        #expect(JournalState(state.snapshot(model: Samples.hash)) == state)
    }

    @Test("Of plans the newest over each set of nodes counts, a few of them, and only the one that has settled")
    func plans() {
        var state = JournalState(Self.records)
        func apply(_ plans: JournalPlan...) -> [UInt64] {
            for plan in plans { state.apply(.plan(plan)) }
            return state.plans.map(\.epoch.value)
        }
        #expect(apply() == [8, 9])
        #expect(apply(Self.plan(10, 2, 1)) == [9, 10] && state.plans[1].stages[0].key == nil)
        #expect(apply(Self.plan(7, 5)) == [9, 10])
        #expect(apply(Self.plan(11, 5), Self.plan(12, 4), Self.plan(13, 7)) == [10, 11, 12, 13])
        #expect(apply(Self.plan(13, 7, isSettled: true)) == [13] && state.plans[0].isSettled)
        #expect(JournalState(state.snapshot(model: Samples.hash)).plans == state.plans)
        state.apply(.beginning(model: ContentHash(Array(repeating: 1, count: 32))!))
        #expect(state.plans.isEmpty)
    }

    @Test("Who asks again gets what follows the tokens that it has, of the same request only")
    func known() {
        let entry = JournalState(Self.records).entries[0]
        var request = entry.admission.request.request
        let had = request.answered
        func known(_ more: [Int32], _ computed: [SampledToken] = []) -> [Int32] {
            request.answered = had + more
            return entry.known(to: request, computed).map(\.token)
        }
        #expect(known([]) == [4, 5, 6] && known([4]) == [5, 6] && known([4, 5, 6]) == [])
        #expect(known([4], Self.tokens(4, 5, 6, 7)) == [5, 6, 7] && known([4], Self.tokens(4)) == [5, 6])
        #expect(known([5]) == [] && known([4, 5, 6, 7]) == [])
        request.answered = Array(had.dropLast())
        #expect(entry.known(to: request, []).isEmpty)
        request.maximumTokens += 1
        #expect(known([4]).isEmpty)
    }

    @Test("Progress with a gap, twice, or of nobody, a number again, and what belongs to another model say nothing")
    func contradictions() {
        var state = JournalState(Self.records)
        let before = state
        for record in [
            .progress(number: 1, first: 4, tokens: Self.tokens(9)),
            .progress(number: 1, first: 2, tokens: Self.tokens(6)),
            .progress(number: 3, first: 0, tokens: Self.tokens(9)), .end(number: 2), Self.admission(7),
            Self.admission(3), .beginning(model: Samples.hash),
        ] as [JournalRecord] {
            state.apply(record)
            #expect(state == before)
        }
        state.apply(.beginning(model: ContentHash(Array(repeating: 1, count: 32))!))
        #expect(state.entries.isEmpty)
    }

    @Test("Records of another version, without a request, or with more than they may have are refused")
    func refusals() throws {
        func refused(_ change: (inout PJournalRecord) -> Void) throws -> Bool {
            var frame = try PJournalRecord(serializedBytes: Self.admission(1).encode())
            change(&frame)
            return (try? JournalRecord(decoding: encodeFrame(frame))) == nil
        }
        #expect(try !refused { _ in })
        #expect(try refused { $0.kind = nil })
        #expect(try refused { $0.admission.clearRequest() })
        #expect(try refused { $0.admission.request.version = 1 })
        #expect(try refused { $0.admission.owner.removeLast() })
        #expect(try refused { $0.beginning.version = protocolVersion + 1 })
        #expect(try refused { $0.beginning.version = protocolVersion })
        #expect(try refused { $0.progress.first = UInt32(JournalRecord.mostTokens + 1) })
        #expect(try refused { $0.progress.tokens = [PSampledToken.with { $0.token = -1 }] })
        func refusedPlan(_ change: (inout PJournalPlan) -> Void) throws -> Bool {
            var frame = try PJournalRecord(serializedBytes: JournalRecord.plan(Self.plan(8, 1, 2)).encode())
            change(&frame.plan)
            return (try? JournalRecord(decoding: encodeFrame(frame))) == nil
        }
        #expect(try !refusedPlan { _ in })
        #expect(try refusedPlan { $0.stages = [] })
        #expect(try refusedPlan { $0.stages[1].endLayer = 1 })
        #expect(try refusedPlan { $0.stages[1].endLayer = UInt32(Limits.layers + 1) })
        #expect(try refusedPlan { $0.stages[0].key.removeLast() })
        #expect(try refusedPlan { $0.stages[0].cache.removeLast() })
        #expect(try refusedPlan { $0.stages = Array(repeating: $0.stages[0], count: Limits.workers + 1) })
    }
}
