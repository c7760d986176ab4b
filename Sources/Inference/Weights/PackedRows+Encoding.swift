// Rows of packed tensors in the types that tensors are kept in.
//
// Responsible for: values by the formula of `PackedTensor`, and codes in blocks of ggml's formats.
// Must not know: how codes and scales lie in files.

import CKernels
import ModelFile
import Sequences

extension PackedRows {
    /// The rows in the matrix' type, or as F32. Throws where a value is not finite.
    func encoded(as type: TensorType) throws(ModelFileError) -> [UInt8] {
        guard let rowBytes = type.byteCount(rows: 1, columns: matrix.columns) else {
            preconditionFailure("rows of \(matrix.codes.name) are no whole blocks of \(type.name)")
        }
        var badRow: Int?
        let result = [UInt8](unsafeUninitializedCapacity: rows.count * rowBytes) { buffer, initialized in
            let codes = UnsafeMutablePointer<Int16>.allocate(capacity: matrix.columns)
            let values = UnsafeMutablePointer<Float>.allocate(capacity: matrix.columns)
            defer {
                codes.deallocate()
                values.deallocate()
            }
            guard let base = buffer.baseAddress else { return }
            for row in rows {
                unpackCodes(ofRow: row, into: codes)
                let out = base + (row - rows.lowerBound) * rowBytes
                if matrix.keeping == .codes && type == matrix.type {
                    writeBlocks(ofRow: row, codes, as: type, into: out)
                } else {
                    computeValues(ofRow: row, codes, into: values)
                    if tk_all_finite(values, matrix.columns) == 0 { badRow = badRow ?? row }
                    tk_quantize_row(type.kernelType, out, values, matrix.columns)
                }
            }
            initialized = rows.count * rowBytes
        }
        if let badRow {
            throw ModelFileError(
                .invalidValue, file: "model", field: "tensor \(matrix.codes.name)",
                "row \(badRow) holds a value that is not a finite number",
                hint: "the file is damaged, or its quantization went wrong")
        }
        return result
    }

    /// values [columns], each rounded as in float arithmetic: the product, then the sum.
    private func computeValues(
        ofRow row: Int, _ codes: UnsafePointer<Int16>, into values: UnsafeMutablePointer<Float>
    ) {
        let scales = scales(ofRow: row), addends = addends(ofRow: row)
        Self.float8.withUnsafeBufferPointer { float8 in
            forEachGroup { group, columns in
                let scale = scales[scales.startIndex + group]
                if matrix.number == .float8 {
                    for column in columns { values[column] = float8[Int(codes[column])] * scale }
                } else if let addends {
                    let addend = addends[addends.startIndex + group]
                    for column in columns { values[column] = Float(codes[column]) * scale + addend }
                } else {
                    let zero = Int16(zero(ofRow: row, group: group))
                    for column in columns { values[column] = Float(codes[column] - zero) * scale }
                }
            }
        }
    }

    /// What the bytes of float8_e4m3fn stand for (OCP 8-bit floating point, "E4M3"): 127 and 255 are NaN.
    private static let float8: [Float] = (0..<256).map { byte in
        let (exponent, fraction) = (byte >> 3 & 15, byte & 7)
        if byte & 127 == 127 { return .nan }
        let magnitude =
            exponent == 0
            ? Float(fraction) * 0x1p-9
            : Float(sign: .plus, exponent: exponent - 7, significand: 1 + Float(fraction) / 8)
        return byte < 128 ? magnitude : -magnitude
    }

    /// Blocks of 32 whose scales (and minima) are the group's: d [m] and the codes, as ggml's formats have them.
    private func writeBlocks(
        ofRow row: Int, _ codes: UnsafePointer<Int16>, as type: TensorType, into out: UnsafeMutablePointer<UInt8>
    ) {
        let scales = Self.halves(scales(ofRow: row)), addends = addends(ofRow: row).map(Self.halves)
        // Q4_0 stores codes + 8.
        let bias = type == .q4_0 ? 8 : 0
        forEachGroup { group, columns in
            let shift = Int16(addends == nil ? bias - zero(ofRow: row, group: group) : 0)
            for block in columns.lowerBound / 32..<columns.upperBound / 32 {
                var bytes = out + block * type.blockBytes
                func put(_ half: UInt16) {
                    (bytes[0], bytes[1]) = (UInt8(truncatingIfNeeded: half), UInt8(half >> 8))
                    bytes += 2
                }
                put(scales[group])
                if let addends { put(addends[group]) }
                Self.writeCodes(codes + 32 * block, adding: shift, as: type, into: bytes)
            }
        }
    }

    /// The 32 codes of a block, behind its scale.
    private static func writeCodes(
        _ codes: UnsafePointer<Int16>, adding shift: Int16, as type: TensorType, into out: UnsafeMutablePointer<UInt8>
    ) {
        var nibbles = out
        switch type {
        case .q8_0:
            for index in 0..<32 { out[index] = UInt8(truncatingIfNeeded: codes[index] + shift) }
            return
        case .q5_1:
            for byte in 0..<4 {
                out[byte] = (0..<8).reduce(0) { $0 | UInt8(codes[8 * byte + $1] >> 4 & 1) << UInt8($1) }
            }
            nibbles += 4
        default: break
        }
        for index in 0..<16 {
            let low = codes[index] + shift, high = codes[index + 16] + shift
            nibbles[index] = UInt8(low & 15) | UInt8(high & 15) << 4
        }
    }

    private static func halves(_ values: ArraySlice<Float>) -> [UInt16] {
        values.withUnsafeBufferPointer { values in
            [UInt16](unsafeUninitializedCapacity: values.count) { halves, initialized in
                if let source = values.baseAddress, let out = halves.baseAddress {
                    tk_quantize_row(TK_F16, out, source, values.count)
                }
                initialized = values.count
            }
        }
    }
}
