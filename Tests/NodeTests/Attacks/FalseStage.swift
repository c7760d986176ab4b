// Responsible for: a member that is given layers, says that it has them and that all its links carry, and computes nothing.
// Must not know: what its place is used for.
import Cluster
import Foundation
import Sequences
import Testing
import Transport
import Wire

@testable import Node

/// Owned by one thread, which has to call `turn` often, or it is taken for lost.
final class FalseStage {
    let door: Door
    let worker: WorkerID
    let caller: Caller
    private let data: RouterSocket
    private(set) var welcome: Welcome
    private(set) var assignment: Assign?

    /// Joins with the door's key.
    init(_ door: Door, _ number: UInt64) throws {
        (self.door, worker) = (door, WorkerID(number))
        let admission = Admission()
        admission.admit([door.server], for: Roll.Purpose.data)
        data = try RouterSocket(
            try Context(.keys(door.pair, admission)), SocketOptions(maximumFrameBytes: 1 << 20),
            purpose: Roll.Purpose.data)
        let endpoint = try data.bind(.tcp(host: "127.0.0.1", port: 0))
        caller = try Caller(door.pair, to: door.address, server: door.server)
        welcome = try caller.join(number, at: "\(endpoint)")
        try caller.proveLinks()
    }

    /// Hears what its coordinator says, and says what keeps its place.
    func turn() {
        for bytes in caller.answers() {
            guard case .assign(let assign)? = try? CoordinatorMessage(decoding: bytes) else { continue }
            assignment = assign
            say(.ready(Ready(epoch: assign.epoch, transferredBytes: 0, cachedBytes: 0)))
            say(.link(LinkReport(epoch: assign.epoch, link: .next, outcome: .proven(bytesPerSecond: 1e9))))
        }
        var heartbeat = WorkerHeartbeat()
        heartbeat.epoch = assignment?.epoch ?? .none
        say(.heartbeat(heartbeat))
        _ = data.takeEvents()
        while let arrival = data.receive() {
            guard let hello = try? LinkFrames.hello(arrival.frames) else { continue }
            data.answer(arrival.peer, HelloReply(epoch: hello.epoch, worker: worker, number: hello.number))
        }
    }

    private func say(_ message: WorkerMessage) { _ = caller.socket.send([ControlRequest.worker(message).encode()]) }

    /// Waits until it is the stage before another one: of which epoch, where that one listens, and whose key it has.
    func placeOfNext() throws -> (epoch: Epoch, endpoint: String, key: PublicKey) {
        let deadline = ContinuousClock.now + TestCluster.patience
        while ContinuousClock.now < deadline {
            turn()
            if let assignment, case .stage(let endpoint, _, let key?) = assignment.next {
                return (assignment.epoch, endpoint, PublicKey(key))
            }
            pause(milliseconds: 5)
        }
        throw TimedOut()
    }

    /// Leaves its cluster.
    func close() throws {
        try caller.say(.worker(.leave))
        pause(milliseconds: 300)
        caller.close()
        data.close()
    }
}
