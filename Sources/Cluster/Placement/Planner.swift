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
        package var speed: WorkerSpeed
        package var threads: Int
        package init(worker: WorkerID, memoryBytes: UInt64, speed: WorkerSpeed, threads: Int = 1) {
            self.worker = worker
            self.memoryBytes = memoryBytes
            self.speed = speed
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

    /// The split over candidates in their order that loses least of what is best for decoding and of what is best for
    /// prompts (see `SplitSearch`); among those, the most even. A worker that would only slow the others down gets no
    /// layers. As many KV blocks as fit, halving from `wantedBlocks`. Stages keep their outputs where that makes nothing
    /// slower and no block fewer.
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
