// Responsible for: which node had which layers of a plan that served, as a journal keeps it, and the bytes of it. Must not
// know: files, how plans are chosen.

import FoundationEssentials
import Sequences

/// A plan that serves, or served: where everything starts again, each node is to get the layers that it has on its disk.
package struct JournalPlan: Equatable, Sendable {
    /// A node is known by its key, and its disk by what its cache of weights is called; either may be unknown.
    package struct Stage: Equatable, Sendable {
        package var layers: Range<Int>
        /// nil: links are open.
        package var key: NodeKey?
        /// nil: its worker keeps no weights.
        package var cache: ContentHash?
        package init(layers: Range<Int>, key: NodeKey?, cache: ContentHash?) {
            (self.layers, self.key, self.cache) = (layers, key, cache)
        }
    }

    package var epoch: Epoch
    /// In order, without gaps, from the first layer on.
    package var stages: [Stage]
    /// It has served for so long that those before it are of no use any more.
    package var isSettled = false
    package init(epoch: Epoch, stages: [Stage], isSettled: Bool = false) {
        (self.epoch, self.stages, self.isSettled) = (epoch, stages, isSettled)
    }

    /// Whether it is over the same nodes as another, whoever has which layers.
    func isOverSameNodes(as other: JournalPlan) -> Bool {
        stages.count == other.stages.count
            && stages.allSatisfy { stage in other.stages.contains { ($0.key, $0.cache) == (stage.key, stage.cache) } }
    }
}

extension JournalPlan {
    var proto: PJournalPlan {
        var p = PJournalPlan()
        p.epoch = epoch.value
        p.stages = stages.map { stage in
            var p = PJournalStage()
            p.endLayer = UInt32(stage.layers.upperBound)
            if let key = stage.key { p.key = Data(key.bytes) }
            if let cache = stage.cache { p.cache = Data(cache.bytes) }
            return p
        }
        p.isSettled = isSettled
        return p
    }

    init(_ p: PJournalPlan) throws(WireError) {
        let check = Check("JournalPlan")
        self.init(epoch: Epoch(p.epoch), stages: [], isSettled: p.isSettled)
        var first = 0
        for stage in try check.array(p.stages, "stages", atMost: Limits.workers) {
            let end = try check.count(stage.endLayer, "endLayer", from: first + 1, to: Limits.layers)
            stages.append(
                Stage(
                    layers: first..<end, key: try check.key(stage.key, "key"),
                    cache: stage.cache.isEmpty ? nil : try check.hash(stage.cache, "cache")))
            first = end
        }
        if stages.isEmpty { throw WireError("JournalPlan.stages is empty") }
    }
}
