// Responsible for: what the records of a journal say together: the requests that have not ended, and the last plans. Must not know: files, how
// requests are answered.

import Sequences

/// Requests that were accepted and have not ended, in the order of their numbers.
package struct JournalState: Sendable, Equatable {
    /// One of them, with the tokens that its client was told since its admission, as far as it is known.
    package struct Entry: Sendable, Equatable {
        package let admission: JournalAdmission
        package fileprivate(set) var tokens: [SampledToken] = []

        /// What follows the tokens that a client has which asks for the request again, as far as it is known; `computed`:
        /// what followed the admission, by whoever went on with it. Nothing, where it asks for another one.
        package func known(to request: GenerationRequest, _ computed: [SampledToken]) -> [SampledToken] {
            let all = computed.count > tokens.count ? computed : tokens
            var (asked, accepted) = (request, admission.request.request)
            let before = accepted.answered.count
            let told = accepted.answered + all.map(\.token)
            guard asked.answered.count >= before, told.starts(with: asked.answered) else { return [] }
            let known = Array(all.dropFirst(asked.answered.count - before))
            (asked.answered, accepted.answered) = ([], [])
            return asked == accepted ? known : []
        }
    }

    /// nil: nothing is written yet.
    package private(set) var model: ContentHash?
    package private(set) var entries: [Entry] = []
    /// The newest plans that served, each over other nodes, the newest last: `mostPlans` at most. Where nodes go one after
    /// the other, as at the end of a day, those before the first went are among them.
    package private(set) var plans: [JournalPlan] = []
    /// The highest number there ever was.
    package private(set) var lastNumber: UInt64 = 0

    package static let mostPlans = 4

    /// Nothing has happened.
    package init() {}

    /// What some records say.
    package init(_ records: some Sequence<JournalRecord>) { for record in records { apply(record) } }

    /// What one more record says. One that contradicts those before it says nothing.
    package mutating func apply(_ record: JournalRecord) {
        switch record {
        case .beginning(let model):
            if self.model != model { (entries, plans) = ([], []) }
            self.model = model
        case .admission(let admission):
            guard admission.number > lastNumber else { return }
            lastNumber = admission.number
            entries.append(Entry(admission: admission))
        case .progress(let number, let first, let tokens):
            // Of what was lost nothing is missing: it is computed again.
            guard let index = index(of: number), entries[index].tokens.count == first,
                tokens.count <= JournalRecord.mostTokens - first
            else { return }
            entries[index].tokens += tokens
        case .end(let number): if let index = index(of: number) { entries.remove(at: index) }
        case .plan(let plan): note(plan)
        }
    }

    private mutating func note(_ plan: JournalPlan) {
        guard plan.epoch >= plans.last?.epoch ?? .none else { return }
        plans.removeAll { plan.isSettled || $0.isOverSameNodes(as: plan) }
        plans.append(plan)
        if plans.count > Self.mostPlans { plans.removeFirst() }
    }

    private func index(of number: UInt64) -> Int? {
        var range = entries.startIndex..<entries.endIndex
        while let middle = range.isEmpty ? nil : range.lowerBound + range.count / 2 {
            let found = entries[middle].admission.number
            if found == number { return middle }
            range = found < number ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }

    /// Records that say the same, but for what has ended. `model`: what is served now.
    package func snapshot(model: ContentHash) -> [JournalRecord] {
        [.beginning(model: model)] + plans.map { .plan($0) }
            + entries.flatMap { entry -> [JournalRecord] in
                let admission = JournalRecord.admission(entry.admission)
                if entry.tokens.isEmpty { return [admission] }
                return [admission, .progress(number: entry.admission.number, first: 0, tokens: entry.tokens)]
            }
    }
}
