// Responsible for: the bytes of a hello, of its answer, and of a report about a link. Must not know: sockets, time.

extension Hello {
    package func encode() -> [UInt8] {
        var p = PHello()
        p.epoch = epoch.value
        if let worker { p.worker = worker.value }
        p.number = number
        p.probeBytes = UInt32(probeBytes)
        p.replyBytes = UInt32(replyBytes)
        return encodeFrame(p)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let p = try decodeFrame(PHello.self, "Hello", bytes, atMost: Limits.helloBytes)
        let check = Check("Hello")
        self.init(
            epoch: Epoch(p.epoch), worker: p.hasWorker ? WorkerID(p.worker) : nil, number: p.number,
            probeBytes: try check.count(p.probeBytes, "probeBytes", to: Limits.probeBytes),
            replyBytes: try check.count(p.replyBytes, "replyBytes", to: Limits.chunkBytes))
    }
}

extension HelloReply {
    package func encode() -> [UInt8] {
        var p = PHelloReply()
        p.epoch = epoch.value
        if let worker { p.worker = worker.value }
        p.number = number
        p.probeBytes = UInt32(probeBytes)
        return encodeFrame(p)
    }

    package init(decoding bytes: [UInt8]) throws(WireError) {
        let p = try decodeFrame(PHelloReply.self, "HelloReply", bytes, atMost: Limits.helloBytes)
        self.init(
            epoch: Epoch(p.epoch), worker: p.hasWorker ? WorkerID(p.worker) : nil, number: p.number,
            probeBytes: try Check("HelloReply").count(p.probeBytes, "probeBytes", to: Limits.chunkBytes))
    }
}

extension LinkReport {
    var proto: PLinkReport {
        var p = PLinkReport()
        p.epoch = epoch.value
        p.link = link.rawValue
        switch outcome {
        case .proven(let bytesPerSecond): p.bytesPerSecond = bytesPerSecond
        case .failed(let failure): p.failure = failure.rawValue
        }
        return p
    }

    init(_ p: PLinkReport) throws(WireError) {
        guard let link = NodeLink(rawValue: p.link) else {
            throw WireError("LinkReport.link is \(p.link), which is none")
        }
        let rate = try Check("LinkReport").finite(p.bytesPerSecond, "bytesPerSecond")
        if rate < 0 { throw WireError("LinkReport.bytesPerSecond is \(rate), but must not be negative") }
        self.init(epoch: Epoch(p.epoch), link: link, outcome: .proven(bytesPerSecond: rate))
        if p.failure == 0 { return }
        guard let failure = LinkFailure(rawValue: p.failure) else {
            throw WireError("LinkReport.failure is \(p.failure), which is none")
        }
        outcome = .failed(failure)
    }
}
