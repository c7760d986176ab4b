// Responsible for: requests come back from a client's message as they were. Must not know: who asks.

import Sequences
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("Requests on the wire")
struct RequestTests {
    @Test("A request comes back from a client's message as it was")
    func roundTrip() throws {
        let prompts: [GenerationRequest.Prompt] = [
            .text("Once\u{0} upon 🙂"), .tokens([0, 5, Int32.max]), .tokens([]),
            .messages([
                ChatMessage(role: .system, content: "Be brief."), ChatMessage(role: .user, content: ""),
                ChatMessage(role: .assistant, content: "a\nb", reasoning: "R"), ChatMessage(role: .tool, content: "é"),
            ]),
        ]
        for prompt in prompts {
            var generate = Samples.generate(prompt)
            for sampling in [SamplingParameters(), .standard, Samples.sampling] {
                generate.request.sampling = sampling
                let frame = ControlRequest.client(.generate(generate)).encode()
                #expect(try ControlRequest(decoding: frame) == .client(.generate(generate)))
            }
        }
    }

    @Test("An unknown role is refused")
    func unknownRole() throws {
        var message = PChatMessage()
        message.role = "robot"
        var frame = PControlRequest()
        frame.generate.version = protocolVersion
        frame.generate.maximumTokens = 1
        frame.generate.conversation.messages = [message]
        let bytes: [UInt8] = try frame.serializedBytes()
        let error = #expect(throws: WireError.self) { try ControlRequest(decoding: bytes) }
        #expect(error?.message.contains("robot") == true)
    }

    @Test("Tools and variables count as bytes of the conversation")
    func conversationBytes() throws {
        var generate = Samples.conversation
        generate.request.tools = String(repeating: "x", count: RequestLimits.promptBytes)
        let frame = ControlRequest.client(.generate(generate)).encode()
        let error = #expect(throws: WireError.self) { try ControlRequest(decoding: frame) }
        #expect(error?.message.contains("messages' bytes") == true)
    }
}
