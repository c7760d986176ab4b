// Responsible for: the bytes of what nodes say to change the plan while it serves. Must not know: sockets, time.

import FoundationEssentials
import Sequences

extension CopySource {
    var proto: PCopySource {
        var p = PCopySource()
        p.firstLayer = UInt32(layers.lowerBound)
        p.endLayer = UInt32(layers.upperBound)
        p.worker = worker.value
        if let key { p.key = .init(key.bytes) }
        p.outputs = outputs.map { UInt32($0) }
        return p
    }

    init(_ p: PCopySource) throws(WireError) {
        let check = Check("CopySource")
        self.init(
            layers: try check.layers(p.firstLayer, p.endLayer, least: 1), worker: WorkerID(p.worker),
            key: try check.key(p.key, "key"))
        outputs = try check.outputs(p.outputs, "outputs", of: layers)
    }
}

extension CopyBlocks {
    var proto: PCopyBlocks {
        var p = PCopyBlocks()
        p.epoch = epoch.value
        p.number = UInt32(number)
        p.target = target.value
        p.endpoint = endpoint
        if let key { p.key = .init(key.bytes) }
        p.firstLayer = UInt32(layers.lowerBound)
        p.endLayer = UInt32(layers.upperBound)
        p.blocks = blocks.map(\.block)
        p.positions = blocks.map { UInt32($0.positions) }
        p.outputs = outputs.map { UInt32($0) }
        return p
    }

    init(_ p: PCopyBlocks) throws(WireError) {
        let check = Check("CopyBlocks")
        let endpoint = try check.endpoint(p.endpoint, "endpoint")
        if endpoint.isEmpty { throw WireError("CopyBlocks.endpoint is empty") }
        let ids = try check.ids(p.blocks, "blocks", atMost: Limits.copiedBlocks)
        let positions = try check.array(p.positions, "positions", atMost: Limits.copiedBlocks)
        guard ids.count == positions.count, !ids.isEmpty else {
            throw WireError("CopyBlocks has \(ids.count) blocks and \(positions.count) numbers of positions")
        }
        var blocks: [BlockExtent] = []
        for (id, count) in zip(ids, positions) {
            _ = try check.count(id, "blocks", to: Limits.keyValueBlocks - 1)
            let count = try check.count(count, "positions", from: 1, to: KeyValueBlock.positions)
            blocks.append(BlockExtent(block: id, positions: count))
        }
        self.init(
            epoch: Epoch(p.epoch), number: try check.count(p.number, "number", to: Limits.copyOrders),
            target: WorkerID(p.target), endpoint: endpoint, key: try check.key(p.key, "key"),
            layers: try check.layers(p.firstLayer, p.endLayer, least: 1), blocks: blocks)
        outputs = try check.outputs(p.outputs, "outputs", of: layers)
    }
}

extension Copied {
    var proto: PCopied {
        var p = PCopied()
        p.epoch = epoch.value
        p.number = UInt32(number)
        p.source = source.value
        return p
    }

    init(_ p: PCopied) throws(WireError) {
        self.init(
            epoch: Epoch(p.epoch), number: try Check("Copied").count(p.number, "number", to: Limits.copyOrders),
            source: WorkerID(p.source))
    }
}

extension BlockContents {
    package func encode() -> [UInt8] {
        var p = PBlockContents()
        p.epoch = epoch.value
        p.number = UInt32(number)
        p.part = UInt32(part)
        p.partCount = UInt32(partCount)
        p.firstLayer = UInt32(layers.lowerBound)
        p.endLayer = UInt32(layers.upperBound)
        p.block = block
        p.positions = UInt32(positions)
        p.byteCount = UInt32(byteCount)
        p.isOutputs = isOutputs
        p.offset = UInt32(offset)
        return encodeFrame(p)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let p = try decodeFrame(PBlockContents.self, "BlockContents", bytes, atMost: Limits.helloBytes)
        let check = Check("BlockContents")
        let partCount = try check.count(p.partCount, "partCount", from: 1, to: Limits.copyParts)
        self.init(
            epoch: Epoch(p.epoch), number: try check.count(p.number, "number", to: Limits.copyOrders),
            part: try check.count(p.part, "part", to: partCount - 1), partCount: partCount,
            layers: try check.layers(p.firstLayer, p.endLayer, least: 1),
            block: Int32(try check.count(p.block, "block", to: Limits.keyValueBlocks - 1)),
            positions: try check.count(p.positions, "positions", from: 1, to: KeyValueBlock.positions),
            byteCount: try check.count(p.byteCount, "byteCount", from: 1, to: Limits.copyBytes))
        isOutputs = p.isOutputs
        offset = try check.count(p.offset, "offset", to: Limits.copiedLayerBytes)
        guard layers.count == 1 || !isOutputs && offset == 0 else {
            throw WireError("BlockContents has a part of layers \(layers), which are not one")
        }
    }
}

extension DrainRequest {
    var proto: PDrainRequest {
        var p = PDrainRequest()
        p.version = version
        p.build = named(build)
        p.worker = named(worker)
        p.ends = ends
        return p
    }

    init(_ p: PDrainRequest) throws(WireError) {
        let check = Check("DrainRequest")
        self.init(worker: try check.name(p.worker, "worker"), ends: p.ends)
        version = p.version
        build = try check.name(p.build, "build")
    }
}

extension DrainReply {
    var proto: PDrainReply {
        var p = PDrainReply()
        p.state = state.rawValue
        p.sentence = sentence.proto
        return p
    }

    init(_ p: PDrainReply) throws(WireError) {
        guard let state = State(rawValue: p.state) else {
            throw WireError("DrainReply.state is \(p.state), but must be 1 to 4")
        }
        self.init(state, try Check("DrainReply").sentence(p.sentence, "sentence"))
    }
}

extension PlanChange {
    var proto: PPlanChangeStatus {
        var p = PPlanChangeStatus()
        p.epoch = epoch.value
        p.phase = phase.rawValue
        p.reason = clipped(reason, to: Limits.reasonBytes)
        p.bytesToLoad = min(bytesToLoad, Limits.memoryBytes)
        p.loadedBytes = min(loadedBytes, p.bytesToLoad)
        p.copiedBlocks = min(copiedBlocks, Limits.total)
        p.blocksLeft = min(blocksLeft, Limits.total)
        p.copiedBytes = min(copiedBytes, Limits.total)
        p.workers = stages.map(\.worker.value)
        p.endLayers = stages.map { UInt32($0.endLayer) }
        return p
    }

    init(_ p: PPlanChangeStatus) throws(WireError) {
        let check = Check("PlanChangeStatus")
        guard let phase = Phase(rawValue: p.phase) else {
            throw WireError("PlanChangeStatus.phase is \(p.phase), but must be 1 to 3")
        }
        self.init(epoch: Epoch(p.epoch), phase)
        reason = try check.text(p.reason, "reason", atMost: Limits.reasonBytes)
        bytesToLoad = try check.number(p.bytesToLoad, "bytesToLoad", to: Limits.memoryBytes)
        loadedBytes = try check.number(p.loadedBytes, "loadedBytes", to: bytesToLoad)
        copiedBlocks = try check.number(p.copiedBlocks, "copiedBlocks", to: Limits.total)
        blocksLeft = try check.number(p.blocksLeft, "blocksLeft", to: Limits.total)
        copiedBytes = try check.number(p.copiedBytes, "copiedBytes", to: Limits.total)
        let workers = try check.array(p.workers, "workers", atMost: Limits.workers)
        let ends = try check.array(p.endLayers, "endLayers", atMost: Limits.workers)
        guard workers.count == ends.count else {
            throw WireError("PlanChangeStatus has \(workers.count) workers and \(ends.count) ends of layers")
        }
        var first = 0
        for (worker, end) in zip(workers, ends) {
            let end = try check.count(end, "endLayers", from: first + 1, to: Limits.layers)
            stages.append(Stage(worker: WorkerID(worker), endLayer: end))
            first = end
        }
    }
}
