// Responsible for: reading the bytes that workers fetch, on a thread of its own, so that a slow disk never delays the
// coordinator's loop. Must not know: sockets, plans.
import Generation
import ModelFile
import Transport
import Wire

/// Reads tensors of one model by the hash of their content.
struct WeightServer: Sendable {
    /// A worker's connection and what it asks for.
    struct Request: Sendable {
        let peer: Peer
        let fetch: Fetch
    }

    /// The answer and its raw frame.
    struct Reply: Sendable {
        let peer: Peer
        let chunk: Chunk
        let bytes: [UInt8]
    }

    private let model: Model
    private let tensors: [ContentHash: TensorDescriptor]

    init(_ model: Model, _ manifest: ModelManifest) {
        self.model = model
        tensors = Dictionary(manifest.entries.map { ($0.digest, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    }

    /// Of giving back memory: it is no business of the loop, and this thread has the time.
    private static let trimSeconds = 10

    /// Answers requests until the inbox is closed.
    func run(inbox: Mailbox<Request>, outbox: Mailbox<Reply>) {
        var trimmed = ContinuousClock.now
        while true {
            let requests = inbox.wait(timeoutMilliseconds: Self.trimSeconds * 1000)
            if ContinuousClock.now - trimmed >= .seconds(Self.trimSeconds) {
                Allocator.trim()
                trimmed = .now
            }
            if requests.isEmpty && inbox.isClosed { return }
            for request in requests {
                let reply = answer(request)
                while !outbox.post(reply) && !outbox.isClosed { pause(milliseconds: 1) }
            }
        }
    }

    private func answer(_ request: Request) -> Reply {
        let fetch = request.fetch
        func refusal(_ why: String) -> Reply {
            Reply(
                peer: request.peer,
                chunk: Chunk(content: fetch.content, offset: fetch.offset, length: 0, total: 0, error: why), bytes: [])
        }
        guard let tensor = tensors[fetch.content] else { return refusal("the model has no tensor \(fetch.content)") }
        guard fetch.offset < UInt64(tensor.byteCount) else {
            return refusal("tensor \(tensor.name) ends before byte \(fetch.offset)")
        }
        let offset = Int(fetch.offset)
        var bytes = [UInt8](repeating: 0, count: min(fetch.length, tensor.byteCount - offset))
        do { try bytes.withUnsafeMutableBytes { try model.read(tensor, at: offset, into: $0) } } catch {
            return refusal("\(error)")
        }
        return Reply(
            peer: request.peer,
            chunk: Chunk(
                content: fetch.content, offset: fetch.offset, length: bytes.count, total: UInt64(tensor.byteCount)),
            bytes: bytes)
    }
}
