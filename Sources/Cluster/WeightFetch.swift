// Responsible for: which bytes of which tensors to ask for next, until all are there and right. Must not know: sockets,
// files, hashing.

import Wire

/// The fetching of one stage's weights as a value. The shell sends `Fetch`es, writes chunks to its cache, and hashes a
/// tensor when it is told to.
package struct WeightFetch: Sendable {
    /// A content that is needed, and how much of it the cache has.
    package struct Need: Sendable, Equatable {
        package var content: ContentHash
        package var byteCount: UInt64
        /// The cache has the first so many bytes; `byteCount` where it is complete and known to be right.
        package var cachedBytes: UInt64
        package init(content: ContentHash, byteCount: UInt64, cachedBytes: UInt64) {
            self.content = content
            self.byteCount = byteCount
            self.cachedBytes = cachedBytes
        }
    }

    /// What happens to it.
    package enum Event: Sendable {
        /// Begin, or begin again after the connection was replaced: everything outstanding is asked for again.
        case connected
        /// The shell has checked that the raw frame has `length` bytes, and writes it when told to.
        case chunk(Chunk)
        /// The answer to `verify`.
        case verified(ContentHash, isRight: Bool)
    }

    /// What the shell must do, in order.
    package enum Action: Sendable, Equatable {
        case send(Fetch)
        /// Write the raw frame of the chunk just handled at its offset of this content's partial file.
        case write(ContentHash, offset: UInt64)
        /// All bytes are written: hash them, and answer with `.verified`.
        case verify(ContentHash)
        /// Throw away the partial file of this content; it is fetched anew.
        case discard(ContentHash)
        /// Everything is there and right.
        case finished
        /// It cannot be had: a sentence.
        case failed(String)
    }

    /// Bytes there, bytes needed, and bytes that came over the network.
    package struct Progress: Sendable, Equatable {
        package var doneBytes: UInt64
        package var totalBytes: UInt64
        package var transferredBytes: UInt64
    }

    /// Contents are fetched in the order of `needs`, with at most `window` fetches of `chunkBytes` outstanding. The
    /// same content twice is fetched once.
    package init(_ needs: [Need], window: Int = 8, chunkBytes: Int = Limits.chunkBytes) {}

    /// Decides what an event means. After `finished` or `failed` there are no more actions.
    package mutating func handle(_ event: Event) -> [Action] {
        []
    }

    package var progress: Progress { Progress(doneBytes: 0, totalBytes: 0, transferredBytes: 0) }
}
