// Weights that no file holds: random bits from a seed in the form of stored blocks, with scales that keep activations
// in bounds. Knows where the scales of a block lie (source: ggml's block structures), not what is computed.

/// The bytes of a synthetic model's tensors: the same for any range that is read, in any order, on every machine.
struct SyntheticWeights: TensorSource {
    let seed: UInt64

    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        guard offset >= 0, offset <= tensor.byteCount, buffer.count <= tensor.byteCount - offset else {
            throw ModelFileError(
                .invalidValue, file: "synthetic model", field: "tensor \(tensor.name)", value: offset,
                "\(buffer.count) bytes from there are not inside the tensor")
        }
        let stream = SplitMix64.number(at: seed ^ Self.hash(tensor.name))
        let form = ElementForm(tensor)
        var position = 0
        while position < buffer.count {
            // Whole words where they fit, else the bytes of one word.
            let (word, inWord) = (offset + position).quotientAndRemainder(dividingBy: 8)
            if inWord == 0, buffer.count - position >= 8 {
                let words = (buffer.count - position) / 8
                let base = buffer.baseAddress.map { $0 + position }
                for index in 0..<words {
                    let value = form.apply(SplitMix64.number(at: stream &+ UInt64(word + index)))
                    base?.storeBytes(of: value.littleEndian, toByteOffset: index * 8, as: UInt64.self)
                }
                position += words * 8
            } else {
                let value = form.apply(SplitMix64.number(at: stream &+ UInt64(word)))
                let count = min(8 - inWord, buffer.count - position)
                for byte in 0..<count {
                    buffer[position + byte] = UInt8(truncatingIfNeeded: value >> (8 * (inWord + byte)))
                }
                position += count
            }
        }
        setScales(tensor, from: offset, in: buffer)
    }

    /// Writes the scales of every block that the buffer, whose first byte is byte `offset` of the tensor, touches.
    private func setScales(_ tensor: TensorDescriptor, from offset: Int, in buffer: UnsafeMutableRawBufferPointer) {
        let scales = tensor.type.syntheticScales(columns: tensor.columns)
        guard !scales.isEmpty else { return }
        let size = tensor.type.blockBytes
        for block in offset / size...(offset + max(0, buffer.count - 1)) / size {
            for scale in scales {
                for (index, byte) in scale.bytes.enumerated() {
                    let place = block * size + scale.place + index - offset
                    if place >= 0 && place < buffer.count { buffer[place] = byte }
                }
            }
        }
    }

    /// FNV-1a of a name.
    private static func hash(_ name: String) -> UInt64 {
        name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

/// How random words become elements of a float type: exponents are set, signs and mantissas stay random.
private struct ElementForm {
    var keep = UInt64.max
    var set: UInt64 = 0

    init(_ tensor: TensorDescriptor) {
        // Weights of 2^-e, about 0.7 / sqrt(columns); norms between 0.5 and 1; biases below 2^-6.
        let isNorm = tensor.name.hasSuffix("norm.weight")
        let half = (Int.bitWidth - tensor.columns.leadingZeroBitCount) / 2
        let exponent = isNorm ? -1 : tensor.rows == 1 ? -7 : -1 - half
        switch tensor.type {
        case .f32:
            keep = 0x0000_0001_0000_0001 &* (isNorm ? 0x007f_ffff : 0x807f_ffff)
            set = 0x0000_0001_0000_0001 &* UInt64((exponent + 127) << 23)
        case .f16:
            keep = 0x0001_0001_0001_0001 &* (isNorm ? 0x03ff : 0x83ff)
            set = 0x0001_0001_0001_0001 &* UInt64((exponent + 15) << 10)
        case .bf16:
            keep = 0x0001_0001_0001_0001 &* (isNorm ? 0x007f : 0x807f)
            set = 0x0001_0001_0001_0001 &* UInt64((exponent + 127) << 7)
        default: break
        }
    }

    @inline(__always)
    func apply(_ word: UInt64) -> UInt64 { word & keep | set }
}

extension TensorType {
    /// Fixed bytes at a place of each block.
    struct BlockScale {
        var place: Int
        var bytes: [UInt8]
    }

    /// The scales that give random quants a standard deviation of about 0.5 / sqrt(columns) and a mean near 0.
    func syntheticScales(columns: Int) -> [BlockScale] {
        let deviation = 0.5 / Double(columns).squareRoot()
        func half(_ place: Int, _ value: Double) -> BlockScale {
            let bits = Float16(value).bitPattern
            return BlockScale(
                place: place, bytes: [UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8)])
        }
        switch self {
        case .f32, .f16, .bf16: return []
        case .q8_0: return [half(0, deviation / 74)]
        case .q4_0: return [half(0, deviation / 4.6)]
        case .q4_1: return [half(0, deviation / 4.6), half(2, -7.5 * deviation / 4.6)]
        case .q5_0: return [half(0, deviation / 9.2)]
        case .q5_1: return [half(0, deviation / 9.2), half(2, -15.5 * deviation / 9.2)]
        case .q2_k: return [half(80, deviation / 16), half(82, 1.5 * deviation / 16)]
        case .q3_k: return [half(108, deviation / 42)]
        case .q4_k: return [half(0, deviation / 250), half(2, 7.5 * deviation / 250)]
        case .q5_k: return [half(0, deviation / 500), half(2, 15.5 * deviation / 500)]
        case .q6_k: return [half(208, deviation / 1400)]
        case .iq4_nl: return [half(0, deviation / 68)]
        case .iq4_xs: return [half(0, deviation / 1250)]
        case .mxfp4:
            // Quants have a deviation of about 3; the byte is an exponent with a bias of 127.
            var exponent = 127
            while Double(sign: .plus, exponent: exponent - 127, significand: 3) > deviation { exponent -= 1 }
            return [BlockScale(place: 0, bytes: [UInt8(exponent)])]
        }
    }
}
