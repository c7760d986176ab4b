// The merges of byte-pair encoding, packed: hundreds of thousands of pairs of short texts. Knows nothing of merging.

extension TokenizerDescription {
    /// Merges in order. Each takes its bytes and eight more: two texts would take 32 bytes where a file writes six.
    package struct MergeList: RandomAccessCollection, ExpressibleByArrayLiteral, Sendable, Equatable {
        /// All texts one behind the other.
        private var bytes: [UInt8] = []
        /// Where the texts end, left and right in turn.
        private var ends: [UInt32] = []

        package init() {}

        package init(_ merges: some Sequence<Merge>) {
            for merge in merges { append(merge) }
        }

        package init(arrayLiteral elements: Merge...) { self.init(elements) }

        package var startIndex: Int { 0 }
        package var endIndex: Int { ends.count / 2 }

        package subscript(index: Int) -> Merge { Merge(left: text(2 * index), right: text(2 * index + 1)) }

        /// Room for `count` merges in all.
        package mutating func reserveCapacity(_ count: Int) { ends.reserveCapacity(2 * count) }

        /// Model files, and with them the texts of all their merges, are far smaller than 4 GiB (`FileLimits`).
        package mutating func append(_ merge: Merge) {
            for text in [merge.left, merge.right] {
                bytes.append(contentsOf: text.utf8)
                ends.append(UInt32(bytes.count))
            }
        }

        private func text(_ index: Int) -> String {
            let start = index == 0 ? 0 : Int(ends[index - 1])
            return bytes.withUnsafeBufferPointer { String(decoding: $0[start..<Int(ends[index])], as: UTF8.self) }
        }
    }
}
