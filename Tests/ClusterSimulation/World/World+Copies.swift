// Responsible for: the part of a worker's shell that sends blocks to other workers and stores theirs. Must not know: which
// blocks are sent, and when.

import Cluster
import Sequences
import Wire

extension World {
    /// An order is carried out part by part; some parts have all layers of a block, others some of them.
    func copyBlocks(_ order: CopyBlocks, of epoch: Epoch, _ slot: Int) {
        nodes[slot].stage(of: epoch)?.freeze()
        var parts: [BlockCopies.Part] = []
        for extent in order.blocks {
            let cut = order.layers.lowerBound + random.below(order.layers.count)
            for layers in [order.layers.lowerBound..<cut, cut..<order.layers.upperBound] where !layers.isEmpty {
                parts.append(.init(layers: layers, extent: extent))
            }
            for layer in order.outputs {
                parts.append(.init(layers: layer - 1..<layer, extent: extent, isOutputs: true))
            }
        }
        let copies = BlockCopies(parts: parts, order: order, epoch: epoch, copying: nodes[slot].copying)
        plan(.sendPart(copies, 0), slot, after: random.milliseconds(0...2) * nodes[slot].slowness)
    }

    /// Steps may have been computed since it was ordered: it is sent as it is now.
    func sendPart(_ copies: BlockCopies, _ part: Int, _ slot: Int) {
        guard nodes[slot].copying == copies.copying, let stage = nodes[slot].stage(of: copies.epoch) else { return }
        let (order, what) = (copies.order, copies.parts[part])
        let values = stage.contents(of: what.layers, what.extent, isOutputs: what.isOutputs)
        note(stage.complaint)
        var contents = BlockContents(
            epoch: order.epoch, number: order.number, part: part, partCount: copies.parts.count, layers: what.layers,
            block: what.extent.block, positions: what.extent.positions, byteCount: values.count * 8)
        contents.isOutputs = what.isOutputs
        if let (target, life) = endpoints[order.endpoint] {
            let content = Content.blocks(contents, values, of: nodes[slot].id)
            post(content, from: .worker(slot), to: .worker(target), .copies, life: life)
        }
        if part + 1 < copies.parts.count {
            plan(.sendPart(copies, part + 1), slot, after: random.milliseconds(0...2))
        }
    }

    /// A part of what another worker has.
    func store(_ contents: BlockContents, _ values: [UInt64], from source: WorkerID, _ slot: Int) {
        guard let stage = nodes[slot].stage(of: contents.epoch) else { return }
        happened(contents.isOutputs ? .outputsCopied : .blocksCopied)
        stage.store(contents, values)
        note(stage.complaint)
        plan(.stored(contents, from: source), slot, after: random.milliseconds(0...2))
    }
}
