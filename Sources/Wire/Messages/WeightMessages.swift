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
    package init(content: ContentHash, offset: UInt64, length: Int) {
        self.content = content
        self.offset = offset
        self.length = length
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
    package init(content: ContentHash, offset: UInt64, length: Int, total: UInt64, error: String? = nil) {
        self.content = content
        self.offset = offset
        self.length = length
        self.total = total
        self.error = error
    }
}
