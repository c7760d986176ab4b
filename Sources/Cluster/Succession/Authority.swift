// Responsible for: whether a coordinator that may be succeeded is still the one: who must have heard of it lately, and who has
// a say in that. Must not know: how it is heard of, plans, files.
//
// A standby becomes active when more than half of the electors have granted it a term, and nobody grants one who has heard of
// its coordinator lately. So a coordinator that knows of the standby, or of half of the electors, that they have heard of it
// lately, is the only one. Where it does not know that, another may compute already, and it computes nothing.

import Wire

/// A coordinator's right to serve. Times are counted as they pass, and only as far as they matter.
package struct Authority: Sendable, Hashable {
    /// A worker that has a say.
    private struct Elector: Sendable, Hashable {
        let key: NodeKey
        /// The standby has said that it knows this one.
        var isSettled = false
        /// It is in what the standby was told last.
        var isProposed = false
        /// For so long it will keep to us.
        var trust = Duration.zero
        var absence = Duration.zero
        /// It follows another coordinator, of a later term.
        var isLost = false
    }

    package let term: Term
    private let rules: SuccessionRules
    /// Somebody may take over.
    package private(set) var hasStandby: Bool
    /// Ascending.
    private var electors: [Elector] = []
    private var standbyTrust = Duration.zero
    /// Counts what the standby was told of electors; `nil`: it has said that it knows the last of it.
    package private(set) var proposal: UInt64?
    private var lastProposal: UInt64 = 0
    /// The standby that follows now has been told who is settled.
    private var isKnown = false
    /// Another one has it.
    private var isOver = false

    /// Of a coordinator without a standby.
    package init(term: Term = .first, _ rules: SuccessionRules = SuccessionRules()) {
        (self.term, self.rules, hasStandby) = (term, rules, false)
    }

    /// Of one that may have been succeeded before it began: by what it has written down.
    package init(
        term: Term, settled: [NodeKey], proposed: [NodeKey]?, _ rules: SuccessionRules = SuccessionRules()
    ) {
        self.init(term: term, rules)
        hasStandby = true
        for key in settled { change(key) { $0.isSettled = true } }
        guard let proposed else { return }
        for key in proposed { change(key) { $0.isProposed = true } }
        (proposal, lastProposal) = (1, 1)
    }

    /// It may plan, send steps and tell what comes of them.
    package var isValid: Bool {
        if isOver { return false }
        if !hasStandby || standbyTrust > .zero { return true }
        return isTrusted(\.isSettled) && (proposal == nil || isTrusted(\.isProposed))
    }

    /// Whether half of these keep to us.
    private func isTrusted(_ counts: (Elector) -> Bool) -> Bool {
        let all = electors.filter(counts)
        return 2 * all.count { $0.trust > .zero } >= all.count
    }

    // MARK: What happens

    /// Time passes, also such in which this process stood still. `present`: who is a member.
    package mutating func pass(_ time: Duration, present: (NodeKey) -> Bool) {
        guard hasStandby else { return }
        standbyTrust = max(.zero, standbyTrust - time)
        for index in electors.indices {
            electors[index].trust = max(.zero, electors[index].trust - time)
            if present(electors[index].key) {
                electors[index].absence = .zero
            } else {
                electors[index].absence.pass(time, upTo: rules.forgottenAfter)
            }
        }
    }

    /// A worker has heard what was said so long ago.
    package mutating func noteHeard(by worker: NodeKey, ago: Duration) {
        guard let index = electors.firstIndex(where: { $0.key == worker }) else { return }
        electors[index].trust = max(electors[index].trust, trust(ago))
    }

    /// A worker follows another coordinator. Whether most of those that have a say do.
    package mutating func noteLost(_ worker: NodeKey) -> Bool {
        for index in electors.indices where electors[index].key == worker { electors[index].isLost = true }
        let settled = electors.filter(\.isSettled)
        return 2 * settled.count(where: \.isLost) > settled.count
    }

    /// The standby has.
    package mutating func noteHeardByStandby(ago: Duration) { standbyTrust = max(standbyTrust, trust(ago)) }

    private func trust(_ ago: Duration) -> Duration { ago < .zero ? .zero : max(.zero, rules.trustedFor - ago) }

    /// Somebody follows from now on, and knows nothing yet of who has a say: told by `propose`.
    package mutating func beginStandby() {
        // One that has just begun has been told of nobody whom it could ask.
        if !hasStandby { standbyTrust = rules.trustedFor }
        (hasStandby, isKnown) = (true, false)
    }

    /// Nobody follows any more, and nobody who did will take over.
    package mutating func endStandby() { if !isOver { self = Authority(term: term, rules) } }

    /// Another one takes over, or has.
    package mutating func end() { isOver = true }

    // MARK: Electors

    /// Who has a say, as the standby is to be told; nil: it was told, and nothing has changed. What it was told last and has not
    /// said that it knows counts until it has. `present`: the members.
    package mutating func propose(_ present: [NodeKey]) -> [NodeKey]? {
        guard hasStandby, proposal == nil || !isKnown else { return nil }
        if proposal == nil {
            var wanted = electors.filter { $0.isSettled && $0.absence < rules.forgottenAfter }.map(\.key)
            for key in present where !wanted.contains(key) { wanted.append(key) }
            guard wanted.sorted() != settled || !isKnown else { return nil }
            for key in wanted { change(key) { $0.isProposed = true } }
            lastProposal += 1
            proposal = lastProposal
        }
        isKnown = true
        return proposed
    }

    /// The standby knows what it was told under this number.
    package mutating func settle(_ number: UInt64) {
        guard number == proposal else { return }
        for index in electors.indices {
            electors[index].isSettled = electors[index].isProposed
            electors[index].isProposed = false
        }
        electors.removeAll { !$0.isSettled }
        proposal = nil
    }

    package var settled: [NodeKey] { electors.filter(\.isSettled).map(\.key) }
    /// nil: all is settled.
    package var proposed: [NodeKey]? { proposal == nil ? nil : electors.filter(\.isProposed).map(\.key) }

    private mutating func change(_ key: NodeKey, _ body: (inout Elector) -> Void) {
        if let index = electors.firstIndex(where: { $0.key == key }) { return body(&electors[index]) }
        var elector = Elector(key: key)
        body(&elector)
        electors.insert(elector, at: electors.firstIndex { $0.key > key } ?? electors.endIndex)
    }
}
