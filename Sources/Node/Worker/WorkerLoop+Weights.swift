// Responsible for: the weights of a share on their way to this worker: asked for, handed on, loaded. Must not know: which
// bytes are asked for next (Cluster/Worker), what is in a tensor.
import Cluster
import Logging
import Sequences
import Transport
import Wire

extension WorkerLoop {
    func receiveChunks() {
        guard let weights else { return }
        for event in weights.events() {
            note([event], on: .weights)
            switch event {
            case .handshakeSucceeded:
                isWeightsLinkUp = true
                advanceFetch(.connected)
            case .disconnected: isWeightsLinkUp = false
            default: break
            }
        }
        while let frames = weights.socket.receive() {
            if LinkFrames.areOfLink(frames) {
                receiveReply(frames, on: .weights)
                continue
            }
            guard let header = frames.first else { continue }
            do {
                let chunk = try Chunk(decoding: header.bytes)
                let rawBytes = frames.count == 2 ? frames[1].count : 0
                guard rawBytes == chunk.length else {
                    throw WireError("a chunk has \(rawBytes) bytes instead of \(chunk.length)")
                }
                advanceFetch(.chunk(chunk), bytes: frames.count == 2 ? frames[1] : nil)
            } catch { parts.log.warning("unreadable weights were dropped: \(error)") }
        }
    }

    // MARK: Of one share

    /// Begins to carry out an assignment: in the place of what there is, or beside it.
    func beginLoad(_ assign: Assign) {
        endLoad()
        let layers = "layers \(assign.layers.lowerBound)-\(assign.layers.upperBound - 1) of \(assign.layerCount)"
        parts.log.info("loading \(layers)\(assign.isBeside ? " while others are computed" : "")")
        guard assign.isBeside else { return order(.prepare(assign)) }
        do throws(TransportError) {
            loader = try StageLoader(assign, settings, compute: commands, outbox: stageEvents)
        } catch { decide(.loadFailed(assign.epoch, message: "\(error)")) }
    }

    /// Nothing is loaded any more, beside what is.
    func endLoad() {
        loader?.stop()
        (loader, fetch) = (nil, nil)
    }

    /// It is known what is lacking.
    func beginFetch(_ epoch: Epoch, _ needs: [WeightFetch.Need], localBytes: Int) {
        guard machine.assignment?.epoch == epoch else { return }
        let fetch = ShardFetch(needs, for: epoch, localBytes: localBytes, isSparing: loader?.epoch == epoch)
        self.fetch = fetch
        let progress = fetch.machine.progress
        // What lies here already came at another time.
        parts.progress("receiving weights", Int(progress.doneBytes), Int(progress.totalBytes))
        if isWeightsLinkUp || needs.allSatisfy({ $0.cachedBytes == $0.byteCount }) { advanceFetch(.connected) }
    }

    func advanceFetch(_ event: WeightFetch.Event, bytes: Frame? = nil) {
        guard var current = fetch else { return }
        let actions = current.handle(event, now)
        fetch = current
        for action in actions {
            switch action {
            case .send(let request): weights?.send(request.encode())
            case .write(let content, let offset):
                guard let bytes else { continue }
                machine.gauges.transferredBytes += UInt64(bytes.count)
                order(.write(content, offset: Int(offset), bytes: bytes), of: current.epoch)
            case .verify(let content): order(.verify(content), of: current.epoch)
            case .discard(let content): order(.discard(content), of: current.epoch)
            case .finished: order(.load, of: current.epoch)
            case .failed(let message):
                endLoad()
                decide(.loadFailed(current.epoch, message: message))
            }
        }
        askForMore()
        let progress = current.machine.progress
        if case .chunk = event {
            parts.progress("receiving weights", Int(progress.doneBytes), Int(progress.totalBytes))
            decide(.loadProgress(current.epoch, bytesDone: progress.doneBytes, bytesTotal: progress.totalBytes))
        }
    }

    /// Asks for what has waited for its time.
    func askForMore() {
        while let request = fetch?.takeDue(now) { weights?.send(request.encode()) }
    }

    private func order(_ command: ShardCommand, of epoch: Epoch) {
        if let loader, loader.epoch == epoch {
            if !loader.post(command) { ending = .failure(TandemError("the loading thread does not keep up")) }
        } else {
            order(.shard(command))
        }
    }

    func finishLoad(_ epoch: Epoch, hasKept: Bool) {
        if loader?.epoch == epoch { loader = nil }
        guard let fetch, fetch.epoch == epoch else { return }
        let progress = fetch.machine.progress
        let cached =
            progress.totalBytes - min(progress.transferredBytes, progress.totalBytes) + UInt64(fetch.localBytes)
        machine.gauges.cachedBytes += cached
        self.fetch = nil
        if let layers = machine.assignment?.layers {
            parts.log.info("ready with layers \(layers.lowerBound)-\(layers.upperBound - 1)")
        }
        decide(
            .loaded(epoch, transferredBytes: progress.transferredBytes, cachedBytes: cached, hasKept: hasKept))
    }
}
