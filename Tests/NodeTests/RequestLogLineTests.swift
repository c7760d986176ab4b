// Responsible for: what the log says of a request that has ended. Must not know: clusters.
import Generation
import Logging
import Sequences
import Testing
import Wire

@testable import Node

@Suite("Lines of the log about requests")
struct RequestLogLineTests {
    private let start = ContinuousClock.now

    private func number(_ metadata: Logger.Metadata, _ name: String) -> Double? {
        guard case .stringConvertible(let value)? = metadata[name] else { return nil }
        return Double("\(value)")
    }

    @Test("Tokens, times and the reason")
    func finished() {
        var line = RequestLogLine(RequestID(17), of: "5f", at: start)
        line.note(.accepted(model: "m", promptTokens: [1, 2, 3], droppedMessages: 0), at: start + .seconds(1))
        line.note(.tokens([], text: "x"), at: start + .seconds(2))
        line.note(.reasoning([SampledToken(token: 4)], text: "secret"), at: start + .seconds(3))
        line.note(.tokens([SampledToken(token: 5)], text: "secret"), at: start + .seconds(4))
        var timings = GenerationTimings()
        timings.generatedTokens = 3
        line.note(.finished(.length, timings), at: start + .seconds(5))
        let metadata = line.metadata(at: start + .seconds(6))
        #expect(metadata["client"] == "5f" && metadata["reason"] == "length" && metadata["why"] == nil)
        #expect(number(metadata, "id") == 17 && number(metadata, "prompt_tokens") == 3)
        #expect(number(metadata, "answer_tokens") == 3 && number(metadata, "first_token_seconds") == 3)
        #expect(number(metadata, "seconds") == 6 && !"\(metadata)".contains("secret"))
    }

    @Test("Why a request failed, but not what it said")
    func failed() {
        func why(_ error: any Error) -> Logger.Metadata {
            var line = RequestLogLine(RequestID(1), of: "c", at: start)
            line.fail(error)
            return line.metadata(at: start)
        }
        let busy = why(TandemError("the queue is full", kind: .overloaded(retryAfterMilliseconds: 1)))
        #expect(busy["reason"] == "failed" && busy["why"] == "the queue is full" && busy["first_token_seconds"] == nil)
        #expect(why(TandemError("\(.tools) has secret"))["why"] == "its tools is refused")
        #expect(why(TandemError("the template says secret"))["why"] == "it is refused")
        #expect(why(CancellationError())["why"] == "CancellationError")
        #expect(RequestLogLine(RequestID(1), of: "c").metadata()["reason"] == "cancelled")
    }
}
