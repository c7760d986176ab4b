// Responsible for: every message survives encoding and decoding. Must not know: sockets.

import Testing
import Wire

@Suite struct RoundTripTests {
    private func check<Message: WireMessage>(_ message: Message) throws {
        #expect(try Message(decoding: message.encode()) == message)
    }

    @Test("What workers and clients say is decoded as it was encoded", arguments: Samples.requests)
    func controlRequest(_ message: ControlRequest) throws { try check(message) }

    @Test("What a worker is told is decoded as it was encoded", arguments: Samples.commands)
    func workerCommand(_ message: CoordinatorMessage) throws { try check(message) }

    @Test("What a client is told is decoded as it was encoded", arguments: Samples.replies)
    func clientReply(_ message: ClientReply) throws { try check(message) }

    @Test("A step, its result, a fetch and its chunks are decoded as they were encoded")
    func steps() throws {
        try check(Samples.forward)
        try check(Samples.result)
        try check(Samples.fetch)
        for chunk in Samples.chunks { try check(chunk) }
    }

    @Test("A routing id names a worker or a client, and never begins with a zero byte")
    func routingIDs() {
        for value in [0, 1, 0x57, UInt64.max] {
            #expect(WorkerID(routingID: WorkerID(value).routingID) == WorkerID(value))
            #expect(ClientID(routingID: ClientID(value).routingID) == ClientID(value))
            #expect(WorkerID(routingID: ClientID(value).routingID) == nil)
            #expect(WorkerID(value).routingID[0] != 0)
        }
        #expect(WorkerID(routingID: [UInt8]()) == nil)
    }

    @Test("A sentence too long for its receiver is cut between characters")
    func clipping() throws {
        let long = String(repeating: "é", count: Limits.sentenceBytes)
        let bytes = CoordinatorMessage.refusal(Refusal(reason: "x" + long)).encode()
        guard case .refusal(let refusal) = try CoordinatorMessage(decoding: bytes) else {
            Issue.record("no refusal")
            return
        }
        #expect(refusal.reason.utf8.count == Limits.sentenceBytes - 1)
        #expect(!refusal.reason.contains("\u{FFFD}"))
    }
}
