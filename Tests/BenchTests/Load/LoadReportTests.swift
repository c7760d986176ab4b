// Figures of loads: percentiles, rates, goodput, gaps and endings of requests whose times are given.
import Node
import Sequences
import Testing

@testable import Bench

@Suite("Figures of loads")
struct LoadReportTests {
    private static func record(
        _ submitted: Double, _ times: [Double], prompt: Int = 10, _ ending: RequestRecord.Ending = .completed
    ) -> RequestRecord {
        var record = RequestRecord(
            submitted: submitted, ended: times.last ?? submitted, promptTokens: prompt, ending: ending)
        record.tokenTimes = times
        return record
    }

    @Test("A percentile is the smallest number that so many do not exceed")
    func nearestRank() throws {
        let hundred = try #require(Percentiles((1...100).map(Double.init).reversed()))
        #expect((hundred.p50, hundred.p90, hundred.p99, hundred.maximum) == (50, 90, 99, 100))
        let five = try #require(Percentiles([15, 20, 35, 40, 50]))
        #expect((five.p50, five.p90, five.p99, five.maximum) == (35, 50, 50, 50))
        let two = try #require(Percentiles([4, 3]))
        #expect((two.p50, two.p90, two.p99) == (3, 4, 4))
        let one = try #require(Percentiles([7]))
        #expect((one.p50, one.p90, one.p99, one.maximum) == (7, 7, 7, 7))
        #expect(Percentiles([]) == nil)
    }

    @Test("Rates are of the time from the first submission to the last end")
    func rates() throws {
        let run = [Self.record(1, [2, 3, 4]), Self.record(2, [3, 5], prompt: 30)]
        let report = try LoadReport([run], limits: LatencyLimits())
        #expect(report.seconds == 4)
        #expect(report.tokensPerSecond.median == 5.0 / 4)
        #expect(report.promptTokensPerSecond.median == 10)
        #expect(report.requestsPerSecond.median == 0.5)
        #expect((report.promptTokens, report.answerTokens, report.requests) == (40, 5, 2))
        #expect(report.timeToFirstTokenSeconds?.maximum == 1)
        #expect(report.timeBetweenTokensMilliseconds?.p50 == 1000)
        #expect(report.timeBetweenTokensMilliseconds?.p99 == 2000)
        #expect(report.longestGapSeconds == 2)
    }

    @Test("Goodput counts whole answers that ended well, began in time and went on fast enough on average")
    func goodput() throws {
        var limits = LatencyLimits()
        (limits.firstTokenSeconds, limits.betweenTokensMilliseconds) = (1, 500)
        let run = [
            Self.record(0, [1, 1.1, 2]),  // 1 s, and 500 ms on average: just good
            Self.record(0, [1.1, 1.2, 1.3]),  // begins too late
            Self.record(0, [0.5, 1.1]),  // too slow
            Self.record(0, [1]),  // a lone token
            Self.record(0, [0.1, 0.2], .failed("broken")),
            Self.record(0, [], .refused("full")),
        ]
        let report = try LoadReport([run], limits: limits)
        #expect(report.good == 2)
        #expect(report.goodput.median == 4.0 / 2)
        #expect(report.tokensPerSecond.median == 11.0 / 2)
    }

    @Test("Every ending is counted, and the commonest reasons come first")
    func endings() throws {
        var run = [Self.record(0, [1]), Self.record(0, [], .cancelled), Self.record(0, [], .lost("gone"))]
        run += Array(repeating: Self.record(0, [], .refused("full")), count: 3)
        run += Array(repeating: Self.record(0, [1], .failed("broken")), count: 2)
        let report = try LoadReport([run], limits: LatencyLimits())
        #expect((report.completed, report.cancelled, report.lost) == (1, 1, 1))
        #expect((report.refused, report.failed, report.requests) == (3, 2, 8))
        #expect(report.reasons.map(\.message) == ["full", "broken", "gone"])
        #expect(report.reasons.map(\.requests) == [3, 2, 1])
    }

    @Test("Several runs give the spread of their rates and the latencies of all their requests")
    func runs() throws {
        let runs = [[Self.record(0, [1, 2])], [], [Self.record(5, [5.5, 6])], [Self.record(0, [3, 4])]]
        let report = try LoadReport(runs, limits: LatencyLimits())
        #expect(report.tokensPerSecond.minimum == 0.5 && report.tokensPerSecond.maximum == 2)
        #expect(report.tokensPerSecond.median == 1)
        #expect(report.seconds == 7)
        #expect(report.timeToFirstTokenSeconds == Percentiles([1, 0.5, 3]))
    }

    @Test("Nothing came: there are no latencies, and without any request no report")
    func nothing() throws {
        let report = try LoadReport([[Self.record(0, [], .refused("full"))]], limits: LatencyLimits())
        #expect(report.timeToFirstTokenSeconds == nil && report.timeBetweenTokensMilliseconds == nil)
        #expect(report.tokensPerSecond.median == 0 && report.longestGapSeconds == 0)
        #expect(throws: TandemError.self) { try LoadReport([[], []], limits: LatencyLimits()) }
    }
}
