// Responsible for: peers of another protocol version.
import Foundation
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

@Suite("Strangers")
struct StrangerTests {
    /// Sends frames through a door and returns the first reply, nil where none comes in time. Runs on a thread of its own.
    private func exchange(_ door: Door, _ frames: [[UInt8]]) async throws -> [UInt8]? {
        let thread = try LoopThread(name: "stranger") { () throws -> [UInt8]? in
            let socket = try door.socket(door.context())
            let poller = try Poller(Waker())
            poller.add(socket)
            defer {
                poller.remove(socket)
                socket.close()
            }
            let deadline = ContinuousClock.now + TestCluster.patience
            while socket.send(frames) != .sent, ContinuousClock.now < deadline {
                _ = poller.wait(timeoutMilliseconds: 20)
            }
            while ContinuousClock.now < deadline {
                if let reply = socket.receive()?.first { return reply.bytes }
                _ = poller.wait(timeoutMilliseconds: 20)
            }
            return nil
        }
        return try await thread.value
    }

    @Test("A worker and a client of another version are refused with both versions")
    func otherVersion() async throws {
        var options = CoordinatorOptions(modelPath: TestFiles.tales)
        options.contextLength = 64
        try await TestCluster.with(options, workers: 0) { cluster in
            var join = Join()
            join.version = 77
            let toWorker = try await exchange(
                try cluster.workerDoor(), [ControlRequest.worker(.join(join)).encode()])
            guard case .refusal(let refusal) = try CoordinatorMessage(decoding: try #require(toWorker)) else {
                return #expect(Bool(false), "the worker was not refused")
            }
            #expect(refusal.reason.contains("77") && refusal.reason.contains("version \(Wire.protocolVersion)"))

            var query = StatusQuery()
            query.version = 78
            let toClient = try await exchange(
                try cluster.door(), [ControlRequest.client(.statusQuery(query)).encode()])
            guard case .refusal(let reason) = try ClientReply(decoding: try #require(toClient)) else {
                return #expect(Bool(false), "the client was not refused")
            }
            #expect(reason.reason.contains("78") && reason.reason.contains("version \(Wire.protocolVersion)"))
        }
    }
}
