// Responsible for: nonsense on every socket of a coordinator and of a worker while it answers.
// Must not know: what a node makes of it, only that nothing changes.
import Foundation
import Generation
import Sequences
import Synchronization
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

/// Where the sockets of a cluster listen, as a member learns it.
struct Listening: Sendable {
    var weights: String
    var tokens: String
    /// The second stage's.
    var data: String
    var dataKey: PublicKey
}

/// A worker that joins, learns what members learn, and leaves; owned by one thread.
struct Spy {
    let socket: DealerSocket
    let poller: Poller

    init(_ door: Door, _ context: Context? = nil) throws {
        socket = try door.socket(context ?? door.context())
        poller = try Poller(Waker())
        poller.add(socket)
        var join = Join()
        join.worker = WorkerID(0xABCD)
        join.memoryBytes = 1 << 30
        join.cores = 1
        join.threads = 1
        join.dataEndpoint = "tcp://127.0.0.1:9"
        try say(.join(join))
        // Who has not proven that it reaches the coordinator gets no layers.
        for link in [NodeLink.weights, .tokens] {
            try say(.link(LinkReport(epoch: .none, link: link, outcome: .proven(bytesPerSecond: 1e9))))
        }
    }

    func say(_ message: WorkerMessage) throws {
        let frame = ControlRequest.worker(message).encode()
        let deadline = ContinuousClock.now + TestCluster.patience
        while socket.send([frame]) != .sent, ContinuousClock.now < deadline {
            _ = poller.wait(timeoutMilliseconds: 20)
        }
    }

    /// The first answer that `read` makes something of; stays a member until then.
    func next<Value>(_ read: (CoordinatorMessage) -> Value?) throws -> Value {
        let deadline = ContinuousClock.now + TestCluster.patience
        while ContinuousClock.now < deadline {
            while let frames = socket.receive() {
                if let value = read(try CoordinatorMessage(decoding: frames[0].bytes)) { return value }
            }
            try say(.heartbeat(WorkerHeartbeat()))
            _ = poller.wait(timeoutMilliseconds: 50)
        }
        throw TimedOut()
    }

    func close() {
        poller.remove(socket)
        socket.close()
    }
}

/// Sends nonsense to `places` through every door until it is told to stop; counts what it has sent.
private func pester(
    _ places: [(endpoint: String, key: PublicKey)], through doors: [Door], until isOver: Cancellation, seed: UInt64,
    _ sent: Tally
) throws -> LoopThread<Void> {
    try LoopThread(name: "pester") {
        var random = SeededGenerator(seed: seed)
        var sockets: [DealerSocket] = []
        for door in doors {
            let context = try door.context()
            for place in places {
                let options = SocketOptions(maximumFrameBytes: 1 << 20, maximumFrames: 64)
                sockets.append(try door.socket(context, options, to: place.endpoint, server: place.key))
            }
        }
        while !isOver.isSet {
            for socket in sockets {
                if socket.send(nonsense(&random)) == .sent { sent.add() }
                while socket.receive() != nil {}
            }
            pause(milliseconds: 1)
        }
        for socket in sockets { socket.close() }
    }
}

/// Random bytes, or a message that is well formed but belongs nowhere, or a spoiled one.
private func nonsense(_ random: inout SeededGenerator) -> [[UInt8]] {
    let hash = ContentHash(random.bytes(32))
    let item = ForwardItem(
        sequence: SequenceID(1), position: 0, tokens: [1, 2], blocks: [0], sampleCount: 1)
    let sample = SequenceSample(sequence: SequenceID(1), sample: SampledToken(token: 1))
    var messages: [[UInt8]] = [
        Forward(epoch: Epoch(5), step: StepID(1), items: [item]).encode(),
        Forward(epoch: Epoch(5), step: StepID(1), items: [item], activationCount: 384).encode(),
        StepResult(epoch: Epoch(5), step: StepID(1), samples: [sample]).encode(),
        ControlRequest.client(.cancel(ClientRequestID(1))).encode(),
        ControlRequest.worker(.ready(Ready(epoch: Epoch(5), transferredBytes: 0, cachedBytes: 0))).encode(),
    ]
    if let hash {
        messages.append(Fetch(content: hash, offset: .max, length: 1000).encode())
        messages.append(Fetch(content: hash, offset: 0, length: Wire.Limits.chunkBytes).encode())
    }
    var frames = [messages[random.below(messages.count)]]
    switch random.below(4) {
    case 0: frames = (0...random.below(10)).map { _ in random.bytes(random.below(300)) }
    case 1: frames[0][random.below(frames[0].count)] = UInt8(random.below(256))
    case 2: frames.append(random.bytes(random.below(2000)))
    default: break
    }
    return frames
}

extension ClusterTests {
    @Test("Nonsense on every socket of coordinator and worker changes no answer")
    static func nonsenseEverywhere() async throws {
        let options = try ClusterShape(split: "0-2,3-5", workers: 2, chunk: 7).options
        try await TestCluster.with(options, workers: 0) { cluster in
            let door = try cluster.workerDoor()
            let isMember = Cancellation()
            let spy = try LoopThread(name: "spy") {
                let spy = try Spy(door)
                defer { spy.close() }
                let welcome = try spy.next { if case .welcome(let welcome) = $0 { welcome } else { nil } }
                isMember.set()
                let (data, key) = try spy.next { command -> (String, PublicKey)? in
                    guard case .assign(let assign) = command, case .stage(let endpoint, _, let key?) = assign.next
                    else {
                        return nil
                    }
                    return (endpoint, PublicKey(key))
                }
                try spy.say(.leave)
                _ = spy.poller.wait(timeoutMilliseconds: 200)
                return Listening(
                    weights: welcome.weightsEndpoint, tokens: welcome.tokensEndpoint, data: data, dataKey: key)
            }
            while !isMember.isSet { try await Task.sleep(for: .milliseconds(10)) }
            try await cluster.join()
            let places = try await spy.value
            try await cluster.join()

            let isOver = Cancellation()
            let all = [
                (cluster.address, door.server), (places.weights, door.server), (places.tokens, door.server),
                (places.data, places.dataKey),
            ]
            let sent = Tally()
            let pest = try pester(all, through: [door, try cluster.door()], until: isOver, seed: 11, sent)
            defer { isOver.set() }
            _ = try await cluster.status("service") { $0.isServing && $0.workers.count == 2 }
            let expected = try await References.shared.answers(of: TestFiles.tales)
            repeat {
                for (request, answer) in zip(try Requests.mixed(for: TestFiles.tales), expected) {
                    #expect(try await cluster.client.generate(request).answer() == answer)
                }
            } while sent.value <= 500
            isOver.set()
            try await pest.value
            let status = try await cluster.idle()
            #expect(status.workers.count == 2)
        }
    }
}
