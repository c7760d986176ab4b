// Responsible for: that never two coordinators may serve, in whatever order things happen: every state that there can be is
// looked at. Must not know: sockets, plans.
import Testing
import Wire

@testable import Cluster

@Suite struct SuccessionModelTests {
    /// What the rule would be worth without one of its parts.
    enum Flaw: CaseIterable {
        /// A coordinator serves as long as it runs.
        case noAuthority
        /// A worker grants whatever it is asked.
        case heedless
        /// A worker that starts again knows nothing of what it granted.
        case forgetful
        /// A coordinator trusts what a worker says for as long as the worker itself waits, and longer.
        case trusting
        /// One worker is enough to take over.
        case single
    }

    /// A worker's process, and where it is.
    private struct Node: Hashable {
        var grants: TermGrants
        var isAtStandby = false
        /// Since it has heard of the active coordinator, as far as that matters.
        var silence = 0
    }

    /// Two coordinators, workers, and all that they keep of each other. Messages are events of their own: one that is late or
    /// lost is an event that comes later, or never.
    private struct State: Hashable {
        var active: Authority?
        var standby: Candidacy
        var nodes: [Node]
        var standbySilence = 0
    }

    private static let keys = (0..<3).compactMap { NodeKey(Array(repeating: UInt8($0 + 1), count: NodeKey.byteCount)) }
    private static let candidate = NodeKey(Array(repeating: 99, count: NodeKey.byteCount))!
    private static let turn = Duration.seconds(1)

    /// In turns: a coordinator trusts for one, workers and the standby wait for two.
    private static func rules(_ flaw: Flaw?) -> SuccessionRules {
        var rules = SuccessionRules()
        rules.trustedFor = flaw == .trusting ? .seconds(3) : .seconds(1)
        rules.workerSilence = flaw == .heedless ? .zero : .seconds(2)
        rules.standbySilence = .seconds(2)
        return rules
    }

    /// All that can happen next.
    private static func successors(_ state: State, _ flaw: Flaw?) -> [State] {
        var all: [State] = []
        func add(_ body: (inout State) -> Void) {
            var next = state
            body(&next)
            advance(&next)
            if next != state { all.append(next) }
        }
        add { next in
            next.active?.pass(turn) { _ in true }
            next.standby.pass(turn)
            next.standbySilence = min(3, next.standbySilence + 1)
            for index in next.nodes.indices {
                next.nodes[index].grants.pass(turn)
                next.nodes[index].silence = min(3, next.nodes[index].silence + 1)
            }
        }
        if state.active != nil, !state.standby.isServing {
            // What the active coordinator says comes to the standby, and what that has heard comes back.
            add { next in
                next.standby.hear()
                next.standbySilence = 0
            }
            add { $0.active?.noteHeardByStandby(ago: turn * $0.standbySilence) }
        }
        for index in state.nodes.indices { addEvents(of: index, state, flaw, add) }
        // Processes end and begin again with what is on their disks.
        if let active = state.active {
            add {
                $0.active = Authority(
                    term: active.term, settled: active.settled, proposed: active.proposed, rules(flaw))
            }
        }
        if !state.standby.isServing {
            add { next in
                next.standby = Candidacy(
                    term: state.standby.term, asked: state.standby.asked, electors: state.standby.electors, rules(flaw))
                next.standbySilence = 3
            }
        }
        return all
    }

    private static func addEvents(
        of index: Int, _ state: State, _ flaw: Flaw?, _ add: ((inout State) -> Void) -> Void
    ) {
        let node = state.nodes[index]
        if let active = state.active, !node.isAtStandby {
            if node.grants.term == active.term {
                add { next in
                    next.nodes[index].grants.hear()
                    next.nodes[index].silence = 0
                }
                add { $0.active?.noteHeard(by: keys[index], ago: turn * node.silence) }
            } else {
                // It is told of a newer term.
                add { $0.active = nil }
            }
        }
        add { next in
            next.nodes[index].isAtStandby.toggle()
            next.standby.note(keys[index], isPresent: next.nodes[index].isAtStandby)
        }
        if node.isAtStandby, let term = state.standby.question(to: keys[index]) {
            add { next in
                if next.nodes[index].grants.grant(term, to: candidate) {
                    next.standby.note(grantOf: keys[index], term)
                }
            }
        }
        add { next in
            let grants = node.grants
            next.nodes[index] = Node(
                grants: flaw == .forgetful
                    ? TermGrants(rules(flaw)) : TermGrants(term: grants.term, holder: grants.holder, rules(flaw)))
            next.nodes[index].silence = 3
            next.standby.note(keys[index], isPresent: false)
        }
    }

    private static func advance(_ state: inout State) { while state.standby.advance() != nil {} }

    /// Looks at every state. The first in which two may serve; nil: there is none.
    private static func search(_ flaw: Flaw?, workers: Int) -> (State?, count: Int, takeovers: Int) {
        let electors = Array(keys.prefix(flaw == .single ? 1 : workers))
        let first = State(
            active: Authority(
                term: .first, settled: Array(keys.prefix(workers)), proposed: nil, rules(flaw)),
            standby: Candidacy(electors: electors, rules(flaw)),
            nodes: Array(repeating: Node(grants: TermGrants(rules(flaw)), silence: 3), count: workers),
            standbySilence: 3)
        var (seen, due): (Set<State>, [State]) = ([first], [first])
        var takeovers = 0
        while let state = due.popLast() {
            if state.standby.isServing {
                takeovers += 1
                if let active = state.active, flaw == .noAuthority || active.isValid {
                    return (state, seen.count, takeovers)
                }
            }
            for next in successors(state, flaw) where seen.insert(next).inserted { due.append(next) }
        }
        return (nil, seen.count, takeovers)
    }

    @Test(arguments: [2, 3]) func neverTwo(workers: Int) {
        let (found, count, takeovers) = Self.search(nil, workers: workers)
        #expect(found == nil, "two may serve in \(found.map { "\($0)" } ?? "")")
        #expect(count > 1_000 && takeovers > 100, "\(count) states, \(takeovers) of them with another coordinator")
    }

    @Test(arguments: Flaw.allCases) private func everyPartIsNeeded(flaw: Flaw) {
        #expect(Self.search(flaw, workers: 3).0 != nil, "the rule holds without a part of it: \(flaw)")
    }
}
