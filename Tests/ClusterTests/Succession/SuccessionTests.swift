// Responsible for: the rules by which one coordinator takes over from another, one by one. Must not know: sockets, plans.
import Testing
import Wire

@testable import Cluster

@Suite struct SuccessionTests {
    static func key(_ number: Int) -> NodeKey {
        NodeKey(Array(repeating: UInt8(number), count: NodeKey.byteCount))!
    }

    private static let (a, b, c, d) = (key(1), key(2), key(3), key(4))

    // MARK: Terms

    @Test func epochsOfLaterTermsAreGreater() {
        let old = Epoch(term: Term(2), from: 1_900_000_000_000)
        let new = Epoch(term: Term(3), from: 1_800_000_000_000)
        #expect(old < new && old.term == Term(2) && new.next.term == Term(3))
        #expect(Epoch(1_800_000_000_000).term == .first)
        #expect(Epoch(term: .first, from: 5) == Epoch(5))
        #expect(Epoch(term: Term(1), from: .max).term == Term(1))
        #expect(Term(.max).next == nil)
        #expect("\(Epoch(term: Term(3), from: 7)), \(Epoch(7))" == "epoch 7 of term 3, epoch 7")
    }

    // MARK: The active coordinator

    private func settled(_ keys: [NodeKey]) -> Authority {
        var authority = Authority()
        authority.beginStandby()
        _ = authority.propose(keys)
        authority.settle(authority.proposal ?? 0)
        authority.pass(SuccessionRules().trustedFor) { _ in true }
        return authority
    }

    @Test func withoutAStandbyNobodyHasToBeAsked() {
        var authority = Authority()
        authority.pass(.seconds(1_000)) { _ in false }
        #expect(authority.isValid)
        #expect(authority.propose([Self.a]) == nil)
    }

    @Test func halfOfTheElectorsAreEnough() {
        var authority = settled([Self.a, Self.b, Self.c])
        #expect(!authority.isValid)
        authority.noteHeard(by: Self.a, ago: .zero)
        #expect(!authority.isValid)
        authority.noteHeard(by: Self.c, ago: .milliseconds(1_400))
        #expect(authority.isValid)
        authority.pass(.milliseconds(100)) { _ in true }
        #expect(!authority.isValid)
        authority.noteHeard(by: Self.d, ago: .zero)
        authority.noteHeard(by: Self.b, ago: .seconds(-1))
        #expect(!authority.isValid, "one that has no say, and one that has heard the future")
        authority.noteHeardByStandby(ago: .milliseconds(1))
        #expect(authority.isValid)
        authority.end()
        #expect(!authority.isValid)
        authority.endStandby()
        #expect(!authority.isValid, "what is over does not come back")
    }

    @Test func whoIsNewCountsBesideThoseBefore() {
        var authority = settled([Self.a])
        #expect(authority.propose([Self.b, Self.c]) == [Self.a, Self.b, Self.c])
        #expect(authority.propose([Self.d]) == nil, "one change at a time")
        authority.noteHeard(by: Self.b, ago: .zero)
        authority.noteHeard(by: Self.c, ago: .zero)
        #expect(!authority.isValid, "the standby may know nobody but the first")
        authority.noteHeard(by: Self.a, ago: .zero)
        #expect(authority.isValid)
        authority.settle(99)
        #expect(authority.proposed != nil)
        authority.settle(authority.proposal ?? 0)
        #expect(authority.settled == [Self.a, Self.b, Self.c] && authority.proposed == nil)
        authority.beginStandby()
        #expect(authority.propose([]) == authority.settled, "one that begins to follow is told everything")
    }

    @Test func whoIsAwayForLongHasNoSay() {
        var authority = settled([Self.a, Self.b])
        authority.pass(.seconds(59)) { $0 == Self.a }
        #expect(authority.propose([Self.a]) == nil)
        authority.pass(.seconds(2)) { $0 == Self.a }
        #expect(authority.propose([Self.a]) == [Self.a])
        #expect(authority.settled == [Self.a, Self.b], "until the standby knows")
    }

    @Test func whatWasWrittenDownIsNotTrusted() {
        var authority = Authority(term: Term(4), settled: [Self.a], proposed: [Self.a, Self.b])
        #expect(!authority.isValid && authority.term == Term(4))
        authority.noteHeard(by: Self.a, ago: .zero)
        #expect(authority.isValid)
        #expect(authority.propose([Self.d]) == [Self.a, Self.b], "what may have been told is told again")
    }

    // MARK: Workers

    @Test func aTermIsGrantedOnce() {
        var grants = TermGrants()
        let candidate = Self.a
        #expect(grants.grant(Term(1), to: candidate) == false, "its coordinator has just been heard")
        grants.pass(.seconds(3))
        #expect(grants.grant(Term(1), to: candidate) == true)
        #expect(grants.grant(Term(1), to: candidate) == true, "the same one is told again")
        #expect(grants.grant(Term(1), to: Self.b) == false)
        #expect(grants.follow(.first) == false, "the one before is no coordinator any more")
        #expect(grants.follow(Term(1)) == true)
        grants.hear()
        #expect(grants.grant(Term(2), to: Self.b) == false)
        grants.release()
        #expect(grants.grant(Term(2), to: Self.b) == true)
    }

    // MARK: The standby

    @Test func aStandbyAsksWhenMostHaveCome() {
        var candidacy = Candidacy(electors: [Self.a, Self.b, Self.c])
        candidacy.note(Self.a, isPresent: true)
        candidacy.note(Self.d, isPresent: true)
        candidacy.pass(.seconds(3))
        #expect(candidacy.advance() == nil, "one of three, and one that has no say")
        candidacy.note(Self.c, isPresent: true)
        #expect(candidacy.advance() == .ask(Term(1), [Self.a, Self.c]))
        #expect(candidacy.advance() == nil)
        candidacy.note(grantOf: Self.a, Term(1))
        candidacy.note(grantOf: Self.d, Term(1))
        candidacy.note(grantOf: Self.c, Term(7))
        #expect(candidacy.advance() == nil)
        #expect(candidacy.question(to: Self.b) == Term(1))
        candidacy.note(grantOf: Self.b, Term(1))
        #expect(candidacy.advance() == .serve(Term(1)))
        #expect(candidacy.isServing && candidacy.term == Term(1))
    }

    @Test func whatIsHeardEndsACandidacy() {
        var candidacy = Candidacy(term: Term(3), asked: Term(4), electors: [Self.a])
        candidacy.note(Self.a, isPresent: true)
        candidacy.release()
        #expect(candidacy.advance() == .ask(Term(4), [Self.a]), "the term that it has asked for before")
        candidacy.hear()
        candidacy.note(grantOf: Self.a, Term(4))
        candidacy.pass(.seconds(9))
        #expect(candidacy.advance() == .ask(Term(4), [Self.a]))
    }

    @Test func aStandbyThatKnowsNobodyTakesOverFromNobody() {
        var candidacy = Candidacy()
        candidacy.pass(.seconds(9))
        candidacy.note(Self.a, isPresent: true)
        #expect(candidacy.advance() == nil)
    }
}
