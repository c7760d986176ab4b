// Responsible for: messages that travel as the bytes of the real protocol. Must not know: who sends them.

import Wire

extension Content {
    /// What the other side reads of this content's frame; throws where it is refused.
    func coded() throws(WireError) -> Content {
        switch self {
        case .message(let worker, let message):
            guard case .worker(let read) = try Self.read(ControlRequest.worker(message)) else { break }
            return .message(worker, read)
        case .request(let client, let message):
            guard case .client(let read) = try Self.read(ControlRequest.client(message)) else { break }
            return .request(client, read)
        case .command(let command): return .command(try Self.read(command))
        case .forward(let forward, let activations): return .forward(try Self.read(forward), activations)
        case .result(let result): return .result(try Self.read(result))
        case .fetch(let fetch, let socket): return .fetch(try Self.read(fetch), socket: socket)
        case .chunk(let chunk, let bytes): return .chunk(try Self.read(chunk), bytes)
        case .reply(let reply): return .reply(try Self.read(reply))
        case .hello(let hello, let speaker): return .hello(try Self.read(hello), of: speaker)
        case .helloReply(let reply): return .helloReply(try Self.read(reply))
        case .blocks(let contents, let values, let worker): return .blocks(try Self.read(contents), values, of: worker)
        }
        throw WireError("a worker's message was read as a client's, or the other way round")
    }

    private static func read<Message: WireMessage>(_ message: Message) throws(WireError) -> Message {
        let read = try Message(decoding: message.encode())
        if read != message { throw WireError("\(message) was read as \(read)") }
        return read
    }
}
