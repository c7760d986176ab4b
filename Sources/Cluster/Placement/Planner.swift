// Responsible for: the best contiguous split of a model over workers. Must not know: why it is asked, what time it is.

import Sequences
import Wire

/// A pure function from a model and workers to a plan.
package struct Planner: Sendable {
    /// A worker as far as placement goes.
    package struct Candidate: Sendable, Equatable {
        package var worker: WorkerID
        /// What it offers.
        package var memoryBytes: UInt64
        /// Bytes per second: decoding reads every weight once for a token. 0: not known.
        package var readBytesPerSecond: Double
        package var threads: Int
        package init(worker: WorkerID, memoryBytes: UInt64, readBytesPerSecond: Double, threads: Int = 1) {
            self.worker = worker
            self.memoryBytes = memoryBytes
            self.readBytesPerSecond = readBytesPerSecond
            self.threads = threads
        }
    }

    package var model: ModelShape
    package var minimumBlocks: Int
    package var wantedBlocks: Int

    /// Plans have at most `wantedBlocks` KV blocks and never fewer than `minimumBlocks`.
    package init(model: ModelShape, minimumBlocks: Int, wantedBlocks: Int) {
        self.model = model
        self.minimumBlocks = max(1, minimumBlocks)
        self.wantedBlocks = max(self.minimumBlocks, wantedBlocks)
    }

    /// The split over candidates in their order whose slowest stage is fastest; among those, the most even. A worker
    /// that would only slow the others down gets no layers. As many KV blocks as fit, halving from `wantedBlocks`. Stages
    /// keep their outputs where that makes nothing slower and no block fewer.
    package func plan(_ candidates: [Candidate]) -> Result<Plan, PlanRefusal> {
        if candidates.isEmpty { return .failure(.tooFewWorkers(needed: 1, present: 0)) }
        let search = SplitSearch(model: model, candidates: candidates)
        for blocks in blockCounts {
            if let plan = search.best(blockCount: blocks) { return .success(plan) }
        }
        return .failure(memoryRefusal(candidates))
    }

    /// The split a person asked for: its ranges on the first candidates, in order.
    package func plan(split: [Range<Int>], _ candidates: [Candidate]) -> Result<Plan, PlanRefusal> {
        if let problem = Self.problem(withSplit: split, layerCount: model.layerBytes.count) {
            return .failure(.invalidSplit(problem))
        }
        guard candidates.count >= split.count else {
            return .failure(.tooFewWorkers(needed: split.count, present: candidates.count))
        }
        var refusal = PlanRefusal.tooFewWorkers(needed: split.count, present: candidates.count)
        for blocks in blockCounts {
            let pairs = zip(candidates, split)
            let bad = pairs.first {
                $0.memoryBytes < model.stageBytes(of: $1, blockCount: blocks, threads: $0.threads)
            }
            guard let bad else {
                let stages = pairs.map { Plan.Share(worker: $0.worker, layers: $1) }
                let keepsOutputs = pairs.allSatisfy {
                    $0.memoryBytes
                        >= model.stageBytes(of: $1, blockCount: blocks, threads: $0.threads, keepsOutputs: true)
                }
                return .success(Plan(stages: stages, blockCount: blocks, keepsOutputs: keepsOutputs))
            }
            refusal = .splitDoesNotFit(
                layers: bad.1, worker: bad.0.worker,
                needed: model.stageBytes(of: bad.1, blockCount: blocks, threads: bad.0.threads),
                offered: bad.0.memoryBytes)
        }
        return .failure(refusal)
    }

    /// What is wrong with a split, as a sentence; nil: nothing.
    package static func problem(withSplit split: [Range<Int>], layerCount: Int) -> Sentence? {
        var next = 0
        for range in split {
            if range.isEmpty || range.lowerBound != next {
                return
                    "\(.split) has layers \(range.lowerBound) to \(range.upperBound - 1) where layer \(next) should follow"
            }
            next = range.upperBound
        }
        if next != layerCount {
            return "\(.split) ends with layer \(next - 1), but the model's last is \(layerCount - 1)"
        }
        return split.count > Limits.workers ? "\(.split) has more than \(Limits.workers) ranges" : nil
    }

    private var blockCounts: [Int] {
        var counts = [wantedBlocks]
        while let last = counts.last, last > minimumBlocks { counts.append(max(minimumBlocks, last / 2)) }
        return counts
    }

    private func memoryRefusal(_ candidates: [Candidate]) -> PlanRefusal {
        let layers = 0..<model.layerBytes.count
        let workers = min(candidates.count, layers.count)
        let offered = candidates.reduce(UInt64(0)) { $0 + min($1.memoryBytes, 1 << 50) }
        let needed =
            model.stageBytes(of: layers, blockCount: minimumBlocks)
            + (workers > 1 ? model.tiedBytes + model.workspaceBytes * UInt64(workers - 1) : 0)
        if needed > offered { return .notEnoughMemory(needed: needed, offered: offered, workers: candidates.count) }
        let largest = layers.map { model.stageBytes(of: $0..<$0 + 1, blockCount: minimumBlocks) }.max() ?? 0
        return .noFit(needed: needed, offered: offered, workers: candidates.count, largestLayer: largest)
    }
}

/// Dynamic programming over (workers, layers).
struct SplitSearch {
    private let model: ModelShape
    private let candidates: [Planner.Candidate]
    /// Relative to the fastest, in steps.
    private let speeds: [Double]
    /// Bytes of the layers before each.
    private let sums: [UInt64]
    /// Bytes of a KV block in the layers before each.
    private let blockSums: [UInt64]

    init(model: ModelShape, candidates: [Planner.Candidate]) {
        self.model = model
        self.candidates = candidates
        let fastest = candidates.map(\.readBytesPerSecond).max() ?? 0
        speeds = candidates.map { Self.step($0.readBytesPerSecond, fastest: fastest) }
        sums = model.layerBytes.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        blockSums = model.keyValueBytesPerBlock.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
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
        guard let slowest = solve(blockCount, false, limit: .infinity, combine: { max($0, $1) }) else { return nil }
        for keepsOutputs in [true, false] {
            let best = solve(blockCount, keepsOutputs, limit: slowest.value, combine: { $0 + $1 * $1 })
            if let best { return Plan(stages: best.stages, blockCount: blockCount, keepsOutputs: keepsOutputs) }
        }
        return nil
    }

    /// The stages with the least value: the costs of their stages combined, each at most `limit`.
    private func solve(
        _ blockCount: Int, _ keepsOutputs: Bool, limit: Double, combine: (Double, Double) -> Double
    ) -> (value: Double, stages: [Plan.Share])? {
        let layerCount = model.layerBytes.count
        var best = Array(repeating: Double.infinity, count: layerCount + 1)
        best[0] = 0
        // choices[worker][end]: where the worker's layers begin when `end` layers are placed; nil: it has none.
        var choices: [[Int?]] = []
        for (index, candidate) in candidates.enumerated() {
            var next = best
            var choice: [Int?] = Array(repeating: nil, count: layerCount + 1)
            for end in 1...layerCount {
                for start in stride(from: end - 1, through: 0, by: -1) {
                    let cost = cost(start, end, speeds[index])
                    let outputs = keepsOutputs ? model.outputBytes(of: start..<end, blockCount: blockCount) : 0
                    let bytes =
                        bytes(start, end, blockCount) + outputs + model.workspaceBytes(threads: candidate.threads)
                    if bytes > candidate.memoryBytes || cost > limit { break }
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

    /// The time of a decode step at a stage, up to a factor; nil: it does not fit into its worker, or there is no such.
    func time(_ share: Plan.Share, _ blockCount: Int, keepsOutputs: Bool) -> Double? {
        guard let index = candidates.firstIndex(where: { $0.worker == share.worker }) else { return nil }
        let bytes = model.stageBytes(
            of: share.layers, blockCount: blockCount, threads: candidates[index].threads, keepsOutputs: keepsOutputs)
        guard bytes <= candidates[index].memoryBytes else { return nil }
        return cost(share.layers.lowerBound, share.layers.upperBound, speeds[index])
    }

    /// The same for the slowest stage of a plan.
    func slowest(_ plan: Plan) -> Double? {
        let times = plan.stages.compactMap { time($0, plan.blockCount, keepsOutputs: plan.keepsOutputs) }
        return times.count == plan.stages.count ? times.max() : nil
    }

    /// The time of a decode step, up to a factor: what is read for one token.
    private func cost(_ start: Int, _ end: Int, _ speed: Double) -> Double {
        let head = end == model.layerBytes.count ? model.headBytes : 0
        return Double(sums[end] - sums[start] + head) / speed
    }

    private func bytes(_ start: Int, _ end: Int, _ blockCount: Int) -> UInt64 {
        var bytes =
            sums[end] - sums[start] + (blockSums[end] - blockSums[start]) * UInt64(blockCount)
        if start == 0 { bytes += model.embeddingBytes }
        if end == model.layerBytes.count { bytes += model.headBytes }
        return start == 0 && end == model.layerBytes.count ? bytes - min(bytes, model.tiedBytes) : bytes
    }
}
