// Responsible for: what a link is found to carry, and that finding it out fills none. Must not know: who asks.

import Testing
import Wire

@testable import Cluster

@Suite("Measuring of links") struct LinkMeasuringTests {
    /// A link that takes so long for a round trip, and carries so much; played until the measuring is over.
    private struct PlayedLink {
        var probe = LinkProbe(of: WorkerID(1), now: .start)
        let roundTrip: Duration
        let bytesPerSecond: Double
        var now = Moment.start
        /// Answers under way, and when the link is free again.
        var answers: [(at: Moment, number: UInt64)] = []
        var free = Moment.start
        var most = 0
        var bytes = 0
        var found: LinkFigures?

        init(roundTrip: Duration, bytesPerSecond: Double) {
            (self.roundTrip, self.bytesPerSecond) = (roundTrip, bytesPerSecond)
            _ = probe.begin(Epoch(7), to: WorkerID(2), isNew: true, now)
            perform(probe.note(.up, now))
            while let answer = answers.first { hear(answer) }
        }

        private mutating func hear(_ answer: (at: Moment, number: UInt64)) {
            answers.removeFirst()
            now = max(now, answer.at)
            perform(probe.hear(HelloReply(epoch: Epoch(7), worker: WorkerID(2), number: answer.number), now))
        }

        private mutating func perform(_ outputs: [LinkProbe.Output]) {
            for output in outputs {
                switch output {
                case .say(let hello):
                    free = max(free, now) + .seconds(Double(hello.probeBytes) / bytesPerSecond)
                    answers.append((free + roundTrip, hello.number))
                    bytes += hello.probeBytes
                    most = max(most, answers.count)
                case .measured(let number, let figures):
                    #expect(number == 5 && found == nil)
                    found = figures
                case .report(let outcome): if case .failed = outcome { Issue.record("it has failed") }
                }
            }
        }

        /// What is found. `isSilent`: nothing is answered any more.
        mutating func measure(bytes limit: Int, isSilent: Bool = false) -> LinkFigures? {
            (most, bytes) = (0, 0)
            perform(probe.measure(5, bytes: limit, now))
            let start = now
            while found == nil, now - start < .seconds(20) {
                if let answer = answers.first, !isSilent, answer.at <= now + .milliseconds(250) {
                    hear(answer)
                } else {
                    now = now + .milliseconds(250)
                    perform(probe.tick(now))
                }
            }
            return found
        }
    }

    @Test(
        "A link is found to be as fast as it is",
        arguments: [(200, 1.2e8), (50, 1.2e9), (1_000, 1.25e7), (10_000, 1e7)]
    )
    func rates(microseconds: Int, bytesPerSecond: Double) throws {
        var link = PlayedLink(roundTrip: .microseconds(microseconds), bytesPerSecond: bytesPerSecond)
        let found = link.measure(bytes: Limits.measuringBytes)
        let figures = try #require(found)
        #expect(figures.roundTripMicroseconds == UInt64(microseconds))
        #expect((0.7 * bytesPerSecond...1.3 * bytesPerSecond).contains(figures.bytesPerSecond), "\(figures)")
        #expect(link.bytes <= Limits.measuringBytes)
    }

    @Test("Where only the round trip is wanted, nothing large travels")
    func roundTrip() throws {
        var link = PlayedLink(roundTrip: .milliseconds(3), bytesPerSecond: 1e9)
        let found = link.measure(bytes: 0)
        let figures = try #require(found)
        #expect(figures == LinkFigures(roundTripMicroseconds: 3_000))
        #expect(link.bytes == 0 && link.most == 1)
    }

    @Test("A slow link is left alone after a second, and never has more under way than it carries in two")
    func slow() throws {
        var link = PlayedLink(roundTrip: .milliseconds(20), bytesPerSecond: 5e5)
        let before = link.now
        let found = link.measure(bytes: Limits.measuringBytes)
        let figures = try #require(found)
        #expect(link.now - before < .seconds(4))
        #expect(link.bytes < 1_500_000 && link.most * Limits.probeBytes <= 1_000_000, "\(link.most)")
        #expect((3e5...7e5).contains(figures.bytesPerSecond))
    }

    @Test("What does not answer has no figures, in the end")
    func silence() {
        var link = PlayedLink(roundTrip: .milliseconds(1), bytesPerSecond: 1e9)
        var outputs = link.probe.measure(5, bytes: Limits.measuringBytes, link.now)
        for step in 1...12 { outputs += link.probe.tick(link.now + .milliseconds(250 * step)) }
        let found = outputs.compactMap { if case .measured(_, let figures) = $0 { figures } else { nil } }
        #expect(found == [LinkFigures()])
        #expect(outputs.contains(.report(.failed(.noAnswer))))
    }

    @Test("A link that is not proven is not measured, and one whose steps flow no further")
    func interrupted() {
        var unproven = LinkProbe(of: nil, now: .start)
        #expect(unproven.measure(5, bytes: 1 << 20, .start) == [.measured(5, LinkFigures())])
        var link = PlayedLink(roundTrip: .milliseconds(1), bytesPerSecond: 1e9)
        _ = link.probe.measure(5, bytes: 1 << 20, link.now)
        #expect(link.probe.endMeasuring() == [.measured(5, LinkFigures())])
        #expect(link.probe.endMeasuring() == [])
    }
}
