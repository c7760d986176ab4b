// Responsible for: what an upstream end says and takes for a proof, and which failure silence is. Must not know: plans.

import Testing
import Wire

@testable import Cluster

@Suite struct LinkProbeTests {
    private let epoch = Epoch(7)
    private let listener = WorkerID(2)

    /// One that is connected and has said its first hello.
    private func asking(replyBytes: Int = 0) -> (probe: LinkProbe, hello: Hello) {
        var probe = LinkProbe(of: WorkerID(1), replyBytes: replyBytes, now: .start)
        let early = probe.begin(epoch, to: listener, isNew: true, .start)
        #expect(early.isEmpty)
        guard case .say(let hello)? = probe.note(.up, .start).first else {
            Issue.record("nothing is said")
            return (probe, Hello(epoch: .none, worker: nil, number: 0))
        }
        return (probe, hello)
    }

    private func reply(_ hello: Hello, from worker: WorkerID?) -> HelloReply {
        HelloReply(epoch: hello.epoch, worker: worker, number: hello.number, probeBytes: hello.replyBytes)
    }

    private func reports(_ outputs: [LinkProbe.Output]) -> [LinkReport.Outcome] {
        outputs.compactMap { if case .report(let outcome) = $0 { outcome } else { nil } }
    }

    private func hellos(_ outputs: [LinkProbe.Output]) -> [Hello] {
        outputs.compactMap { if case .say(let hello) = $0 { hello } else { nil } }
    }

    /// What is reported while nothing is answered for so long.
    private func wait(_ probe: inout LinkProbe, from start: UInt64 = 0, to end: UInt64) -> [LinkProbe.Output] {
        stride(from: start, through: end, by: 250).flatMap { probe.tick(.milliseconds($0)) }
    }

    @Test("A small hello, then one as large as what is carried: both answered, the link is proven")
    func proven() {
        var (probe, hello) = asking()
        #expect(hello == Hello(epoch: epoch, worker: WorkerID(1), number: 1))
        let second = hellos(probe.hear(reply(hello, from: listener), .milliseconds(1)))
        #expect(second.map(\.probeBytes) == [Limits.probeBytes])
        let outcome = reports(probe.hear(reply(second[0], from: listener), .milliseconds(11)))
        #expect(outcome == [.proven(bytesPerSecond: Double(Limits.probeBytes) / 0.01)])
    }

    @Test("Where answers are what is large, they are asked for")
    func largeReplies() {
        var (probe, hello) = asking(replyBytes: 1000)
        let second = hellos(probe.hear(reply(hello, from: listener), .start))
        #expect(second.map(\.replyBytes) == [1000])
        #expect(second.map(\.probeBytes) == [0])
        let outcome = reports(probe.hear(reply(second[0], from: listener), .milliseconds(10)))
        #expect(outcome == [.proven(bytesPerSecond: 100_000)])
    }

    @Test("What another peer answers, or what is of another epoch or never asked, proves nothing")
    func wrongPeer() {
        let (asked, hello) = asking()
        var other = reply(hello, from: listener)
        other.epoch = Epoch(6)
        var future = reply(hello, from: listener)
        future.number = 99
        for answer in [reply(hello, from: WorkerID(3)), reply(hello, from: nil), other, future] {
            var probe = asked
            let heard = probe.hear(answer, .milliseconds(1))
            #expect(heard.isEmpty)
            let outcomes = reports(wait(&probe, to: 2_000))
            #expect(outcomes == [.failed(.noAnswer)])
        }
    }

    @Test("It is asked every 250 ms until it answers, and has failed after two seconds, once")
    func silence() {
        var (probe, _) = asking()
        let early = wait(&probe, from: 250, to: 1_750)
        #expect(hellos(early).count == 7)
        #expect(reports(early).isEmpty)
        let late = reports(wait(&probe, from: 2_000, to: 10_000))
        #expect(late == [.failed(.noAnswer)])
    }

    @Test("A port where nobody listens, one that is closed, and an endpoint that has no address are told apart")
    func reasons() {
        func failure(_ connections: [LinkConnection]) -> [LinkReport.Outcome] {
            var probe = LinkProbe(of: nil, now: .start)
            var outputs = probe.begin(epoch, to: listener, isNew: true, .start)
            for connection in connections { outputs += probe.note(connection, .milliseconds(100)) }
            return reports(outputs + wait(&probe, to: 2_500))
        }
        #expect(failure([.down, .down]) == [.failed(.refused)])
        #expect(failure([.down]) == [.failed(.noAnswer)])
        #expect(failure([]) == [.failed(.noAnswer)])
        #expect(failure([.notResolved]) == [.failed(.notResolved)])
        #expect(failure([.handshakeRefused]) == [.failed(.handshakeRefused)])
    }

    @Test("Where small messages are answered and large ones are not, that is what is said")
    func largeLost() {
        var (probe, hello) = asking()
        _ = probe.hear(reply(hello, from: listener), .milliseconds(1))
        let outcomes = reports(wait(&probe, from: 250, to: 2_250))
        #expect(outcomes == [.failed(.largeLost)])
    }

    @Test("A slow link is asked again before it answers, and counts as no faster than it is")
    func slowLink() {
        var (probe, hello) = asking()
        let large = hellos(probe.hear(reply(hello, from: listener), .milliseconds(1)))
        #expect(hellos(wait(&probe, from: 250, to: 1_250)).count == 1)
        let outcomes = reports(probe.hear(reply(large[0], from: listener), .milliseconds(1_401)))
        #expect(outcomes == [.proven(bytesPerSecond: Double(Limits.probeBytes) / 1.4)])
    }

    @Test("What is cut while a large hello is under way loses small ones too, as the end of its connection shows")
    func cutWhileLarge() {
        var (probe, hello) = asking()
        _ = probe.hear(reply(hello, from: listener), .milliseconds(1))
        #expect(reports(wait(&probe, from: 250, to: 5_000)) == [.failed(.largeLost)])
        let end = probe.note(.down, .milliseconds(5_000))
        #expect(reports(end + wait(&probe, from: 5_250, to: 6_750)).isEmpty)
        let attempt = probe.note(.down, .milliseconds(6_900))
        #expect(reports(attempt + wait(&probe, from: 7_000, to: 30_000)) == [.failed(.noAnswer)])
        // Where it is the large ones that are lost, it connects again.
        (probe, hello) = asking()
        _ = probe.hear(reply(hello, from: listener), .milliseconds(1))
        #expect(reports(wait(&probe, from: 250, to: 5_000)) == [.failed(.largeLost)])
        let again = probe.note(.down, .milliseconds(5_000)) + probe.note(.up, .milliseconds(5_100))
        #expect(reports(again + wait(&probe, from: 5_250, to: 30_000)).isEmpty)
    }

    @Test("Attempts that waited in vain for an earlier plan are no refusals for the next")
    func laterSilence() {
        var probe = LinkProbe(of: WorkerID(1), now: .start)
        _ = probe.begin(epoch, to: listener, isNew: true, .start)
        var outcomes: [LinkReport.Outcome] = []
        for time in stride(from: UInt64(250), through: 9_000, by: 250) {
            if time % 3_000 == 0 { _ = probe.note(.down, .milliseconds(time)) }
            outcomes += reports(probe.tick(.milliseconds(time)))
        }
        _ = probe.begin(Epoch(8), to: listener, isNew: false, .milliseconds(9_100))
        outcomes += reports(wait(&probe, from: 9_250, to: 11_250))
        #expect(outcomes == [.failed(.noAnswer), .failed(.noAnswer)])
    }

    @Test("A connection over which a large answer came needs but a small one for the next plan; a new one needs both")
    func laterPlan() {
        var (probe, hello) = asking(replyBytes: 1000)
        let large = hellos(probe.hear(reply(hello, from: listener), .start))
        #expect(reports(probe.hear(reply(large[0], from: listener), .milliseconds(10))).count == 1)
        let next = hellos(probe.begin(Epoch(8), to: listener, isNew: false, .milliseconds(20)))
        #expect(next.map(\.replyBytes) == [0])
        #expect(reports(probe.hear(reply(next[0], from: listener), .milliseconds(30))) == [.proven(bytesPerSecond: 0)])
        _ = probe.note(.down, .milliseconds(40))
        _ = probe.begin(Epoch(9), to: listener, isNew: false, .milliseconds(50))
        let anew = hellos(probe.note(.up, .milliseconds(60)))
        let outputs = probe.hear(reply(anew[0], from: listener), .milliseconds(70))
        #expect(reports(outputs).isEmpty && hellos(outputs).map(\.replyBytes) == [1000])
    }

    @Test("A proven link is asked on; when it falls silent it has failed, and it can be proven again")
    func laterFailure() {
        var (probe, hello) = asking()
        let second = hellos(probe.hear(reply(hello, from: listener), .start))
        _ = probe.hear(reply(second[0], from: listener), .start)
        let later = wait(&probe, from: 250, to: 4_000)
        #expect(reports(later) == [.failed(.noAnswer)])
        let asked = hellos(later + wait(&probe, from: 4_250, to: 5_500))
        let again = hellos(probe.hear(reply(asked[asked.count - 1], from: listener), .milliseconds(5_500)))
        guard case .proven? = reports(probe.hear(reply(again[0], from: listener), .milliseconds(5_501))).first else {
            Issue.record("it is not proven again")
            return
        }
    }

    @Test("Other traffic, behind which an answer may wait, and time in which nobody listened are no silence")
    func excuses() {
        var (probe, _) = asking()
        for time in stride(from: UInt64(500), through: 6_000, by: 500) {
            probe.hearAnything(.milliseconds(time))
            let outcomes = reports(probe.tick(.milliseconds(time)))
            #expect(outcomes.isEmpty)
        }
        probe.excuse(.seconds(60), .milliseconds(66_000))
        let outcomes = reports(probe.tick(.milliseconds(66_000)))
        #expect(outcomes.isEmpty)
    }
}
