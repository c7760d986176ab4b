// Responsible for: results that no honest worker gives: nothing of them reaches a client, and their sender is set aside.
// Must not know: the wire, placement.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite("Forged results")
struct DamageTests {
    private static let top = TokenProbability(token: 1, logProbability: -1)

    /// What is done to the honest result of a step with one item, whose sequence is 1.
    private static let forgeries: [(what: String, forge: @Sendable (inout StepResult) -> Void)] = [
        ("a token beyond the vocabulary", { $0.samples[0].sample.token = 100 }),
        ("a token far beyond it", { $0.samples[0].sample.token = .max }),
        (
            "a top token beyond it",
            {
                $0.samples[0].sample.top = [TokenProbability(token: 100, logProbability: -1)]
            }
        ),
        ("log-probabilities that nobody asked for", { $0.samples[0].sample.top = [top] }),
        ("no token", { $0.samples = [] }),
        ("a token more", { $0.samples.append($0.samples[0]) }),
        (
            "a token of another sequence",
            {
                $0.samples[0] = SequenceSample(sequence: SequenceID(77), sample: SampledToken(token: 1))
            }
        ),
        (
            "scores that nobody asked for",
            {
                $0.scores = [SequenceScores(sequence: SequenceID(1), logProbabilities: [-1])]
            }
        ),
        ("damage of a sequence that is not in it", { $0.damaged = [SequenceID(77)] }),
        ("a step that was never sent", { $0.step = StepID(.max) }),
    ]

    private func serving() -> Played {
        var played = Played()
        played.join(1, 2)
        played.ready()
        return played
    }

    @Test("Nothing of a forged result is told, its sender is set aside with the reason, and the request goes on")
    func forged() {
        for (what, forge) in Self.forgeries {
            var played = serving()
            played.tell(.submit(Example.task(1)))
            var result = Example.result(of: played.actions.forwards[0])
            forge(&result)
            let actions = played.tell(.stepResult(result))
            #expect(!actions.contains { if case .emit = $0 { true } else { false } }, "\(what) is told")
            #expect(!actions.contains { if case .fail = $0 { true } else { false } }, "\(what) ends the request")
            let reason = played.coordinator.membership[WorkerID(2)]?.reasonAside
            #expect(reason?.contains("cannot be") == true, "\(what) has no consequence")
            #expect(played.plan.map(\.worker) == [1])
            played.ready()
            var forwards = played.actions.forwards
            var told = 0
            while let forward = forwards.popLast() {
                played.tell(.stepResult(Example.result(of: forward)))
                told += played.actions.count { if case .emit = $0 { true } else { false } }
                forwards += played.actions.forwards
            }
            #expect(told == 3, "after \(what)")
        }
    }

    @Test("Of a result that is right for one request and wrong for another nothing is taken")
    func half() {
        var played = serving()
        played.tell(.submit(Example.task(1)))
        played.tell(.submit(Example.task(2)))
        var forwards = played.coordinator.scheduler.stepsInFlight
        #expect(forwards > 0)
        // Both decode from now on, in one step where the pipeline is short.
        var queue = played.actions.forwards
        var single = Played()
        single.join(1)
        single.ready()
        queue = single.tell(.submit(Example.task(1, maximumTokens: 8))).forwards
        single.tell(.submit(Example.task(2, maximumTokens: 8)))
        queue += single.actions.forwards
        while let forward = queue.popLast() {
            if forward.items.count == 2 {
                var result = Example.result(of: forward)
                result.samples[1].sample.token = 100
                let actions = single.tell(.stepResult(result))
                #expect(!actions.contains { if case .emit = $0 { true } else { false } })
                forwards = -1
                break
            }
            single.tell(.stepResult(Example.result(of: forward)))
            queue += single.actions.forwards
        }
        #expect(forwards == -1, "no step had both")
    }

    @Test("A lone worker that forges comes back after its time, and joining again does not shorten that")
    func alone() {
        var played = Played()
        played.join(1)
        played.ready()
        played.tell(.submit(Example.task(1)))
        var result = Example.result(of: played.actions.forwards[0])
        result.samples[0].sample.token = 100
        played.tell(.stepResult(result))
        var join = Example.join(1)
        for attempt in 2...4 {
            join.attempt = UInt64(attempt)
            #expect(played.tell(.worker(WorkerID(1), .join(join))).assigns.isEmpty)
        }
        #expect(played.pass(29_000, alive: [1]).assigns.isEmpty)
        #expect(played.pass(2_000, alive: [1]).assigns.count == 1)
    }
}
