// Responsible for: what is counted of streams under faults. Must not know: clocks, processes.
import Sequences
import Testing

@testable import Bench

@Suite("Streams under faults, counted")
struct ChaosTallyTests {
    private static func fault(_ number: Int, _ event: Fault.Event, at time: Double) -> Fault {
        Fault(number: number, event: event, begin: time, end: time + 1)
    }

    private static func state(uptime: Double, rebuilt: Int, live: Int = 100) -> ChaosTally.State {
        .init(uptimeSeconds: uptime, rebuiltLayerTokens: rebuilt, liveTokens: live, stages: [(7, 4), (8, 2)])
    }

    private func report(_ tally: ChaosTally) -> ChaosReport {
        var tally = tally
        tally.end()
        return ChaosReport(tally, seed: 1, model: "m", workers: 2, streams: 2, seconds: 9)
    }

    @Test("A pause is the longest time without a token from the fault on, also behind tokens that were under way")
    func pauses() {
        var tally = ChaosTally(streams: 3)
        for stream in 0...1 { tally.noteTokens(1, of: stream, at: 1) }
        tally.begin(Self.fault(1, .kill(worker: 0), at: 2), process: 7, nil, at: 2)
        // One was under way; then nothing came for a second.
        for time in [2.25, 3.25, 3.5] { tally.noteTokens(2, of: 0, at: time) }
        #expect(tally.outcome == (1, 1, 1))
        tally.noteTokens(1, of: 1, at: 4)
        // Who had not begun, or has ended, is not amid an answer.
        tally.noteTokens(1, of: 2, at: 4)
        tally.noteEnd(.completed, .init(), of: 0, at: 4)
        tally.begin(Self.fault(2, .stop(worker: 1), at: 5), process: 8, nil, at: 5)
        tally.noteTokens(1, of: 2, at: 5.5)
        // The pause of the first fault ends with the next token, if another fault has come.
        tally.noteTokens(1, of: 1, at: 8)
        tally.noteTokens(1, of: 1, at: 20)
        let report = report(tally)
        #expect(report.faults.map { $0.pauses.sorted() } == [[1, 4], [0.5, 12]])
        #expect(report.kinds.map(\.kind) == [.kill, .stop] && report.kinds.map(\.streams) == [2, 2])
        #expect(report.kinds[0].pauseSeconds?.maximum == 4 && report.tokens.received == 13)
    }

    @Test("What is computed again belongs to the fault before; a coordinator that begins anew counts from nothing")
    func rebuilt() {
        var tally = ChaosTally(streams: 1)
        tally.begin(Self.fault(1, .kill(worker: 0), at: 1), process: 7, Self.state(uptime: 10, rebuilt: 50), at: 1)
        tally.begin(Self.fault(2, .coordinator, at: 2), process: nil, Self.state(uptime: 11, rebuilt: 450), at: 2)
        tally.begin(Self.fault(3, .stop(worker: 1), at: 3), process: 9, Self.state(uptime: 1, rebuilt: 30), at: 3)
        tally.note(nil)
        tally.note(Self.state(uptime: 2, rebuilt: 35))
        let faults = report(tally).faults
        #expect(faults.map(\.rebuiltLayerTokens) == [400, 30, 5])
        // A worker that is no stage has nothing to lose.
        #expect(faults.map(\.lostLayers) == [4, 0, 0] && faults.map(\.liveTokens) == [100, 0, 0])
        #expect(report(tally).kinds[0].lostLayerTokens == 400)
    }

    @Test("A wrong token, a request that failed or was lost, and trouble each make it wrong; other endings do not")
    func endings() {
        func isRight(_ change: (inout ChaosTally) -> Void) -> Bool {
            var tally = ChaosTally(streams: 1)
            change(&tally)
            return report(tally).isRight
        }
        #expect(isRight { $0.noteEnd(.completed, .init(), of: 0, at: 1) })
        #expect(isRight { $0.noteEnd(.cancelled, .init(), of: 0, at: 1) })
        #expect(isRight { $0.noteEnd(.unaccepted("not there"), .init(), of: 0, at: 1) })
        for difference in [AnswerDifference(lost: 1), .init(altered: 1), .init(doubled: 1)] {
            #expect(!isRight { $0.noteEnd(.completed, difference, of: 0, at: 1) })
        }
        #expect(!isRight { $0.noteEnd(.failed("why"), .init(), of: 0, at: 1) })
        #expect(!isRight { $0.noteEnd(.lost("why"), .init(), of: 0, at: 1) })
        #expect(!isRight { $0.noteReason("worker 1 ended by signal 11") })
    }

    @Test("Tokens while another plan is prepared are compared with those just before, and not with those before a loss")
    func preparing() {
        var tally = PreparingTally()
        // 10 tokens a second, then 8.
        for step in 0...20 { tally.note(step, isPreparing: false, at: Double(step) / 10) }
        for step in 0...10 { tally.note(22 + step * 8 / 10, isPreparing: true, at: 2.2 + Double(step) / 10) }
        #expect(tally.preparing.changes == 1 && tally.preparing.tokens == 8)
        #expect(abs(tally.preparing.seconds - 1) < 1e-6 && abs(tally.preparing.tokensBefore - 10) < 1e-6)
        // Not enough was seen before.
        tally.note(40, isPreparing: false, at: 4)
        tally.note(44, isPreparing: true, at: 4.4)
        tally.forget()
        tally.note(50, isPreparing: true, at: 5)
        #expect(tally.preparing.changes == 1 && tally.preparing.tokens == 8)
        var answers = ChaosTally(streams: 1)
        answers.noteTime(3, undisturbed: 2)
        answers.noteTime(1, undisturbed: 0)
        #expect(report(answers).answerTimes?.maximum == 1.5 && report(answers).preparing == nil)
    }
}
