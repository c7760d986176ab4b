// Responsible for: peers of another protocol version.
import Foundation
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

extension Peer {
    fileprivate init(of client: ClientID) throws { self = try #require(Peer(client.routingID)) }
}

@Suite("Strangers")
struct StrangerTests {
    /// Sends frames as `id` and returns the first reply, nil where none comes in time. Runs on a thread of its own.
    private func exchange(_ address: String, _ id: Peer, _ frames: [[UInt8]]) async throws -> [UInt8]? {
        let thread = try LoopThread(name: "stranger") { () throws -> [UInt8]? in
            let socket = try DealerSocket(Context(), SocketOptions(maximumFrameBytes: 1 << 20), as: id)
            let poller = try Poller(Waker())
            poller.add(socket)
            defer {
                poller.remove(socket)
                socket.close()
            }
            try socket.connect(try Endpoint(parsing: address))
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
            let worker = try #require(Peer(WorkerID(9).routingID))
            let toWorker = try await exchange(
                cluster.address, worker, [ControlRequest.worker(.join(join)).encode()])
            guard case .refusal(let refusal) = try CoordinatorMessage(decoding: try #require(toWorker)) else {
                return #expect(Bool(false), "the worker was not refused")
            }
            #expect(refusal.reason.contains("77") && refusal.reason.contains("version \(Wire.protocolVersion)"))

            var query = StatusQuery()
            query.version = 78
            let toClient = try await exchange(
                cluster.address, Peer(of: ClientID(9)), [ControlRequest.client(.statusQuery(query)).encode()])
            guard case .refusal(let reason) = try ClientReply(decoding: try #require(toClient)) else {
                return #expect(Bool(false), "the client was not refused")
            }
            #expect(reason.reason.contains("78") && reason.reason.contains("version \(Wire.protocolVersion)"))
        }
    }
}
