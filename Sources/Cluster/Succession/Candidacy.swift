// Responsible for: when a standby may ask to take over, and when it has. Must not know: sockets, files, what it follows.

import Wire

/// A standby's way to its term. It asks nobody for anything before enough workers have come to it by themselves to decide: one
/// that has granted a term is lost to the coordinator that it had.
package struct Candidacy: Sendable, Hashable {
    /// What is due.
    package enum Step: Sendable, Equatable {
        /// These are to be asked for this term, which is to be kept before.
        case ask(Term, [NodeKey])
        /// It is the coordinator from now on.
        case serve(Term)
    }

    private let rules: SuccessionRules
    /// Of the coordinator that it follows.
    package private(set) var term: Term
    /// The highest that it has ever asked for; nil: it never has.
    package private(set) var asked: Term?
    /// Who has a say, ascending; empty: it was told of nobody, and takes over from nobody.
    package private(set) var electors: [NodeKey]
    /// Ascending: those that have come, and those that have granted the term that it asks for.
    private var present: [NodeKey] = []
    private var granted: [NodeKey] = []
    private var silence = Duration.zero
    private var isAsking = false
    package private(set) var isServing = false

    /// What was kept of it.
    package init(
        term: Term = .first, asked: Term? = nil, electors: [NodeKey] = [], _ rules: SuccessionRules = SuccessionRules()
    ) {
        (self.term, self.asked, self.electors, self.rules) = (term, asked, electors.sorted(), rules)
    }

    /// Nothing was heard of the active coordinator for so long that workers may be kept waiting.
    package var isAlone: Bool { silence >= rules.standbySilence / 2 }

    /// Those with a say that have come.
    package var presentElectors: Int { present.count(where: electors.contains) }

    // MARK: What happens

    /// Time passes, also such in which this process stood still.
    package mutating func pass(_ time: Duration) { silence.pass(time, upTo: rules.standbySilence) }

    /// The active coordinator is there: nothing is asked of anybody.
    package mutating func hear() {
        if isServing { return }
        silence = .zero
        (isAsking, granted) = (false, [])
    }

    /// It hands over.
    package mutating func release() { silence = rules.standbySilence }

    /// What the active coordinator says of itself.
    package mutating func note(_ term: Term) { self.term = max(self.term, term) }
    /// Who has a say.
    package mutating func note(electors: [NodeKey]) { self.electors = electors.sorted() }

    /// A worker has come, or gone.
    package mutating func note(_ worker: NodeKey, isPresent: Bool) {
        present.removeAll { $0 == worker }
        if isPresent { present.append(worker) }
        present.sort()
        // It is asked again when it comes again.
        granted.removeAll { $0 == worker }
    }

    /// A worker has granted a term.
    package mutating func note(grantOf worker: NodeKey, _ term: Term) {
        guard isAsking, term == asked, electors.contains(worker), !granted.contains(worker) else { return }
        granted.append(worker)
        granted.sort()
    }

    /// What is due now; nil: nothing.
    package mutating func advance() -> Step? {
        guard !isServing, silence >= rules.standbySilence else { return nil }
        if isAsking, let asked, isMost(granted) {
            (isServing, term) = (true, asked)
            return .serve(asked)
        }
        if isAsking { return nil }
        let electing = present.filter(electors.contains)
        guard isMost(electing), let next = max(term, asked.map { Term($0.value &- 1) } ?? term).next else { return nil }
        (isAsking, asked) = (true, next)
        return .ask(next, electing)
    }

    /// The term that one who comes now is to be asked for; nil: none.
    package func question(to worker: NodeKey) -> Term? {
        isAsking && !isServing && electors.contains(worker) ? asked : nil
    }

    private func isMost(_ some: [NodeKey]) -> Bool { 2 * some.count > electors.count }
}
