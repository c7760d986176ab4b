// Responsible for: what loops say of themselves, and when; and the end of a coordinator by its clock.
// Must not know: who listens.
import Cluster
import Sequences
import Synchronization
import Testing

@testable import Node

@Suite("Supervision")
struct SupervisionTests {
    private static func time(_ milliseconds: Int) -> Moment { .start + .milliseconds(milliseconds) }

    @Test("A pulse beats at once and then at its interval; without a supervisor never")
    func pulse() {
        let heard = Mutex<[String]>([])
        let supervisor = Supervisor(every: .seconds(2)) { state in heard.withLock { $0.append(state.sentence) } }
        var pulse = LoopPulse(supervisor, now: .start)
        for milliseconds in [0, 10, 1999, 2000, 2001, 7000, 8999, 9000] {
            pulse.beat(Self.time(milliseconds)) { NodeState(isReady: true, sentence: "\(milliseconds)") }
        }
        #expect(heard.withLock { $0 } == ["0", "2000", "7000", "9000"])
        #expect(pulse.deadline == Self.time(11000))
        var silent = LoopPulse(nil, now: .start)
        silent.beat(.start) {
            Issue.record("nobody asked")
            return NodeState(isReady: true, sentence: "")
        }
        #expect(silent.deadline == nil)
    }

    @Test("A coordinator without requests ends at once")
    func idle() {
        var drain = Drain(limit: .seconds(30))
        #expect(drain.step(.start, isIdle: true) == .nothing && drain.deadline == nil && !drain.hasBegun)
        drain.begin(Self.time(5), isIdle: true)
        #expect(drain.hasBegun && drain.step(Self.time(5), isIdle: true) == .end)
    }

    @Test("What runs may go on until the limit, and what was sent last has a moment to arrive")
    func limits() {
        var drain = Drain(limit: .seconds(30))
        drain.begin(.start, isIdle: false)
        drain.begin(Self.time(29_000), isIdle: false)
        #expect(drain.deadline == Self.time(30_000))
        #expect(drain.step(Self.time(29_999), isIdle: false) == .nothing)
        var early = drain
        #expect(early.step(Self.time(29_999), isIdle: true) == .nothing)
        #expect(early.step(Self.time(30_248), isIdle: true) == .nothing)
        #expect(early.step(Self.time(30_249), isIdle: true) == .end)
        #expect(drain.step(Self.time(30_000), isIdle: false) == .giveUp)
        #expect(drain.step(Self.time(30_249), isIdle: false) == .nothing)
        #expect(drain.step(Self.time(30_250), isIdle: false) == .end)
        var impatient = Drain(limit: .zero)
        impatient.begin(.start, isIdle: false)
        #expect(impatient.step(.start, isIdle: false) == .end)
    }

    @Test("A coordinator says whether it serves, why not, and how much it has to do")
    func sentences() {
        var summary = ServiceSummary(obstacle: "waiting for workers", workers: 0, running: 0, waiting: 3)
        func state(isStopping: Bool = false) -> NodeState {
            NodeState(summary, model: "M", isStopping: isStopping)
        }
        #expect(
            state() == NodeState(isReady: false, sentence: "waiting for workers; requests: 0 running, 3 waiting"))
        summary = ServiceSummary(obstacle: nil, workers: 1, running: 2, waiting: 0)
        #expect(
            state() == NodeState(isReady: true, sentence: "serving M on 1 worker; requests: 2 running, 0 waiting"))
        #expect(
            state(isStopping: true)
                == NodeState(isReady: false, sentence: "stopping; requests: 2 running, 0 waiting"))
    }
}
