// Responsible for: one connection of somebody who means harm, with whatever key. Must not know: what a node makes of it.
import Foundation
import Sequences
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

/// Owned by one thread.
final class Caller {
    let socket: DealerSocket
    private let monitor: Monitor
    private let poller: Poller
    private let context: Context

    /// What was answered while its end was waited for.
    private var heard: [[UInt8]] = []
    /// What is to be done as well while something is waited for.
    var meanwhile: () -> Void = {}

    /// On its way to `endpoint`, where `server` is expected; `pair` nil: without a key. `frames`: of a message at most;
    /// `queue`: so many messages wait for the other side, and for us, before TCP holds the others up.
    init(_ pair: KeyPair?, to endpoint: String, server: PublicKey, frames: Int = 64, queue: Int = 1000) throws {
        context = try Context(pair.map { .keys($0, Admission()) } ?? .open)
        let options = SocketOptions(
            maximumFrameBytes: Wire.Limits.headerBytes, maximumFrames: frames, sendHighWaterMark: queue,
            receiveHighWaterMark: queue)
        socket = try DealerSocket(context, options, server: server)
        monitor = try socket.monitor()
        poller = try Poller(Waker())
        try socket.connect(Endpoint(parsing: endpoint))
        poller.add(socket)
        poller.add(monitor)
    }

    private func wait<Value>(_ attempt: () throws -> Value?) throws -> Value {
        let deadline = ContinuousClock.now + TestCluster.patience
        while ContinuousClock.now < deadline {
            if let value = try attempt() { return value }
            meanwhile()
            _ = poller.wait(timeoutMilliseconds: 20)
        }
        throw TimedOut()
    }

    /// What becomes of the next handshake.
    func handshake() throws -> ConnectionEvent {
        try wait {
            while let event = monitor.next() {
                switch event {
                case .connected, .accepted, .disconnected: continue
                default: return event
                }
            }
            return nil
        }
    }

    /// Waits until its connection is ended, saying something all the while.
    func untilEnded(saying frames: [[UInt8]]? = nil) throws {
        try wait {
            // So many of what is refused must come within a time.
            if let frames { for _ in 0..<8 where socket.send(frames) == .full { break } }
            hear()
            while let event = monitor.next() { if event == .disconnected { return () } }
            return nil
        }
    }

    func say(_ frames: [[UInt8]]) throws { try wait { socket.send(frames) == .sent ? () : nil } }

    func say(_ message: ControlRequest) throws { try say([message.encode()]) }

    /// The first answer that `read` makes something of.
    func next<Value>(saying frames: [[UInt8]]? = nil, _ read: ([UInt8]) throws -> Value?) throws -> Value {
        try wait {
            while let answer = socket.receive() {
                // What proves links begins with an empty frame.
                if let header = answer.first(where: { $0.count > 0 }), let value = try read(header.bytes) {
                    return value
                }
            }
            if let frames { _ = socket.send(frames) }
            return nil
        }
    }

    /// Everything that was answered until now, and not asked for before.
    func answers() -> [[UInt8]] {
        hear()
        defer { heard = [] }
        return heard
    }

    private func hear() {
        while let frames = socket.receive() { if let first = frames.first { heard.append(first.bytes) } }
    }

    /// Joins, and returns what it is told.
    func join(_ worker: UInt64, at endpoint: String = Caller.nowhere) throws -> Welcome {
        try say(.worker(.join(Self.join(worker, at: endpoint))))
        return try next {
            guard case .welcome(let welcome)? = try? CoordinatorMessage(decoding: $0) else { return nil }
            return welcome
        }
    }

    /// Says that all its links carry: who has not proven that it reaches the coordinator gets no layers.
    func proveLinks() throws {
        for link in [NodeLink.weights, .tokens] {
            try say(.worker(.link(LinkReport(epoch: .none, link: link, outcome: .proven(bytesPerSecond: 1e9)))))
        }
    }

    /// What keeps a worker a member.
    static let beat = [ControlRequest.worker(.heartbeat(WorkerHeartbeat())).encode()]

    /// Where nobody listens.
    static let nowhere = "tcp://127.0.0.1:9"

    static func join(_ worker: UInt64, at endpoint: String = nowhere) -> Join {
        var join = Join()
        join.worker = WorkerID(worker)
        join.memoryBytes = 1 << 30
        (join.cores, join.threads) = (1, 1)
        join.dataEndpoint = endpoint
        return join
    }

    func close() {
        poller.remove(socket)
        poller.remove(monitor)
        socket.close()
        monitor.close()
    }

    /// Runs on a thread of its own, as sockets want.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await LoopThread(name: "attack", body).value
    }
}

extension TestCluster {
    /// A key that is a client's, which another token than the owner's admitted.
    nonisolated func clientPair() throws -> KeyPair {
        let pair = KeyPair.random()
        _ = try AdmissionsFile(state).change { (admissions) throws(TandemError) in
            try admissions.admit(pair.publicKey, name: "client", role: .client, now: Roll.now)
        }
        return pair
    }

    /// Waits until a change of the file counts.
    nonisolated func admitted(_ pair: KeyPair, by server: PublicKey) async throws {
        try await Caller.run { [address] in
            while true {
                let caller = try Caller(pair, to: address, server: server)
                defer { caller.close() }
                if try caller.handshake() == .handshakeSucceeded { return }
            }
        }
    }
}
