// Tensors of quantized folders, made of their parts while they are read.
//
// Responsible for: the bytes of any range of a tensor in the type that it is kept in, in bounded memory.
// Must not know: how codes and scales lie in files (`PackedRows`), who reads.

import CKernels
import ModelFile
import Synchronization

extension Model {
    /// Part of what identifies unpacked bytes: another number where they or their types become others.
    private static let unpackingVersion = 1

    /// Opens a GGUF file or a Hugging Face folder, all of whose tensors can be read.
    package static func load(path: String) throws(ModelFileError) -> Model {
        let model = try open(path: path)
        guard !model.packed.byName.isEmpty else { return model }
        return model.replacing(
            tensors: model.tensors, source: UnpackedTensors(model.packed, others: model),
            variant: "unpacked/\(unpackingVersion)")
    }
}

/// Reads packed tensors as if they stood in a file as they are kept, or as F32.
///
/// A read makes the rows that its range touches. Where the codes of a row are strewn over all of its part (GPTQ, AWQ),
/// neighbouring rows are made at once, and the bands made last are held, since readers come for the next rows soon.
package final class UnpackedTensors: TensorSource {
    /// Elements that are made at once, about.
    private static let bandElements = 1 << 18
    private static let heldBands = 32

    /// A place where a band may be held. Who wants a band that another thread makes waits for it.
    private final class Place: Sendable {
        let held = Mutex<(codes: PackedTensor.Part, type: TensorType, band: Int, bytes: [UInt8])?>(nil)
    }

    private let packed: PackedTensors
    private let others: any TensorSource
    private let places: [Place]

    /// `others` reads the tensors that are not packed.
    package init(_ packed: PackedTensors, others: any TensorSource) {
        (self.packed, self.others) = (packed, others)
        places = (0..<Self.heldBands).map { _ in Place() }
    }

    /// Throws for ranges that are not there, and for values that are not finite.
    package func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        guard let matrix = packed.byName[tensor.name] else {
            return try others.read(tensor, at: offset, into: buffer)
        }
        // Where the columns of a tensor lie one after the other, they are the rows of its matrix.
        let rows = tensor.isTransposed ? tensor.columns : tensor.rows
        guard matrix.tensorRows == rows, matrix.columns == tensor.rows + tensor.columns - rows,
            tensor.type == matrix.type || tensor.type == .f32,
            let rowBytes = tensor.type.byteCount(rows: 1, columns: matrix.columns),
            tensor.byteCount == tensor.type.byteCount(rows: rows, columns: matrix.columns),
            offset >= 0, offset <= tensor.byteCount, buffer.count <= tensor.byteCount - offset
        else {
            throw ModelFileError(
                .invalidValue, file: matrix.codes.name, field: "tensor \(tensor.name)", value: offset,
                "\(buffer.count) bytes from there are not inside the tensor")
        }
        let wanted = offset..<offset + buffer.count
        var begin = 0
        for run in matrix.runs ?? [0..<matrix.rows] where begin < wanted.upperBound {
            let part = wanted.clamped(to: begin..<begin + run.count * rowBytes)
            if !part.isEmpty {
                try read(
                    matrix, as: tensor.type, rowBytes: rowBytes,
                    at: part.lowerBound - begin + run.lowerBound * rowBytes,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: buffer[part.lowerBound - offset..<part.upperBound - offset]))
            }
            begin += run.count * rowBytes
        }
    }

    /// Bytes of the whole matrix, of which there is at least one, whatever rows of it a tensor has.
    private func read(
        _ matrix: PackedTensor, as type: TensorType, rowBytes: Int, at offset: Int,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        let rows = offset / rowBytes..<(offset + buffer.count - 1) / rowBytes + 1
        let step = Self.bandRows(of: matrix)
        for band in rows.lowerBound / step...(rows.upperBound - 1) / step {
            let whole = band * step..<min((band + 1) * step, matrix.rows)
            if matrix.areRowsTogether {
                let wanted = whole.clamped(to: rows)
                let bytes = try make(wanted, of: matrix, as: type)
                Self.copy(bytes, at: wanted.lowerBound * rowBytes - offset, into: buffer)
            } else {
                try places[band % places.count].held.withLock { held throws(ModelFileError) in
                    if held?.codes != matrix.codes || held?.band != band || held?.type != type {
                        held = nil
                        held = (matrix.codes, type, band, try make(whole, of: matrix, as: type))
                    }
                    Self.copy(held?.bytes ?? [], at: whole.lowerBound * rowBytes - offset, into: buffer)
                }
            }
        }
    }

    /// Rows that are made at once: whole words of rows where codes or zero points lie so.
    private static func bandRows(of matrix: PackedTensor) -> Int {
        max(bandElements / matrix.columns / 32 * 32, 8)
    }

    private func make(
        _ rows: Range<Int>, of matrix: PackedTensor, as type: TensorType
    ) throws(ModelFileError) -> [UInt8] {
        let parts = try PackedRows(matrix, rows: rows, in: packed)
        return try parts.encoded(as: type)
    }

    /// `bytes` begin at byte `position` of the buffer, which may be before it.
    private static func copy(_ bytes: [UInt8], at position: Int, into buffer: UnsafeMutableRawBufferPointer) {
        let part = max(0, -position)..<min(bytes.count, buffer.count - position)
        guard !part.isEmpty else { return }
        bytes.withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: buffer[(position + part.lowerBound)...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[part]))
        }
    }
}

extension PackedTensor {
    /// Rows of the tensor.
    var tensorRows: Int { runs?.reduce(0) { $0 + $1.count } ?? rows }

    /// The codes of a row lie one behind the other.
    var areRowsTogether: Bool {
        if case .rows = layout { return true }
        return false
    }
}
