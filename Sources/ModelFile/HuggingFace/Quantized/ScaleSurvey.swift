// What all scales of a matrix have in common, read from their bits: by it a type is chosen that holds the matrix without
// loss. Knows no arithmetic.

import Sequences

/// The numbers of a grid, each being ± significand * 2^exponent with an odd significand.
struct ScaleSurvey {
    /// Of the longest significand.
    private(set) var significantBits = 0
    /// Of the highest bit of the largest number, and of the lowest bit of any; zeros do not count.
    private(set) var highest = Int.min
    private(set) var lowest = Int.max

    /// Bytes of a file that are looked at together.
    private static let windowBytes = 1 << 20

    /// Reads the whole grid. Throws where a number is not finite.
    init(_ grid: PackedTensor.Grid, in file: any ByteSource) throws(ModelFileError) {
        let size = grid.type.blockBytes
        let end = grid.part.offset + grid.rows * grid.columns * size
        for start in stride(from: grid.part.offset, to: end, by: Self.windowBytes) {
            let bytes = try file.bytes(at: start, count: min(Self.windowBytes, end - start))
            let isFinite = bytes.withUnsafeBytes { bytes in
                switch grid.type {
                case .f32: add(bytes, UInt32.self) { $0 }
                case .bf16: add(bytes, UInt16.self) { UInt32($0) << 16 }
                default: addHalves(bytes)
                }
            }
            guard isFinite else {
                throw ModelFileError(
                    .invalidValue, file: file.name, field: "tensor \(grid.part.name)",
                    "holds a value that is not a finite number",
                    hint: "the file is damaged, or its quantization went wrong")
            }
        }
    }

    /// `bits` gives those of an F32. False: one is not finite.
    private mutating func add<Element: FixedWidthInteger>(
        _ bytes: UnsafeRawBufferPointer, _: Element.Type, _ bits: (Element) -> UInt32
    ) -> Bool {
        for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Element>.size) {
            let value = bits(bytes.loadUnaligned(fromByteOffset: offset, as: Element.self))
            let exponent = Int(value >> 23 & 0xFF)
            guard exponent != 0xFF else { return false }
            let fraction = value & 0x7F_FFFF
            add(exponent == 0 ? fraction : fraction | 1 << 23, exponent: max(exponent, 1) - 150)
        }
        return true
    }

    private mutating func addHalves(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for offset in stride(from: 0, to: bytes.count, by: 2) {
            let value = UInt32(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
            let exponent = Int(value >> 10 & 0x1F)
            guard exponent != 0x1F else { return false }
            let fraction = value & 0x3FF
            add(exponent == 0 ? fraction : fraction | 1 << 10, exponent: max(exponent, 1) - 25)
        }
        return true
    }

    private mutating func add(_ significand: UInt32, exponent: Int) {
        guard significand != 0 else { return }
        let zeros = significand.trailingZeroBitCount
        let bits = 32 - significand.leadingZeroBitCount - zeros
        significantBits = max(significantBits, bits)
        lowest = min(lowest, exponent + zeros)
        highest = max(highest, exponent + zeros + bits - 1)
    }

    /// Every number is one of F16.
    var isHalf: Bool { product(ofBits: 0, exponents: 0...0, fitsBits: 11, in: -24...15) }

    /// Whether the product of each number with one of `bits` significant bits, between 2^lower and 2^upper, is one of so
    /// many bits with exponents in a range.
    func product(ofBits bits: Int, exponents: ClosedRange<Int>, fitsBits most: Int, in range: ClosedRange<Int>) -> Bool
    {
        if significantBits == 0 { return true }
        // The product of two numbers below 2^(a + 1) and 2^(b + 1) is below 2^(a + b + 2).
        let top = bits == 0 ? highest : highest + exponents.upperBound + 1
        return significantBits + bits <= most && lowest + exponents.lowerBound >= range.lowerBound
            && top <= range.upperBound
    }
}
