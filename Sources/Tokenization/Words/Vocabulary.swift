// The texts of all tokens as bytes, by id and back. Knows nothing of splitting, merging or special tokens.

/// Token texts in one block of memory with a hash index over it.
///
/// Texts are compared by their bytes: two canonically equivalent spellings are different tokens.
struct Vocabulary: Sendable {
    private var storage: [UInt8] = []
    /// Where each text begins in `storage`; [count + 1].
    private var offsets: [Int] = [0]
    /// Open addressing: ids, or -1 where a slot is free; a power of two, at most half full.
    private var slots: [Int32]
    /// Length of the longest text that can be found.
    private(set) var longest = 0

    /// `write(id, &bytes)` appends the text of token `id`; an empty text is that of no token.
    init(count: Int, write: (Int, inout [UInt8]) -> Void) {
        var capacity = 16
        while capacity < 2 * count { capacity *= 2 }
        slots = [Int32](repeating: -1, count: capacity)
        offsets.reserveCapacity(count + 1)
        for id in 0..<count {
            write(id, &storage)
            offsets.append(storage.count)
        }
        for id in 0..<count { insert(Int32(id)) }
    }

    var count: Int { offsets.count - 1 }

    /// The text of a token of this vocabulary.
    func bytes(of id: Int32) -> ArraySlice<UInt8> {
        storage[offsets[Int(id)]..<offsets[Int(id) + 1]]
    }

    /// The length of a token's text.
    func length(of id: Int32) -> Int { offsets[Int(id) + 1] - offsets[Int(id)] }

    /// One byte of a token's text, which must be long enough.
    func byte(of id: Int32, at offset: Int) -> UInt8 { storage[offsets[Int(id)] + offset] }

    /// The token with exactly this text.
    func token(for text: UnsafeRawBufferPointer) -> Int32? {
        if text.isEmpty || text.count > longest { return nil }
        return storage.withUnsafeBytes { storage in
            var slot = hash(text)
            while slots[slot] >= 0 {
                let id = slots[slot]
                if equal(UnsafeRawBufferPointer(rebasing: storage[range(of: id)]), text) { return id }
                slot = (slot + 1) & (slots.count - 1)
            }
            return nil
        }
    }

    /// The token with exactly this text.
    func token(for text: [UInt8]) -> Int32? {
        text.withUnsafeBytes { token(for: $0) }
    }

    /// Of two tokens with the same text the later one is found.
    private mutating func insert(_ id: Int32) {
        let range = range(of: id)
        if range.isEmpty { return }
        longest = max(longest, range.count)
        let free = storage.withUnsafeBytes { storage in
            let text = UnsafeRawBufferPointer(rebasing: storage[range])
            var slot = hash(text)
            while slots[slot] >= 0,
                !equal(UnsafeRawBufferPointer(rebasing: storage[self.range(of: slots[slot])]), text)
            {
                slot = (slot + 1) & (slots.count - 1)
            }
            return slot
        }
        slots[free] = id
    }

    private func range(of id: Int32) -> Range<Int> {
        offsets[Int(id)]..<offsets[Int(id) + 1]
    }

    private func hash(_ text: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: text)
        return hasher.finalize() & (slots.count - 1)
    }
}

/// Whether two stretches of memory hold the same bytes.
func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    left.count == right.count && left.elementsEqual(right)
}
