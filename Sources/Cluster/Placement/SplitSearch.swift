// Responsible for: the best split of a model's layers over workers in a given order, and how good a split is. Must not know:
// how many KV blocks are wanted, who may take part.
//
// Decoding and prompts want different splits: steps that decode need the output matrix, which the last stage has, and
// pieces of prompts do not. Of each the slowest stage sets the pace. A split is as bad as the worse of two ratios: of its
// slowest stage in decoding to that of the best split for decoding alone, and the same for prompts. So no split is chosen
// by which either loses much, and the value of a split is the largest value of its stages, as dynamic programming needs it.

import Sequences
import Wire

/// Dynamic programming over (workers, layers).
struct SplitSearch {
    /// The steps by which a split is judged: few answers, whose step reads the weights, and a piece of a prompt, whose step
    /// computes.
    static let decoding = StageCosts.Step.decoding(4)
    static let prompt = StageCosts.Step.prompt(256)

    private let model: ModelShape
    private let candidates: [Planner.Candidate]
    /// Relative to the fastest, in steps.
    private let speeds: [WorkerSpeed]
    private let costs: StageCosts
    /// Bytes of the layers before each.
    private let sums: [UInt64]
    /// Bytes of a KV block in the layers before each.
    private let blockSums: [UInt64]
    /// What the ratios are to.
    private var fastest = (decoding: 1.0, prompt: 1.0)

    init(model: ModelShape, candidates: [Planner.Candidate]) {
        self.model = model
        self.candidates = candidates
        let known = candidates.map(\.speed.known)
        func steps(_ part: KeyPath<WorkerSpeed, Double>) -> [Double] {
            let fastest = known.map { $0[keyPath: part] }.max() ?? 1
            return known.map { Self.step($0[keyPath: part], fastest: fastest) * fastest }
        }
        speeds = zip(steps(\.readBytesPerSecond), steps(\.operationsPerSecond)).map {
            WorkerSpeed(readBytesPerSecond: $0, operationsPerSecond: $1)
        }
        costs = StageCosts(model)
        sums = model.layerBytes.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        blockSums = model.keyValueBytesPerBlock.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        fastest = (fastest(Self.decoding), fastest(Self.prompt))
    }

    /// Seconds at the slowest stage of the best split for such steps, were there memory enough.
    private func fastest(_ step: StageCosts.Step) -> Double {
        let best = solve(combine: { max($0, $1) }, cost: { seconds(step, $0, $1) }, fits: { _, _ in true })
        return best.map { max($0.value, .leastNormalMagnitude) } ?? 1
    }

    /// Speeds in steps of 0.7 below the fastest, so that the noise of measurements on like machines changes no plan:
    /// whatever is over 0.8 of a step is at it.
    private static func step(_ speed: Double, fastest: Double) -> Double {
        guard fastest > 0, speed > 0 else { return 1 }
        var step = 1.0
        while speed / fastest < step * 0.8, step > 0.001 { step *= 0.7 }
        return step
    }

    func best(blockCount: Int) -> Plan? {
        func find(
            keepsOutputs: Bool, limit: Double = .infinity, _ combine: (Double, Double) -> Double
        ) -> (value: Double, stages: [Plan.Share])? {
            solve(limit: limit, combine: combine, cost: { cost($0, $1) }) {
                fits($0, $1, blockCount, keepsOutputs: keepsOutputs)
            }
        }
        guard let slowest = find(keepsOutputs: false, { max($0, $1) }) else { return nil }
        for keepsOutputs in [true, false] {
            let best = find(keepsOutputs: keepsOutputs, limit: slowest.value) { $0 + $1 * $1 }
            if let best { return Plan(stages: best.stages, blockCount: blockCount, keepsOutputs: keepsOutputs) }
        }
        return nil
    }

    /// Of the splits whose stages have at most this value the one with the fewest bytes of weights to be fetched, and among
    /// those the most even; nil: none fits. [candidates] `cached`: the layers that each has on its disk.
    func sparing(_ blockCount: Int, keepsOutputs: Bool, limit: Double, cached: [[Range<Int>]]) -> Plan? {
        /// [candidates, layers and one more] bytes that are missing of the layers before each.
        let missing = cached.map { there in
            model.layerBytes.indices.reduce(into: [0.0]) { sums, layer in
                let isThere = there.contains { $0.contains(layer) }
                sums.append(sums[layer] + (isThere ? 0 : Double(model.weightBytes(of: layer..<layer + 1))))
            }
        }
        let best = solve(combine: +) { layers, candidate in
            // No split is so uneven that it counts as a byte.
            let value = cost(layers, candidate)
            return missing[candidate][layers.upperBound] - missing[candidate][layers.lowerBound] + value * value * 1e-6
        } fits: {
            cost($0, $1) <= limit && fits($0, $1, blockCount, keepsOutputs: keepsOutputs)
        }
        return best.map { Plan(stages: $0.stages, blockCount: blockCount, keepsOutputs: keepsOutputs) }
    }

    /// The stages with the least value: the costs of their stages combined, each at most `limit`. A stage of more layers
    /// costs no less and fits no better.
    private func solve(
        limit: Double = .infinity, combine: (Double, Double) -> Double, cost: (Range<Int>, _ candidate: Int) -> Double,
        fits: (Range<Int>, _ candidate: Int) -> Bool
    ) -> (value: Double, stages: [Plan.Share])? {
        let layerCount = model.layerBytes.count
        var best = Array(repeating: Double.infinity, count: layerCount + 1)
        best[0] = 0
        // choices[worker][end]: where the worker's layers begin when `end` layers are placed; nil: it has none.
        var choices: [[Int?]] = []
        for index in candidates.indices {
            var next = best
            var choice: [Int?] = Array(repeating: nil, count: layerCount + 1)
            for end in 1...layerCount {
                for start in stride(from: end - 1, through: 0, by: -1) {
                    let cost = cost(start..<end, index)
                    // Nothing before it makes up for what it costs alone.
                    if cost > limit || combine(0, cost) >= next[end] || !fits(start..<end, index) { break }
                    let value = combine(best[start], cost)
                    if value < next[end] {
                        next[end] = value
                        choice[end] = start
                    }
                }
            }
            best = next
            choices.append(choice)
        }
        if best[layerCount] == .infinity { return nil }
        var stages: [Plan.Share] = []
        var end = layerCount
        for index in candidates.indices.reversed() {
            guard end > 0, let start = choices[index][end] else { continue }
            stages.append(Plan.Share(worker: candidates[index].worker, layers: start..<end))
            end = start
        }
        return (best[layerCount], stages.reversed())
    }

    // MARK: How good a split is

    /// The value of a stage; nil: it does not fit into its worker, or there is no such.
    func time(_ share: Plan.Share, _ blockCount: Int, keepsOutputs: Bool) -> Double? {
        guard let index = candidates.firstIndex(where: { $0.worker == share.worker }),
            fits(share.layers, index, blockCount, keepsOutputs: keepsOutputs)
        else { return nil }
        return cost(share.layers, index)
    }

    /// That of a plan: how many times as long as with the best split for each its steps take at their slowest stages, of
    /// decoding or of prompts, where that is more.
    func slowest(_ plan: Plan) -> Double? {
        let values = plan.stages.compactMap { time($0, plan.blockCount, keepsOutputs: plan.keepsOutputs) }
        return values.count == plan.stages.count ? values.max() : nil
    }

    private func cost(_ layers: Range<Int>, _ candidate: Int) -> Double {
        max(
            seconds(Self.decoding, layers, candidate) / fastest.decoding,
            seconds(Self.prompt, layers, candidate) / fastest.prompt)
    }

    private func seconds(_ step: StageCosts.Step, _ layers: Range<Int>, _ candidate: Int) -> Double {
        costs.seconds(step, at: layers, speeds[candidate])
    }

    private func fits(_ layers: Range<Int>, _ candidate: Int, _ blockCount: Int, keepsOutputs: Bool) -> Bool {
        let outputs = keepsOutputs ? model.outputBytes(of: layers, blockCount: blockCount) : 0
        let workspace = model.workspaceBytes(threads: candidates[candidate].threads)
        return bytes(layers.lowerBound, layers.upperBound, blockCount) + outputs + workspace
            <= candidates[candidate].memoryBytes
    }

    private func bytes(_ start: Int, _ end: Int, _ blockCount: Int) -> UInt64 {
        var bytes =
            sums[end] - sums[start] + (blockSums[end] - blockSums[start]) * UInt64(blockCount)
        if start == 0 { bytes += model.embeddingBytes }
        if end == model.layerBytes.count { bytes += model.headBytes }
        return start == 0 && end == model.layerBytes.count ? bytes - min(bytes, model.tiedBytes) : bytes
    }
}
