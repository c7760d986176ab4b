// Responsible for: frames of every kind that a node reads. Must not know: what comes of them.
import Wire

/// The first byte says as what the rest is read. What is accepted can be said again.
enum WireTarget {
    static func run(_ bytes: [UInt8]) {
        let frame = Array(bytes.dropFirst())
        switch bytes.byte(0) % 10 {
        case 0: check(ControlRequest.self, frame)
        case 1: check(CoordinatorMessage.self, frame)
        case 2: check(ClientReply.self, frame)
        case 3: check(Forward.self, frame)
        case 4: check(StepResult.self, frame)
        case 5: check(Fetch.self, frame)
        case 6: check(Chunk.self, frame)
        case 7: check(Hello.self, frame)
        case 8: check(HelloReply.self, frame)
        default: check(EnrolReply.self, frame)
        }
    }

    private static func check<Message: WireMessage>(_ type: Message.Type, _ frame: [UInt8]) {
        guard let message = try? Message(decoding: frame) else { return }
        sayAgain(message)
    }

    /// Bytes are compared, not values: not-a-number equals nothing.
    static func sayAgain<Message: WireMessage>(_ message: Message) {
        let said = message.encode()
        do {
            let again = try Message(decoding: said)
            precondition(again.encode() == said, "it changes its meaning when it is said again: \(message)")
        } catch { preconditionFailure("what was read cannot be said: \(error): \(message)") }
    }
}
