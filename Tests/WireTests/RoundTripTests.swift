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

    @Test("What a standby is told is decoded as it was encoded", arguments: Samples.standbyCommands)
    func standbyCommand(_ message: StandbyCommand) throws { try check(message) }

    @Test("A step, its result, a fetch and its chunks are decoded as they were encoded")
    func steps() throws {
        try check(Samples.forward)
        try check(Samples.result)
        try check(Samples.fetch)
        try check(Samples.contents)
        try check(Samples.partOfOutputs)
        for chunk in Samples.chunks { try check(chunk) }
    }

    @Test("A newcomer's question and both answers are decoded as they were encoded")
    func enrolment() throws {
        let key = try #require(NodeKey(Array(repeating: 7, count: NodeKey.byteCount)))
        for isClient in [false, true] {
            var enrol = Enrol(key: key, isClient: isClient, name: "host-b")
            enrol.build = "0.2.0"
            try check(ControlRequest.newcomer(enrol))
            enrol.isStandby = true
            try check(ControlRequest.newcomer(enrol))
        }
        try check(EnrolReply.enrolled(name: "host-b-2"))
        try check(EnrolReply.refusal(Refusal(reason: "the token has expired")))
        #expect(NodeKey(Array(repeating: 7, count: 31)) == nil)
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
