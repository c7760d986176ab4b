// Responsible for: what a plan is predicted to give, where that is known. Must not know: how it was chosen.

import Testing
import Wire

@testable import Cluster

@Suite struct PlanForecastTests {
    /// 16 layers of 1,000,000 bytes, no head; activations of 1,000 floats.
    private func model(head: UInt64 = 0) -> ModelShape {
        var model = Example.model(layers: 16)
        model.layerBytes = Array(repeating: 1_000_000, count: 16)
        model.layerOperations = Array(repeating: 2_000_000, count: 16)
        (model.headBytes, model.headOperations) = (head, Double(2 * head))
        model.activationsPerToken = 1_000
        return model
    }

    /// Reads 1 GB and does 64 GOP a second: a layer takes 1 ms for up to 32 tokens.
    private let speed = WorkerSpeed(readBytesPerSecond: 1e9, operationsPerSecond: 64e9)

    private func forecast(
        _ ranges: [Range<Int>], head: UInt64 = 0, hops: HopCosts = HopCosts(seconds: 0, bytesPerSecond: 1e12)
    ) -> PlanForecast {
        PlanForecast(model(head: head), ranges.map { ($0, speed) }, hops: hops)
    }

    private func isNear(_ one: Double, _ other: Double) -> Bool { abs(one / other - 1) < 1e-3 }

    @Test("One answer waits for all stages and hops, many for the slowest stage")
    func answers() {
        let figures = forecast([0..<8, 8..<16]).figures(chunk: 256)
        #expect(isNear(figures.oneAnswer, 1 / 0.016))
        #expect(figures.answers == 32 && isNear(figures.manyAnswers, 32 / 0.016))
        let slow = forecast([0..<8, 8..<16], hops: HopCosts(seconds: 0.004, bytesPerSecond: 1e12)).figures(chunk: 256)
        #expect(isNear(slow.oneAnswer, 1 / 0.028) && isNear(slow.manyAnswers, 32 / 0.028))
    }

    @Test("A prompt waits for the stage with most layers, and does not need the output matrix")
    func prompts() {
        let figures = forecast([0..<10, 10..<16], head: 6_000_000).figures(chunk: 256)
        #expect(figures.promptBottleneck == 0 && figures.decodingBottleneck == 1)
        #expect(figures.promptTokens == 256 && isNear(figures.prompt, 256 / (10 * 0.008)))
        #expect(isNear(figures.manyAnswers, 32 / 0.024))
    }

    @Test("A link that carries less than stages compute decides")
    func link() {
        // 256 tokens of 4,000 bytes.
        let figures = forecast([0..<8, 8..<16], hops: HopCosts(seconds: 0, bytesPerSecond: 1.024e6)).figures(chunk: 256)
        #expect(isNear(figures.prompt, 256))
        #expect(forecast([0..<16], hops: HopCosts(seconds: 0, bytesPerSecond: 1)).figures(chunk: 256).prompt > 1_000)
    }

    @Test("No stages give nothing")
    func nothing() { #expect(forecast([]).figures(chunk: 256) == .init()) }
}
