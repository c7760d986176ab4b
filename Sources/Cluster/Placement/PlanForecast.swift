// Responsible for: what a plan is thought to give: tokens per second of answers and prompts, and which stages decide. Must not
// know: how it was chosen, who wants to know.

import Sequences
import Wire

/// What it takes to get from one node to the next.
struct HopCosts: Sendable, Equatable {
    var seconds = 150e-6
    /// Nobody measured: that of a common network.
    var bytesPerSecond = 100e6
}

/// A plan over workers of known speeds.
struct PlanForecast: Sendable {
    let model: ModelShape
    /// In order.
    let stages: [(layers: Range<Int>, speed: WorkerSpeed)]
    let hops: HopCosts
    private let costs: StageCosts

    /// So many answers are many.
    static let manyAnswers = 32

    init(_ model: ModelShape, _ stages: [(layers: Range<Int>, speed: WorkerSpeed)], hops: HopCosts) {
        (self.model, self.hops) = (model, hops)
        self.stages = stages.map { ($0.layers, $0.speed.known) }
        costs = StageCosts(model)
    }

    /// [stages] seconds of a step at each.
    func seconds(_ step: StageCosts.Step) -> [Double] { stages.map { costs.seconds(step, at: $0.layers, $0.speed) } }

    /// For activations of so many tokens to get from one stage to the next, beside the way itself.
    private func transfer(_ tokens: Double) -> Double {
        stages.count > 1 ? tokens * Double(4 * model.activationsPerToken) / hops.bytesPerSecond : 0
    }

    /// From the coordinator through all stages and back.
    private func roundTrip(_ step: StageCosts.Step) -> Double {
        seconds(step).reduce(0, +) + Double(stages.count + 1) * hops.seconds
            + Double(stages.count - 1) * transfer(step.tokens)
    }

    /// All of it; `chunk`: tokens of a prompt in a step.
    func figures(chunk: Int) -> PlanPreview.Figures {
        var figures = PlanPreview.Figures()
        if stages.isEmpty { return figures }
        figures.oneAnswer = 1 / roundTrip(.decoding(1))
        figures.answers = Self.manyAnswers
        // Each of as many steps as there are stages has its share of the answers.
        let share = StageCosts.Step.decoding(Double(max(1, Self.manyAnswers / stages.count)))
        let answers = share.tokens * Double(stages.count)
        let slowest = max(seconds(share).max() ?? 0, transfer(share.tokens))
        figures.manyAnswers = answers / max(slowest * Double(stages.count), roundTrip(share))
        figures.promptTokens = chunk
        let piece = StageCosts.Step.prompt(Double(chunk))
        figures.prompt = Double(chunk) / max(seconds(piece).max() ?? 0, transfer(piece.tokens))
        figures.decodingBottleneck = Self.slowest(seconds(share))
        figures.promptBottleneck = Self.slowest(seconds(piece))
        return figures
    }

    private static func slowest(_ times: [Double]) -> Int { times.firstIndex(of: times.max() ?? 0) ?? 0 }
}
