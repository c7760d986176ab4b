// Responsible for: which worker runs which layers, or what is missing for that. Must not know: how it is decided.

import Sequences
import Wire

/// An ordered list of stages that together run every layer.
package struct Plan: Sendable, Equatable {
    /// A worker and its layers.
    package struct Share: Sendable, Equatable {
        package var worker: WorkerID
        package var layers: Range<Int>
    }

    package var stages: [Share]
    /// KV blocks of every stage.
    package var blockCount: Int
    /// Stages keep what they put out, of all positions in blocks: what is behind them can be rebuilt from it alone.
    package var keepsOutputs = false

    /// The layers of a worker; nil: it has none.
    package func layers(of worker: WorkerID) -> Range<Int>? {
        stages.first { $0.worker == worker }?.layers
    }
}

/// Why there is no plan, with numbers.
package enum PlanRefusal: Error, Sendable, Equatable {
    case tooFewWorkers(needed: Int, present: Int)
    /// Weights, keys and values of one whole context, and workspace, against what all workers offer together.
    case notEnoughMemory(needed: UInt64, offered: UInt64, workers: Int)
    /// Together there is enough memory, but not for whole layers on each worker.
    case noFit(needed: UInt64, offered: UInt64, workers: Int, largestLayer: UInt64)
    /// A range of the split that was asked for needs more than the worker it falls to offers.
    case splitDoesNotFit(layers: Range<Int>, worker: WorkerID, needed: UInt64, offered: UInt64)
    case invalidSplit(Sentence)
    /// Some have what an earlier coordinator's plan gave them, and others of that plan may be about to come back.
    case heldInPart(layers: Int, of: Int)
    /// Some that had layers before the coordinator started are back, and others may be about to come.
    case recalledInPart(absent: Int, of: Int)

    /// A sentence without a full stop.
    package var sentence: Sentence {
        switch self {
        case .tooFewWorkers(let needed, let present):
            return "waiting for workers: \(needed) needed, \(present) joined"
        case .notEnoughMemory(let needed, let offered, let workers):
            return "the model needs \(bytesText(needed)) on \(workers) worker\(workers == 1 ? "" : "s"), which offer "
                + "\(bytesText(offered)): \(bytesText(needed - min(needed, offered))) are missing"
        case .noFit(let needed, let offered, let workers, let largest):
            return "the model needs \(bytesText(needed)) and \(workers) workers offer \(bytesText(offered)), but no "
                + "split into whole layers (the largest with keys, values and workspace: \(bytesText(largest))) fits "
                + "into the memory of each"
        case .splitDoesNotFit(let layers, let worker, let needed, let offered):
            return "\(.split) puts layers \(layers.lowerBound)-\(layers.upperBound - 1) on \(worker), which offers "
                + "\(bytesText(offered)); they need \(bytesText(needed))"
        case .invalidSplit(let problem):
            return problem
        case .heldInPart(let layers, let count):
            return
                "\(layers) of \(count) layers are held since before the coordinator started; waiting a moment for the "
                + "workers that held the others"
        case .recalledInPart(let absent, let count):
            return "\(absent) of the \(count) workers that had layers before are not back; waiting a moment for them"
        }
    }
}

/// Bytes with one decimal in the largest fitting unit, such as "3.4 GiB".
package func bytesText(_ bytes: UInt64) -> String {
    for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] as [(String, UInt64)]
    where bytes >> shift > 0 {
        let tenths = ((bytes >> (shift - 10)) * 10) >> 10
        return "\(tenths / 10).\(tenths % 10) \(unit)"
    }
    return "\(bytes) bytes"
}
