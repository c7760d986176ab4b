// Responsible for: the bytes of a fetch and of a chunk's header. Must not know: sockets, files.

import FoundationEssentials

extension Fetch {
    package func encode() -> [UInt8] {
        var p = PFetch()
        p.content = .init(content.bytes)
        p.offset = offset
        p.length = UInt32(length)
        p.epoch = epoch.value
        return encodeFrame(p)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let p = try decodeFrame(PFetch.self, "Fetch", bytes, atMost: Limits.weightHeaderBytes)
        let check = Check("Fetch")
        self.init(
            content: try check.hash(p.content, "content"), offset: p.offset,
            length: try check.count(p.length, "length", from: 1, to: Limits.chunkBytes), epoch: Epoch(p.epoch))
    }
}

extension Chunk {
    package func encode() -> [UInt8] {
        var p = PChunk()
        p.content = .init(content.bytes)
        p.offset = offset
        p.length = UInt32(length)
        p.total = total
        if let error { p.error = clipped(error) }
        if let outdatedEpoch { p.outdatedEpoch = outdatedEpoch.value }
        return encodeFrame(p)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let p = try decodeFrame(PChunk.self, "Chunk", bytes, atMost: Limits.weightHeaderBytes)
        let check = Check("Chunk")
        let length = try check.count(p.length, "length", to: Limits.chunkBytes)
        let (end, overflows) = p.offset.addingReportingOverflow(UInt64(length))
        _ = try check.number(p.total, "total", to: Limits.memoryBytes)
        if overflows || end > p.total && !p.hasError {
            throw WireError("Chunk: \(length) bytes at \(p.offset) are beyond its total of \(p.total)")
        }
        self.init(
            content: try check.hash(p.content, "content"), offset: p.offset, length: length, total: p.total,
            error: p.hasError ? try check.text(p.error, "error") : nil)
        if error != nil && length > 0 { throw WireError("Chunk has both bytes and an error") }
        guard p.hasOutdatedEpoch else { return }
        if error == nil { throw WireError("Chunk is outdated and has no error") }
        outdatedEpoch = Epoch(p.outdatedEpoch)
    }
}
