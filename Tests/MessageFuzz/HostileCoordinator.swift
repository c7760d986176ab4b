// Responsible for: a coordinator that means harm: it takes a worker in, gives it a stage, and says what it likes. Must not
// know: how messages are changed.
import Foundation
import MessageMutator
import Transport
import Wire

@testable import Node

/// Listens as a coordinator does, owned by one thread; one worker is its victim.
final class HostileCoordinator {
    private let context: Context
    private let poller: Poller
    private let control: RouterSocket
    private let tokens: RouterSocket
    private let weights: RouterSocket
    let port: UInt16

    private var messages: Messages
    private var worker: Peer?
    private var data: Intruder?
    private var dataEndpoint = ""
    private var readyEpoch: UInt64?
    private var nextHeartbeat = ContinuousClock.now

    /// Workers, and steps that they were told to compute, so far.
    private(set) var joins = 0
    private(set) var results = 0

    /// Its own, which it shows as the stage before too.
    private let pair: KeyPair
    private let workerKey: PublicKey

    /// `description`: what workers are told of the model; `worker`: the key of the one that joins, told `pair`.
    init(description: [UInt8], pair: KeyPair, worker workerKey: PublicKey) throws {
        (self.pair, self.workerKey) = (pair, workerKey)
        let admission = Admission()
        for purpose in [Roll.Purpose.control, Roll.Purpose.tokens, Roll.Purpose.weights] {
            admission.admit([workerKey], for: purpose)
        }
        context = try Context(.keys(pair, admission))
        poller = try Poller(Waker())
        let options = SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes, maximumFrames: 64)
        control = try RouterSocket(context, options, purpose: Roll.Purpose.control)
        tokens = try RouterSocket(context, options, purpose: Roll.Purpose.tokens)
        weights = try RouterSocket(context, options, purpose: Roll.Purpose.weights)
        func bound(_ socket: RouterSocket) throws -> UInt16 {
            guard case .tcp(_, let port) = try socket.bind(.tcp(host: "127.0.0.1", port: 0)) else {
                throw POSIXError(.EINVAL)
            }
            return port
        }
        port = try bound(control)
        messages = Messages()
        messages.description = description
        messages.previousKey = NodeKey(pair.publicKey.bytes)
        messages.endpoints = try [tokens, weights].map { "tcp://127.0.0.1:\(try bound($0))" } + messages.endpoints
        for socket in [control, tokens, weights] { poller.add(socket) }
    }

    /// Says one message of the storm; a worker that has no stage gets one before.
    func turn(_ number: Int, _ progress: Progress) throws {
        try listen(milliseconds: 0)
        for _ in 0..<400 where readyEpoch == nil { try listen(milliseconds: 5) }
        guard let worker, data != nil else { return progress.note("nobody", sent: false) }
        var random = Mutator(seed: Run.seed &* 7_368_787 &+ UInt64(number))
        random.known = messages.known
        let (isData, right) = frames(&random)
        var frames = random.spoil(right)
        if isData, !random.once(in: 3) { keepPlace(of: &frames, as: right) }
        let isSent =
            isData ? data?.say(frames, within: 100) ?? false : control.send(to: worker, frames) == .sent
        progress.note("\(number) to \(isData ? "data" : "control"): \(hexadecimal(frames))", sent: isSent)
        // A step that was taken is the past: the next one follows it.
        if isData, isSent, isNextStep(frames) { messages.step += 1 }
    }

    /// Most steps stay those of the epoch that come next, whatever else is changed: others go no deeper than the door.
    private func keepPlace(of frames: inout [[UInt8]], as right: [[UInt8]]) {
        guard let place = try? Forward(decoding: right[0]), var fields = ProtobufField.parse(frames[0][...]) else {
            return
        }
        fields.removeAll { $0.number <= 2 }
        fields.append(ProtobufField(number: 1, value: .varint(place.epoch.value)))
        fields.append(ProtobufField(number: 2, value: .varint(place.step.value)))
        frames[0] = ProtobufField.bytes(fields)
    }

    private func isNextStep(_ frames: [[UInt8]]) -> Bool {
        guard let forward = try? Forward(decoding: frames[0]) else { return false }
        let rawBytes = frames.count == 2 ? frames[1].count : 0
        return forward.epoch.value == messages.epoch && forward.step.value == messages.step && frames.count <= 2
            && rawBytes == forward.rawFrameBytes
    }

    private func frames(_ random: inout Mutator) -> (isData: Bool, [[UInt8]]) {
        switch random.below(21) {
        case 0...10: (true, messages.forward(&random))
        case 20: (true, messages.hello(&random))
        case 11: (true, messages.any(&random))
        case 12: (false, messages.any(&random))
        default: (false, messages.command(&random))
        }
    }

    /// Takes what the worker says, and keeps it: it is welcomed, gets all layers, and hears of its coordinator.
    private func listen(milliseconds: Int) throws {
        _ = poller.wait(timeoutMilliseconds: milliseconds)
        while let arrival = control.receive() {
            guard let first = arrival.frames.first,
                case .worker(let message)? = try? ControlRequest(decoding: first.bytes)
            else { continue }
            try take(message, from: arrival.peer)
        }
        while let arrival = tokens.receive() { if !answered(arrival, on: tokens) { results += 1 } }
        while let arrival = weights.receive() { _ = answered(arrival, on: weights) }
        if let worker, ContinuousClock.now >= nextHeartbeat {
            nextHeartbeat = .now + .milliseconds(200)
            _ = control.send(to: worker, [CoordinatorMessage.heartbeat.encode()])
        }
    }

    /// Answers a hello; false: it is none.
    private func answered(_ arrival: Arrival, on socket: RouterSocket) -> Bool {
        guard LinkFrames.areOfLink(arrival.frames), let hello = try? LinkFrames.hello(arrival.frames) else {
            return false
        }
        let reply = HelloReply(
            epoch: hello.epoch, worker: nil, number: hello.number, probeBytes: hello.replyBytes)
        socket.answer(arrival.peer, reply)
        return true
    }

    private func take(_ message: WorkerMessage, from peer: Peer) throws {
        switch message {
        case .join(let join):
            worker = peer
            joins += 1
            data?.close()
            (data, dataEndpoint) = (nil, join.dataEndpoint)
            let welcome = Welcome(
                build: "b", weightsEndpoint: messages.endpoints[1], tokensEndpoint: messages.endpoints[0],
                modelName: "m")
            _ = control.send(to: peer, [CoordinatorMessage.welcome(welcome).encode()])
            assign(to: peer)
        case .ready(let ready):
            readyEpoch = ready.epoch.value
            // Whoever was turned away before is let in now.
            try connect(to: dataEndpoint)
        case .failed: assign(to: peer)
        case .heartbeat(let heartbeat):
            // It gave its stage up, or has another one than it should.
            if heartbeat.epoch.value != messages.epoch { assign(to: peer) }
        case .loading, .link, .measured, .holding, .cached, .copied, .granted, .leaving, .leave: break
        }
    }

    private func assign(to peer: Peer) {
        messages.epoch += 1
        messages.step = 1
        readyEpoch = nil
        _ = control.send(to: peer, [CoordinatorMessage.assign(messages.assign()).encode()])
    }

    private func connect(to endpoint: String) throws {
        data?.close()
        data = nil
        guard case .tcp(_, let port) = try Endpoint(parsing: endpoint) else { return }
        data = try Intruder(context, as: pair, to: port, server: workerKey)
    }

    func close() {
        data?.close()
        for socket in [control, tokens, weights] {
            poller.remove(socket)
            socket.close()
        }
    }
}
