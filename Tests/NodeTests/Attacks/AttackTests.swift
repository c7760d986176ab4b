// Responsible for: what somebody with no key, with another's place, or with a member's key and bad intent may not do.
// Must not know: how nodes refuse it.
import Foundation
import Generation
import Sequences
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Attacks")
    struct AttackTests {
        private func newcomerPair(_ cluster: TestCluster) throws -> KeyPair {
            let token = JoinToken.random()
            _ = try AdmissionsFile(cluster.state).change { (admissions) throws(TandemError) in
                try admissions.add(token, role: .worker, uses: nil, seconds: nil, now: Roll.now)
            }
            return token.pair
        }

        @Test("At no port does anybody get through a handshake who has not the key for it")
        func handshakes() async throws {
            let options = try ClusterShape(split: "0-2,3-5", workers: 2, chunk: 7).options
            try await TestCluster.with(options, workers: 2) { cluster in
                _ = try await cluster.serving()
                let (worker, owner) = (try cluster.workerDoor(), try cluster.door().pair)
                let (client, newcomer) = (try cluster.clientPair(), try newcomerPair(cluster))
                let server = worker.server
                try await cluster.admitted(client, by: server)
                try await cluster.admitted(newcomer, by: server)
                let (address, pair) = (cluster.address, worker.pair)
                try await Caller.run {
                    let spy = try Caller(pair, to: address, server: server)
                    defer { spy.close() }
                    let welcome = try spy.join(0xA)
                    func outcome(_ pair: KeyPair?, _ place: String, _ server: PublicKey) throws -> ConnectionEvent {
                        let caller = try Caller(pair, to: place, server: server)
                        defer { caller.close() }
                        let outcome = try caller.handshake()
                        if outcome != .handshakeSucceeded { #expect(caller.socket.send([[1]]) == .full) }
                        return outcome
                    }
                    for place in [address, welcome.tokensEndpoint, welcome.weightsEndpoint] {
                        // The side that sees it first ends the connection, perhaps before the other has seen it.
                        while true {
                            let outcome = try outcome(nil, place, server)
                            try #require(outcome != .handshakeSucceeded)
                            if outcome == .otherSecurity { break }
                        }
                        #expect(try outcome(.random(), place, server) == .turnedAway)
                        guard case .handshakeFailed = try outcome(pair, place, KeyPair.random().publicKey) else {
                            return #expect(Bool(false), "another server's key was no matter at \(place)")
                        }
                        #expect(try outcome(pair, place, server) == .handshakeSucceeded)
                        let isControl = place == address
                        for other in [client, owner, newcomer] {
                            #expect(
                                try outcome(other, place, server) == (isControl ? .handshakeSucceeded : .turnedAway))
                        }
                    }
                }
                let status = try await cluster.serving()
                #expect(status.workers.count { $0.layers != nil } == 2)
            }
        }

        @Test("A worker lets in the stage before it, hears what is that one's to say, and nobody else, be it a member")
        func dataPort() async throws {
            let options = try ClusterShape(split: "0-2,3-5", workers: 2, chunk: 7).options
            try await TestCluster.with(options, workers: 0) { cluster in
                let (door, other) = (try cluster.workerDoor(), try cluster.workerDoor())
                let owner = try cluster.door().pair
                let isMember = Cancellation()
                let attack = try LoopThread(name: "first stage") {
                    let first = try FalseStage(door, 0xB)
                    isMember.set()
                    let place = try first.placeOfNext()
                    func call(_ pair: KeyPair, frames: Int = 64, queue: Int = 1000) throws -> Caller {
                        let caller = try Caller(
                            pair, to: place.endpoint, server: place.key, frames: frames, queue: queue)
                        caller.meanwhile = first.turn
                        return caller
                    }
                    for pair in [other.pair, owner, .random()] {
                        let caller = try call(pair)
                        defer { caller.close() }
                        #expect(try caller.handshake() == .turnedAway)
                    }
                    // The one that is before it by the plan gets in, once the worker has heard of the plan.
                    while true {
                        let caller = try call(door.pair)
                        defer { caller.close() }
                        guard try caller.handshake() == .handshakeSucceeded else { continue }
                        try Self.sayHello(caller, as: first)
                        // What it says is read with care, and not for ever.
                        let item = ForwardItem(
                            sequence: SequenceID(1), position: 0, tokens: [1], blocks: [0], sampleCount: 1)
                        let forward = Forward(
                            epoch: place.epoch, step: StepID(1), items: [item], activationCount: 192)
                        try caller.untilEnded(saying: [forward.encode(), [1, 2, 3]])
                        break
                    }
                    let endless = try call(door.pair, frames: FloodTests.frames, queue: 1)
                    defer { endless.close() }
                    #expect(try endless.handshake() == .handshakeSucceeded)
                    try endless.untilEnded(saying: FloodTests.endless)
                    try first.close()
                }
                while !isMember.isSet { try await Task.sleep(for: .milliseconds(10)) }
                try await cluster.join()
                try await attack.value
                try await cluster.join()
                let status = try await cluster.status("service") { status in
                    status.isServing && status.workers.count { $0.layers != nil } == 2
                }
                #expect(status.workers.count == 2)
                let expected = try await References.shared.answers(of: TestFiles.tales)[0]
                let request = try Requests.mixed(for: TestFiles.tales)[0]
                #expect(try await cluster.client.generate(request).answer() == expected)
            }
        }

        /// In another's name, of another plan, and twice: what is right is answered, and nothing else.
        private static func sayHello(_ caller: Caller, as first: FalseStage) throws {
            let epoch = try #require(first.assignment?.epoch)
            func say(_ hello: Hello) throws {
                try caller.say(
                    [[], hello.encode()] + (hello.probeBytes > 0 ? [LinkFrames.zeros(hello.probeBytes)] : []))
            }
            for number in UInt64(7)...8 {
                try say(Hello(epoch: epoch, worker: WorkerID(0xC), number: 90))
                try say(Hello(epoch: epoch, worker: nil, number: 91))
                try say(Hello(epoch: Epoch(epoch.value + 1), worker: first.worker, number: 92))
                try say(Hello(epoch: Epoch(epoch.value &- 1), worker: first.worker, number: 93))
                try say(
                    Hello(
                        epoch: epoch, worker: first.worker, number: number,
                        probeBytes: number == 8 ? Wire.Limits.probeBytes : 0, replyBytes: Wire.Limits.probeBytes))
                let reply = try caller.next { try HelloReply(decoding: $0) }
                #expect(reply.number == number && reply.epoch == epoch && reply.probeBytes == 0)
            }
        }

        @Test(
            "What no machine has, and an address that is none, is refused, and hurts neither the state nor other workers"
        )
        func claims() async throws {
            let options = try ClusterShape(workers: 1, chunk: 128).options
            try await TestCluster.with(options, workers: 1) { cluster in
                _ = try await cluster.serving()
                try await Self.claim(try cluster.workerDoor())
                let status = try await cluster.status("only the honest one") { $0.workers.count == 1 }
                #expect(status.isServing)
            }
        }

        /// Joins from addresses that are none, then from one, with a load of more bytes than there are.
        private static func claim(_ door: Door) async throws {
            try await Caller.run {
                let spy = try Caller(door.pair, to: door.address, server: door.server)
                defer { spy.close() }
                for endpoint in ["tcp://nowhere.invalid:9", "tcp://0.0.0.0:9", "tcp://127.0.0.1:0"] {
                    try spy.say(.worker(.join(Caller.join(0xA, at: endpoint))))
                    let reason: String = try spy.next { bytes in
                        guard case .refusal(let refusal) = try CoordinatorMessage(decoding: bytes) else { return nil }
                        return refusal.reason
                    }
                    #expect(reason.contains(endpoint), "\(reason)")
                }
                _ = try spy.join(0xA)
                // Loading { bytes_done: 2^64 - 1, bytes_total: 1 }, which ours would not say.
                let loading: [UInt8] = [0x10] + Array(repeating: 0xFF, count: 9) + [1, 0x18, 1]
                try spy.untilEnded(saying: [[0x12, UInt8(loading.count)] + loading])
            }
        }

        @Test("Who is admitted says what is its own to say; what else it says is not heard, and ends its connection")
        func otherRoles() async throws {
            let options = try ClusterShape(workers: 1, chunk: 128).options
            try await TestCluster.with(options, workers: 1) { cluster in
                _ = try await cluster.serving()
                let (worker, owner) = (try cluster.workerDoor(), try cluster.door().pair)
                let (client, newcomer) = (try cluster.clientPair(), try newcomerPair(cluster))
                let (server, address) = (worker.server, cluster.address)
                try await cluster.admitted(client, by: server)
                try await cluster.admitted(newcomer, by: server)
                let join = ControlRequest.worker(.join(Caller.join(0xC)))
                let status = ControlRequest.client(.statusQuery(StatusQuery()))
                let enrol = ControlRequest.newcomer(
                    Enrol(key: try #require(NodeKey(KeyPair.random().publicKey.bytes)), isClient: false, name: "x"))
                let cases: [(KeyPair, [ControlRequest])] = [
                    (worker.pair, [status, enrol]), (client, [join, enrol]), (owner, [join]),
                    (newcomer, [join, status]),
                ]
                try await Caller.run {
                    for (pair, messages) in cases {
                        for message in messages {
                            let caller = try Caller(pair, to: address, server: server)
                            defer { caller.close() }
                            try caller.untilEnded(saying: [message.encode()])
                            #expect(caller.answers().isEmpty)
                        }
                        for broken in [[[0xFF]], [[1], [2]], Array(repeating: [UInt8](), count: 40)] as [[[UInt8]]] {
                            let caller = try Caller(pair, to: address, server: server)
                            defer { caller.close() }
                            try caller.untilEnded(saying: broken)
                        }
                    }
                }
                #expect(try await cluster.serving().workers.count == 1)
                let members = try AdmissionsFile(cluster.state).read().members
                #expect(!members.contains { $0.name.hasPrefix("x") })
            }
        }

        @Test(
            "A worker takes nobody's name, a second connection of a key takes the place of the first, a removed key is out"
        )
        func names() async throws {
            let options = try ClusterShape(workers: 1, chunk: 128).options
            try await TestCluster.with(options, workers: 1) { cluster in
                _ = try await cluster.serving()
                let (first, second) = (try cluster.workerDoor(), try cluster.workerDoor())
                let (address, state) = (cluster.address, cluster.state)
                let name = try #require(
                    try AdmissionsFile(state).read().members.first { $0.key == first.pair.publicKey.description }?.name)
                try await Caller.run {
                    let victim = try Caller(first.pair, to: address, server: first.server)
                    defer { victim.close() }
                    _ = try victim.join(0xD)
                    let thief = try Caller(second.pair, to: address, server: first.server)
                    defer { thief.close() }
                    try thief.say(.worker(.join(Caller.join(0xD))))
                    try thief.say(.worker(.leave))
                    _ = try thief.join(0xE)
                    // Had it become the other, that one would be told to join again, or nothing.
                    try victim.next(saying: Caller.beat) { bytes -> Void? in
                        let message = try CoordinatorMessage(decoding: bytes)
                        #expect(message != .rejoin)
                        return message == .heartbeat ? () : nil
                    }
                    let again = try Caller(first.pair, to: address, server: first.server)
                    defer { again.close() }
                    _ = try again.join(0xF)
                    _ = try AdmissionsFile(state).change { (admissions) throws(TandemError) in
                        admissions.remove(name, now: Roll.now)
                    }
                    try again.untilEnded()
                    #expect(try again.handshake() == .turnedAway)
                    // The other's connection is as it was.
                    try thief.say(.worker(.leave))
                }
                let status = try await cluster.status("only the honest one") { $0.workers.count == 1 }
                #expect(status.isServing)
            }
        }

        @Test("Results of a worker that samples nothing, and floods over forty connections, change no answer")
        func forgedResults() async throws {
            let options = try ClusterShape(split: "0-2,3-5", workers: 2, chunk: 7).options
            try await TestCluster.with(options, workers: 2) { cluster in
                let epoch = Epoch(UInt64(try await cluster.serving().epoch))
                let (door, address, isOver) = (try cluster.workerDoor(), cluster.address, Cancellation())
                let sent = Tally()
                let attack = try LoopThread(name: "forger") {
                    let spy = try Caller(door.pair, to: address, server: door.server)
                    defer { spy.close() }
                    let welcome = try spy.join(0xABC)
                    let callers = try (0..<40).map { number in
                        try Caller(
                            door.pair, to: number < 30 ? welcome.tokensEndpoint : welcome.weightsEndpoint,
                            server: door.server)
                    }
                    defer { for caller in callers { caller.close() } }
                    var step = UInt64(0)
                    while !isOver.isSet {
                        for caller in callers {
                            step = step % 600 + 1
                            let samples = (1...8).map {
                                SequenceSample(sequence: SequenceID($0), sample: SampledToken(token: 3))
                            }
                            let result = StepResult(epoch: epoch, step: StepID(step), samples: samples)
                            if caller.socket.send([result.encode()]) == .sent { sent.add() }
                        }
                        _ = spy.socket.send(Caller.beat)
                        pause(milliseconds: 2)
                    }
                }
                defer { isOver.set() }
                let expected = try await References.shared.answers(of: TestFiles.tales)
                repeat {
                    for (request, answer) in zip(try Requests.mixed(for: TestFiles.tales), expected) {
                        #expect(try await cluster.client.generate(request).answer() == answer)
                    }
                } while sent.value < 500
                isOver.set()
                try await attack.value
            }
        }
    }
}
