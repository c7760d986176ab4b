// Responsible for: one connection of somebody who means harm, with whatever key. Must not know: what a node makes of it.
import Foundation
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

    /// On its way to `endpoint`, where `server` is expected; `pair` nil: without a key.
    init(_ pair: KeyPair?, to endpoint: String, server: PublicKey) throws {
        context = try Context(pair.map { .keys($0, Admission()) } ?? .open)
        let options = SocketOptions(maximumFrameBytes: Wire.Limits.headerBytes, maximumFrames: 64)
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
            if let frames { _ = socket.send(frames) }
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
                if let first = answer.first, let value = try read(first.bytes) { return value }
            }
            if let frames { _ = socket.send(frames) }
            return nil
        }
    }

    /// Everything that was answered until now.
    func answers() -> [[UInt8]] {
        var answers: [[UInt8]] = []
        while let frames = socket.receive() { if let first = frames.first { answers.append(first.bytes) } }
        return answers
    }

    /// Joins, and returns what it is told.
    func join(_ worker: UInt64) throws -> Welcome {
        try say(.worker(.join(Self.join(worker))))
        return try next {
            guard case .welcome(let welcome)? = try? CoordinatorMessage(decoding: $0) else { return nil }
            return welcome
        }
    }

    static func join(_ worker: UInt64) -> Join {
        var join = Join()
        join.worker = WorkerID(worker)
        join.memoryBytes = 1 << 30
        (join.cores, join.threads) = (1, 1)
        join.dataEndpoint = "tcp://127.0.0.1:9"
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
