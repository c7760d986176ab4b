// Responsible for: fetching weights (weights link). Must not know: sockets, time, what a tensor means.
//
// The credit rule: the coordinator sends nothing on this link but one `Chunk` for each `Fetch`, and a worker has a
// fixed number of fetches outstanding.

/// Worker -> coordinator, weights link: send me these bytes.
package struct Fetch: Equatable, Sendable, WireMessage {
    package var content: ContentHash
    package var offset: UInt64
    /// 1 ... `Limits.chunkBytes`.
    package var length: Int
    /// The plan that they are for; `.none`: not said.
    package var epoch: Epoch
    package init(content: ContentHash, offset: UInt64, length: Int, epoch: Epoch = .none) {
        self.content = content
        self.offset = offset
        self.length = length
        self.epoch = epoch
    }
}

/// Coordinator -> worker, weights link: the answer to one `Fetch`. Followed by one raw frame of `length` bytes, or none
/// where `length` is 0.
package struct Chunk: Equatable, Sendable, WireMessage {
    package var content: ContentHash
    package var offset: UInt64
    /// 0 where there is an `error`.
    package var length: Int
    /// Bytes of the whole content.
    package var total: UInt64
    /// Why the bytes cannot be had.
    package var error: String?
    /// Beside an error: the fetch was for this plan, which is over. Its worker is told of another, or of none.
    package var outdatedEpoch: Epoch?
    package init(content: ContentHash, offset: UInt64, length: Int, total: UInt64, error: String? = nil) {
        self.content = content
        self.offset = offset
        self.length = length
        self.total = total
        self.error = error
    }

    /// The answer to a fetch for a plan that is over.
    package init(outdated fetch: Fetch) {
        self.init(
            content: fetch.content, offset: fetch.offset, length: 0, total: 0, error: "it is not yours in this plan")
        outdatedEpoch = fetch.epoch
    }
}
