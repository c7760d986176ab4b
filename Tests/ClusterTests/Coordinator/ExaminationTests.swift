// Responsible for: who is asked what when links are to be measured, and what is made of answers. Must not know: how a link
// is measured.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite("Examination of a cluster") struct ExaminationTests {
    private func serving(_ count: UInt64) -> Played {
        var played = Played()
        for number in 1...count { played.join(number) }
        played.ready()
        return played
    }

    /// The question that is asked of a worker, and of whom.
    private func question(_ actions: [Coordinator.Action]) -> (worker: UInt64, measure: Measure)? {
        let questions = actions.compactMap { action -> (UInt64, Measure)? in
            if case .send(let worker, .measure(let measure)) = action { (worker.value, measure) } else { nil }
        }
        #expect(questions.count <= 1)
        return questions.first
    }

    private func found(_ actions: [Coordinator.Action]) -> Measurements? {
        actions.compactMap { if case .measured(let found) = $0 { found } else { nil } }.first
    }

    /// Everybody answers until all is found; what was asked, as "worker link bytes".
    private func play(
        _ played: inout Played, figures: LinkFigures = LinkFigures(roundTripMicroseconds: 70, bytesPerSecond: 1e8),
        silent: UInt64? = nil
    ) throws -> (asked: [String], found: Measurements) {
        var actions = played.tell(.examine)
        var asked: [String] = []
        for _ in 0..<400 {
            if let found = found(actions) { return (asked, found) }
            if let (worker, measure) = question(actions) {
                asked.append("\(worker) \(measure.link.map { "\($0)" } ?? "time") \(measure.bytes)")
                if worker != silent {
                    var measured = Measured(number: measure.number, clockMicroseconds: 5_000_000)
                    if measure.link != nil { measured.figures = figures }
                    measured.receivedMicroseconds = 2_000_000
                    played.now = played.now + .milliseconds(2)
                    actions = played.tell(.worker(WorkerID(worker), .measured(measured)))
                    continue
                }
            }
            if let hello = actions.hellos.last, let first = played.coordinator.deployments.serving?.stages[0].worker {
                let reply = HelloReply(epoch: hello.epoch, worker: first, number: hello.number)
                actions = played.tell(.helloReply(reply))
            } else {
                actions = played.pass(250, alive: [1, 2, 3])
            }
        }
        throw WireError("nothing is found")
    }

    @Test("The clocks, then each link of the plan in the order of its steps, then the weights, one after the other")
    func order() throws {
        var played = serving(3)
        let (asked, found) = try play(&played)
        let bytes = Limits.measuringBytes
        #expect(
            asked == [
                "1 time 0", "2 time 0", "3 time 0", "1 next \(bytes)", "2 next \(bytes)", "3 tokens \(bytes)",
                "1 weights \(bytes)", "2 weights \(bytes)", "3 weights \(bytes)",
            ])
        #expect(found.links.map(\.from) == ([nil, 1, 2, 3, 1, 2, 3] as [UInt64?]).map { $0.map { WorkerID($0) } })
        #expect(found.links.map(\.to) == ([1, 2, 3, nil, nil, nil, nil] as [UInt64?]).map { $0.map { WorkerID($0) } })
        #expect(found.links.map(\.link) == [.next, .next, .next, .tokens, .weights, .weights, .weights])
        #expect(found.links.allSatisfy { $0.figures.roundTripMicroseconds != nil } && !found.wasBusy)
        #expect(found.clocks.map(\.roundTripMicroseconds) == [2_000, 2_000, 2_000])
        // Said at 5 s, a millisecond ago; heard at 2 s.
        #expect(found.clocks.map(\.aheadMicroseconds) == [3_001_000, 3_001_000, 3_001_000])
    }

    @Test("While requests are computed nothing large travels, and that is said")
    func busy() throws {
        var played = serving(2)
        played.tell(.submit(Example.task(1)))
        let (asked, found) = try play(&played, figures: LinkFigures(roundTripMicroseconds: 70))
        #expect(asked.allSatisfy { $0.hasSuffix(" 0") } && found.wasBusy)
    }

    @Test("A worker that does not answer is waited for once, and the others are measured")
    func silence() throws {
        var played = serving(3)
        let (asked, found) = try play(&played, silent: 2)
        #expect(asked.filter { $0.hasPrefix("2 ") } == ["2 time 0"])
        #expect(found.clocks.map(\.worker) == [WorkerID(1), WorkerID(3)] && found.links.count == 5)
    }

    @Test("Without a plan the workers' clocks and weights links are looked at, without workers nothing is")
    func noPlan() throws {
        var configuration = Example.configuration()
        configuration.minimumWorkers = 2
        var played = Played(configuration)
        #expect(found(played.tell(.examine)) == Measurements())
        played.join(1)
        let (asked, _) = try play(&played)
        #expect(asked == ["1 time 0", "1 weights \(Limits.measuringBytes)"])
    }

    @Test("Answers that nobody asked for, and times that no clock has, count for nothing")
    func forged() throws {
        var played = serving(2)
        let first = try #require(question(played.tell(.examine)))
        #expect(first.worker == 1)
        var measured = Measured(number: first.measure.number, clockMicroseconds: .max)
        #expect(question(played.tell(.worker(WorkerID(2), .measured(measured)))) == nil)
        measured.number &+= 1
        #expect(question(played.tell(.worker(WorkerID(1), .measured(measured)))) == nil)
        measured.number = first.measure.number
        measured.receivedMicroseconds = 1
        #expect(question(played.tell(.worker(WorkerID(1), .measured(measured))))?.worker == 2)
        let (_, found) = try play(&played)
        #expect(found.clocks.first?.aheadMicroseconds == nil)
    }

    @Test("Large answers on the weights link are given to whoever was asked to measure it, as many as were agreed")
    func largeAnswers() throws {
        var configuration = Example.configuration()
        configuration.minimumWorkers = 2
        var played = Played(configuration)
        played.join(1)
        let time = try #require(question(played.tell(.examine)))
        _ = played.tell(.worker(WorkerID(1), .measured(Measured(number: time.measure.number))))
        let hello = Hello(epoch: .none, worker: WorkerID(1), number: 1, replyBytes: Limits.chunkBytes)
        let answers = (0..<40).count { _ in
            played.tell(.hello(WorkerID(1), .weights, hello)).contains {
                if case .answerHello = $0 { true } else { false }
            }
        }
        // And one as to anybody who asks now and then.
        #expect(answers == Limits.measuringBytes / Limits.chunkBytes + 1)
    }
}
