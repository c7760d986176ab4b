// Bytes of tensors that files store in another order than `TensorDescriptor` says: put in order while they are read.
// Knows the orders, not which tensors have them.

/// How a file stores a tensor whose bytes are no plain range of it.
enum StoredForm: Sendable, Hashable {
    /// Every second stretch of so many bytes from the first one on: the columns of gate (or up) of a pair that alternate
    /// (gpt-oss; one element each) or follow each other in every row (Llama 4).
    case everySecond(stretchBytes: Int)
    /// Pieces of one size, each at an offset from the tensor's first byte: heads in another order (Qwen3-Next, GPT-NeoX, InternLM 2).
    case pieces(byteCount: Int, offsets: [Int])
    /// MXFP4 whose blocks and scales are two tensors.
    case separateScales(SeparateScales)
}

/// MXFP4 as Hugging Face's gpt-oss has it: 16 bytes a block, byte i holding elements 2i (low nibble) and 2i + 1, and
/// elsewhere one byte of scale a block. It becomes ggml's `block_mxfp4`: the scale, then 16 bytes, byte i holding
/// elements i and 16 + i.
struct SeparateScales: Sendable, Hashable {
    static let storedBytes = 16
    static let blockBytes = 17

    /// File and first byte of the scales; those of the blocks are in the descriptor.
    var file: Int
    var offset: Int
    var blocksPerRow: Int
    /// Stored rows from one row of the tensor to the next: 2 where gate and up alternate.
    var rowStep: Int
}

extension StoredForm {
    /// Bytes of a file that are looked at together.
    private static let windowBytes = 1 << 20

    /// Fills `buffer` with the bytes of `tensor` from `offset` on, which are inside the tensor.
    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer,
        from files: [any ByteSource]
    ) throws(ModelFileError) {
        switch self {
        case .everySecond(let elementBytes):  // of a stretch
            var done = 0
            while done < buffer.count {
                let (element, skipped) = (offset + done).quotientAndRemainder(dividingBy: elementBytes)
                let wanted = (skipped + buffer.count - done + elementBytes - 1) / elementBytes
                let elements = min(wanted, max(1, Self.windowBytes / (2 * elementBytes)))
                let stored = try files[tensor.file].bytes(
                    at: tensor.offset + 2 * element * elementBytes, count: (2 * elements - 1) * elementBytes)
                let count = min(elements * elementBytes - skipped, buffer.count - done)
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
                stored.withUnsafeBytes { Self.takeEverySecond($0, elementBytes, skipping: skipped, into: part) }
                done += count
            }
        case .pieces(let byteCount, let offsets):
            var done = 0
            while done < buffer.count {
                let (piece, skipped) = (offset + done).quotientAndRemainder(dividingBy: byteCount)
                let count = min(byteCount - skipped, buffer.count - done)
                let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
                try files[tensor.file].read(at: tensor.offset + offsets[piece] + skipped, into: part)
                done += count
            }
        case .separateScales(let scales):
            try scales.read(tensor, at: offset, into: buffer, from: files, windowBytes: Self.windowBytes)
        }
    }

    /// `skipped`: bytes of the first element that are not wanted.
    private static func takeEverySecond(
        _ stored: UnsafeRawBufferPointer, _ elementBytes: Int, skipping skipped: Int,
        into out: UnsafeMutableRawBufferPointer
    ) {
        switch (elementBytes, skipped, out.count % elementBytes) {
        case (2, 0, 0):
            for index in 0..<out.count / 2 {
                out.storeBytes(
                    of: stored.loadUnaligned(fromByteOffset: 4 * index, as: UInt16.self), toByteOffset: 2 * index,
                    as: UInt16.self)
            }
        case (4, 0, 0):
            for index in 0..<out.count / 4 {
                out.storeBytes(
                    of: stored.loadUnaligned(fromByteOffset: 8 * index, as: UInt32.self), toByteOffset: 4 * index,
                    as: UInt32.self)
            }
        case (9..., _, _):
            var done = 0
            while done < out.count {
                let (element, byte) = (skipped + done).quotientAndRemainder(dividingBy: elementBytes)
                let start = 2 * element * elementBytes + byte
                let count = min(elementBytes - byte, out.count - done)
                UnsafeMutableRawBufferPointer(rebasing: out[done..<done + count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: stored[start..<start + count]))
                done += count
            }
        default:
            for index in out.indices {
                let (element, byte) = (skipped + index).quotientAndRemainder(dividingBy: elementBytes)
                out[index] = stored[2 * element * elementBytes + byte]
            }
        }
    }
}

extension SeparateScales {
    fileprivate func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer,
        from files: [any ByteSource], windowBytes: Int
    ) throws(ModelFileError) {
        let end = offset + buffer.count
        let lastBlock = (end + Self.blockBytes - 1) / Self.blockBytes
        var block = offset / Self.blockBytes
        while block < lastBlock {
            // Whole rows at once where several fit the window, with the rows between them; else a part of one row.
            let (row, column) = block.quotientAndRemainder(dividingBy: blocksPerRow)
            let rowsAtOnce = windowBytes / (blocksPerRow * rowStep * Self.storedBytes)
            let count: Int
            if column == 0 && rowsAtOnce > 1 {
                count = min(lastBlock - block, rowsAtOnce * blocksPerRow)
            } else {
                count = min(lastBlock - block, blocksPerRow - column, windowBytes / Self.storedBytes)
            }
            let first = row * rowStep * blocksPerRow + column
            let span = index(ofBlock: block + count - 1) - first + 1
            let blocks = try files[tensor.file].bytes(
                at: tensor.offset + first * Self.storedBytes, count: span * Self.storedBytes)
            let scales = try files[file].bytes(at: self.offset + first, count: span)
            blocks.withUnsafeBytes { blocks in
                for number in block..<block + count {
                    let place = index(ofBlock: number) - first
                    let low = blocks.loadUnaligned(fromByteOffset: place * Self.storedBytes, as: SIMD8<UInt8>.self)
                    let high = blocks.loadUnaligned(fromByteOffset: place * Self.storedBytes + 8, as: SIMD8<UInt8>.self)
                    Self.put(
                        scale: scales[place], Self.nibbles(low, high), at: number * Self.blockBytes - offset, of: buffer
                    )
                }
            }
            block += count
        }
    }

    /// The number of a block among those stored from the tensor's first one on.
    private func index(ofBlock block: Int) -> Int {
        let (row, column) = block.quotientAndRemainder(dividingBy: blocksPerRow)
        return row * rowStep * blocksPerRow + column
    }

    /// From elements 0..<16, two in each of 8 bytes, and elements 16..<32 to bytes of elements i and 16 + i.
    private static func nibbles(_ low: SIMD8<UInt8>, _ high: SIMD8<UInt8>) -> SIMD16<UInt8> {
        let four = SIMD8<UInt8>(repeating: 4), lowBits = SIMD8<UInt8>(repeating: 15)
        var bytes = SIMD16<UInt8>()
        bytes.evenHalf = (low & lowBits) | (high &<< four)
        bytes.oddHalf = (low &>> four) | (high & ~lowBits)
        return bytes
    }

    /// Writes one block at `position` of `buffer`, as far as it is inside.
    private static func put(
        scale: UInt8, _ nibbles: SIMD16<UInt8>, at position: Int, of buffer: UnsafeMutableRawBufferPointer
    ) {
        if position >= 0 && position + blockBytes <= buffer.count {
            buffer[position] = scale
            buffer.storeBytes(of: nibbles, toByteOffset: position + 1, as: SIMD16<UInt8>.self)
        } else {
            for index in max(0, -position)..<min(blockBytes, buffer.count - position) {
                buffer[position + index] = index == 0 ? scale : nibbles[index - 1]
            }
        }
    }
}
