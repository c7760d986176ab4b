// Responsible for: the bytes of what a worker says that it holds. Must not know: sockets, time.

import FoundationEssentials
import Sequences

extension Holding {
    var proto: PHolding {
        var p = PHolding()
        guard let model else { return p }
        p.model = .init(model.bytes)
        p.firstLayer = UInt32(layers.lowerBound)
        p.endLayer = UInt32(layers.upperBound)
        p.since = since.map(\.value)
        p.keyValueBlockCount = UInt32(keyValueBlockCount)
        if let outputs {
            p.outputsLayer = UInt32(outputs.layer)
            p.outputsSince = outputs.since.value
        }
        let told = blocks.prefix(Limits.heldBlocks)
        p.blocks = told.map { UInt32($0.block) }
        p.parents = told.map { $0.parent.map { UInt32($0) + 1 } ?? 0 }
        p.restartLengths = told.map { UInt32($0.restartLength) }
        p.tokenCounts = told.map { UInt32($0.tokens.count) }
        p.tokens = told.flatMap(\.tokens)
        return p
    }

    init(_ p: PHolding) throws(WireError) {
        self.init()
        if p.model.isEmpty { return }
        let check = Check("Holding")
        model = try check.hash(p.model, "model")
        layers = try check.layers(p.firstLayer, p.endLayer, least: 1)
        since = try check.array(p.since, "since", atMost: layers.count).map { Epoch($0) }
        guard since.count == layers.count else {
            throw WireError("Holding.since has \(since.count) entries for \(layers.count) layers")
        }
        keyValueBlockCount = try check.count(
            p.keyValueBlockCount, "keyValueBlockCount", from: 1, to: Limits.keyValueBlocks)
        if p.hasOutputsLayer {
            let layer = try check.count(
                p.outputsLayer, "outputsLayer", from: layers.lowerBound + 1, to: layers.upperBound)
            outputs = KeptOutputs(layer: layer, since: Epoch(p.outputsSince))
        }
        blocks = try Self.blocks(p, check, count: keyValueBlockCount)
    }

    /// Ids that ascend are each of another block. Parents may say anything: who reads them begins at blocks that have none.
    private static func blocks(_ p: PHolding, _ check: Check, count: Int) throws(WireError) -> [Block] {
        let ids = try check.array(p.blocks, "blocks", atMost: Limits.heldBlocks)
        for (name, values) in [
            ("parents", p.parents), ("restartLengths", p.restartLengths), ("tokenCounts", p.tokenCounts),
        ] where values.count != ids.count {
            throw WireError("Holding.\(name) has \(values.count) entries for \(ids.count) blocks")
        }
        var rest = try check.ids(p.tokens, "tokens", atMost: ids.count * KeyValueBlock.positions)[...]
        var blocks: [Block] = []
        blocks.reserveCapacity(ids.count)
        for place in ids.indices {
            let block = Int32(try check.count(ids[place], "blocks", to: count - 1))
            if let last = blocks.last?.block, last >= block { throw WireError("Holding.blocks do not ascend") }
            let parent = try check.count(p.parents[place], "parents", to: count)
            let length = try check.count(
                p.restartLengths[place], "restartLengths", from: 1, to: RequestLimits.sequenceTokens)
            let tokens = try check.count(
                p.tokenCounts[place], "tokenCounts", from: 1, to: KeyValueBlock.positions)
            guard tokens <= rest.count else { throw WireError("Holding.tokens has too few for its blocks") }
            blocks.append(
                Block(
                    block: block, parent: parent == 0 ? nil : Int32(parent - 1), restartLength: length,
                    tokens: Array(rest.prefix(tokens))))
            rest = rest.dropFirst(tokens)
        }
        guard rest.isEmpty else { throw WireError("Holding.tokens has \(rest.count) more than its blocks") }
        return blocks
    }
}
