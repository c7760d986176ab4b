// Responsible for: what goes from worker to worker: steps that come, blocks that come and go. Must not know: what is in them,
// why blocks are copied.
import Cluster
import Logging
import Sequences
import Transport
import Wire

extension WorkerLoop {
    func receiveData() {
        for _ in 0..<Self.messagesPerTurn {
            guard let arrival = data.receive() else { return }
            do {
                guard arrival.key == nil || senders.contains(where: { $0.has(arrival.key) }) else {
                    refuse(arrival)
                    continue
                }
                if LinkFrames.areOfLink(arrival.frames) {
                    receiveHello(arrival.frames, over: arrival)
                } else if LinkFrames.areBlocks(arrival.frames) {
                    try receiveBlocks(arrival)
                } else {
                    try receiveForward(arrival)
                }
            } catch {
                parts.log.warning("what came from another worker was dropped: \(error)")
                refuse(arrival)
            }
        }
    }

    private func receiveForward(_ arrival: Arrival) throws {
        let frames = arrival.frames
        guard let header = frames.first else { throw WireError("a step has too many frames") }
        let forward = try Forward(decoding: header.bytes)
        let rawBytes = frames.count == 2 ? frames[1].count : 0
        guard frames.count <= 2, rawBytes == forward.rawFrameBytes else {
            throw WireError("a step's activations have \(rawBytes) bytes instead of \(forward.rawFrameBytes)")
        }
        let ofEpoch = senders.filter { $0.kind == .steps && $0.epoch == forward.epoch }
        guard ofEpoch.isEmpty || ofEpoch.contains(where: { $0.has(arrival.key) }) else { return refuse(arrival) }
        let step = StepArrival(
            activations: frames.count == 2 ? frames[1] : nil,
            wireMicroseconds: Microseconds.since(forward.sentMicroseconds),
            arrivalMicroseconds: Microseconds.monotonic)
        decide(.forward(forward, step))
    }

    // MARK: Blocks

    private func receiveBlocks(_ arrival: Arrival) throws {
        let (contents, bytes) = try LinkFrames.blocks(arrival.frames)
        // Late ones of a plan that is over are nobody's fault.
        guard let assign = machine.assignments.first(where: { $0.epoch == contents.epoch }) else { return }
        let source = assign.copied.first { source in
            source.layers.clamped(to: contents.layers) == contents.layers
                && (arrival.key == nil || source.key.map { PublicKey($0) } == arrival.key)
        }
        guard let source else { return refuse(arrival) }
        let blocks = StepArrival(activations: bytes, wireMicroseconds: 0, arrivalMicroseconds: Microseconds.monotonic)
        decide(.blocks(contents, blocks, from: source.worker))
    }

    /// Blocks are to go to another worker, in the place of what was to go there before.
    func beginCopying(_ order: CopyBlocks, of epoch: Epoch) {
        do throws(TransportError) {
            try copies.begin(order, of: epoch) { () throws(TransportError) in
                try OutboundLink(
                    context, to: Endpoint(parsing: order.endpoint).replacingWildcard(with: coordinator),
                    server: order.key.map { PublicKey($0) }, maximumFrameBytes: Wire.Limits.headerBytes,
                    sendHighWaterMark: OutgoingCopies.messagesQueued, poller: poller)
            }
        } catch { parts.log.warning("\(order.target) cannot be sent what it is to have: \(error)") }
        sendBlocks()
    }

    /// Sends what there is room for, and asks the compute thread for more.
    func sendBlocks() {
        for wish in copies.advance(now) { order(.copy(wish)) }
    }
}
