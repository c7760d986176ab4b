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

    /// A content that is not complete.
    private struct Item: Sendable {
        let content: ContentHash
        let byteCount: UInt64
        /// Where the next fetch begins.
        var asked: UInt64
        /// How many bytes are written. Chunks come in the order they were asked for, so they are the first so many.
        var written: UInt64
        var isVerifying = false
        var hasFailedOnce = false
    }

    /// The plan whose weights these are.
    private let epoch: Epoch
    private let window: Int
    private let chunkBytes: Int
    /// What is not complete, in order; fetches outstanding concern the first of them.
    private var items: [Item] = []
    private var outstanding = 0
    private var isOver = false
    private var isConnected = false
    package private(set) var progress = Progress(doneBytes: 0, totalBytes: 0, transferredBytes: 0)

    /// Contents are fetched for a plan in the order of `needs`, with at most `window` fetches of `chunkBytes` outstanding. The
    /// same content twice is fetched once.
    package init(_ needs: [Need], for epoch: Epoch, window: Int = 8, chunkBytes: Int = Limits.chunkBytes) {
        precondition(window > 0 && (1...Limits.chunkBytes).contains(chunkBytes))
        self.epoch = epoch
        self.window = window
        self.chunkBytes = chunkBytes
        var seen: Set<ContentHash> = []
        for need in needs where seen.insert(need.content).inserted {
            let cached = min(need.cachedBytes, need.byteCount)
            progress.totalBytes += need.byteCount
            progress.doneBytes += cached
            if cached < need.byteCount {
                items.append(Item(content: need.content, byteCount: need.byteCount, asked: cached, written: cached))
            }
        }
    }

    /// Decides what an event means. After `finished`, `failed`, or the answer that the plan is over, there are no more
    /// actions.
    package mutating func handle(_ event: Event) -> [Action] {
        if isOver { return [] }
        var actions: [Action] = []
        switch event {
        case .connected:
            isConnected = true
            outstanding = 0
            for index in items.indices { items[index].asked = items[index].written }
        case .chunk(let chunk): take(chunk, &actions)
        case .verified(let content, let isRight): settle(content, isRight, &actions)
        }
        if !isOver { ask(&actions) }
        return actions
    }

    private mutating func ask(_ actions: inout [Action]) {
        if items.isEmpty {
            isOver = true
            actions.append(.finished)
            return
        }
        guard isConnected else { return }
        for index in items.indices {
            while outstanding < window, items[index].asked < items[index].byteCount {
                let length = Int(min(UInt64(chunkBytes), items[index].byteCount - items[index].asked))
                let fetch = Fetch(
                    content: items[index].content, offset: items[index].asked, length: length, epoch: epoch)
                actions.append(.send(fetch))
                items[index].asked += UInt64(length)
                outstanding += 1
            }
            if outstanding == window { return }
        }
    }

    private mutating func take(_ chunk: Chunk, _ actions: inout [Action]) {
        if let outdated = chunk.outdatedEpoch {
            // The next plan is on its way, or that there is none. Of an earlier plan's fetches nothing is awaited here.
            if outdated == epoch { isOver = true }
            return
        }
        // Not what was asked for next: an answer of a connection before this one.
        guard let index = items.firstIndex(where: { $0.content == chunk.content && $0.written < $0.asked }),
            chunk.offset == items[index].written
        else { return }
        if let error = chunk.error { return fail("weights \(chunk.content) cannot be had: \(error)", &actions) }
        let item = items[index]
        let expected = min(UInt64(chunkBytes), item.byteCount - item.written)
        guard UInt64(chunk.length) == expected, chunk.total == item.byteCount else {
            let message =
                "weights \(chunk.content): \(expected) bytes of \(item.byteCount) were due at "
                + "\(chunk.offset), but \(chunk.length) of \(chunk.total) came"
            return fail(message, &actions)
        }
        outstanding -= 1
        items[index].written += expected
        progress.doneBytes += expected
        progress.transferredBytes += expected
        actions.append(.write(chunk.content, offset: chunk.offset))
        if items[index].written == item.byteCount {
            items[index].isVerifying = true
            actions.append(.verify(chunk.content))
        }
    }

    /// A content with a wrong hash is fetched once more: a part of it may have lain damaged in the cache.
    private mutating func settle(_ content: ContentHash, _ isRight: Bool, _ actions: inout [Action]) {
        guard let index = items.firstIndex(where: { $0.content == content && $0.isVerifying }) else { return }
        if isRight {
            items.remove(at: index)
            return
        }
        actions.append(.discard(content))
        if items[index].hasFailedOnce {
            return fail("weights \(content) came twice with another SHA-256 than the model's", &actions)
        }
        items[index].hasFailedOnce = true
        items[index].isVerifying = false
        items[index].asked = 0
        items[index].written = 0
        progress.doneBytes -= items[index].byteCount
    }

    private mutating func fail(_ message: String, _ actions: inout [Action]) {
        isOver = true
        actions.append(.failed(message))
    }
}
