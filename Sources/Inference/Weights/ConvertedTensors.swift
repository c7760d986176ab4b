// Tensors in another type than their files have, made while they are read.
//
// Responsible for: reading rows, widening them, and quantizing them on all threads, for any range of bytes.
// Must not know: which tensor gets which type, who reads.

import CKernels
import ModelFile
import Sequences
import Synchronization

/// The results of conversions, as if they stood in a file. A read computes the rows that its range touches, so ranges
/// of many rows are cheapest; memory is a few rows for each thread (a transposed matrix is held as a whole).
package final class ConvertedTensors: TensorSource {
    /// Elements that one thread converts at a time, about.
    private static let pieceElements = 1 << 16

    private let source: any TensorSource
    private let conversions: [String: TensorConversion]
    private let pool: ThreadPool
    /// Held by the reader that uses the pool; others compute on their own thread.
    private let poolUse = Mutex(())
    /// The transposed matrix that was read last.
    private let transposed = Mutex<(name: String, bytes: [UInt8])?>(nil)

    /// `source` reads the tensors that are converted.
    package init(_ conversions: [TensorConversion], source: any TensorSource, threads: Int) {
        self.source = source
        self.conversions = Dictionary(conversions.map { ($0.target.name, $0) }, uniquingKeysWith: { first, _ in first })
        pool = ThreadPool(threads: threads, threshold: Self.pieceElements)
    }

    /// Fills the whole of `buffer` with bytes of a conversion's target. Throws for tensors and ranges that are not
    /// there, and for values that are not finite.
    package func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        guard let conversion = conversions[tensor.name], conversion.target == tensor, offset >= 0,
            offset <= tensor.byteCount, buffer.count <= tensor.byteCount - offset
        else {
            throw ModelFileError(
                .invalidValue, file: "converted model", field: "tensor \(tensor.name)", value: offset,
                "\(buffer.count) bytes from there are not inside the model")
        }
        guard !buffer.isEmpty else { return }
        if conversion.isCopy { return try source.read(conversion.source, at: offset, into: buffer) }
        let rowBytes = tensor.byteCount / tensor.rows
        let rows = offset / rowBytes..<(offset + buffer.count - 1) / rowBytes + 1
        let reader = RowReader(
            conversion: conversion, source: source,
            transposed: conversion.source.isTransposed ? try wholeBytes(of: conversion.source) : nil)
        let rowsOfPiece = max(1, Self.pieceElements / tensor.columns)
        let failure = Mutex<ModelFileError?>(nil)
        let work = { (piece: Int, _: Int) in
            let first = rows.lowerBound + piece * rowsOfPiece
            let writer = RowWriter(conversion: conversion, rowBytes: rowBytes, offset: offset, buffer: buffer)
            do throws(ModelFileError) {
                try writer.write(first..<min(first + rowsOfPiece, rows.upperBound), reader)
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
        let pieces = (rows.count + rowsOfPiece - 1) / rowsOfPiece
        let operations = rows.count * tensor.columns
        if poolUse.withLockIfAvailable({ _ in pool.run(pieces: pieces, operations: operations, work) }) == nil {
            for piece in 0..<pieces { work(piece, 0) }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// The same of tensors of one size that stand one after the other, as the experts of a layer do.
    package func read(
        _ tensors: [TensorDescriptor], at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        guard let byteCount = tensors.first?.byteCount, byteCount > 0 else { return }
        var done = 0
        while done < buffer.count {
            let (index, start) = (offset + done).quotientAndRemainder(dividingBy: byteCount)
            let count = min(byteCount - start, buffer.count - done)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            try read(tensors[index], at: start, into: part)
            done += count
        }
    }

    /// A matrix whose columns lie one after the other: each row gathers from all of it. Other threads that want it
    /// meanwhile wait instead of reading it too.
    private func wholeBytes(of tensor: TensorDescriptor) throws(ModelFileError) -> [UInt8] {
        try transposed.withLock { known throws(ModelFileError) in
            if let known, known.name == tensor.name { return known.bytes }
            known = nil
            var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
            var failure: ModelFileError?
            bytes.withUnsafeMutableBytes { bytes in
                do throws(ModelFileError) { try source.read(tensor, at: 0, into: bytes) } catch { failure = error }
            }
            if let failure { throw failure }
            known = (tensor.name, bytes)
            return bytes
        }
    }
}

/// Reads single rows of a conversion's source as floats.
private struct RowReader {
    let conversion: TensorConversion
    let source: any TensorSource
    /// The stored bytes of a transposed source.
    let transposed: [UInt8]?

    /// Fills `values` [columns] with a row of the result; `stored` has room for a row of the source.
    func read(
        row: Int, into values: UnsafeMutablePointer<Float>, stored: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        let tensor = conversion.source
        let isVector = tensor.rows == 1
        let from = isVector ? 0 : conversion.rowOrder.source(of: row)
        if let transposed {
            gather(row: from, of: transposed, into: stored)
        } else {
            try read(storedRow: from, into: stored)
        }
        guard let base = stored.baseAddress else { return }
        tk_dequantize_row(tensor.type.kernelType, values, base, tensor.columns)
        let order = isVector ? conversion.rowOrder : conversion.columnOrder
        if order != .same {
            let before = Array(UnsafeBufferPointer(start: values, count: tensor.columns))
            for index in 0..<tensor.columns { values[index] = before[order.source(of: index)] }
        }
        if conversion.negatesExponential {
            tk_exp(values, tensor.columns, 0)
            tk_scale(values, tensor.columns, -1)
        }
        if conversion.addend != 0 {
            for index in 0..<tensor.columns { values[index] += conversion.addend }
        }
        guard tk_all_finite(values, tensor.columns) != 0 else {
            throw ModelFileError(
                .invalidValue, file: "model", field: "tensor \(tensor.name)",
                "row \(row) holds a value that is not a finite number, so it cannot be converted",
                hint: "the file is damaged, or the training of the model went wrong")
        }
    }

    /// Fills `stored` with a row of a source that is not transposed.
    func read(storedRow row: Int, into stored: UnsafeMutableRawBufferPointer) throws(ModelFileError) {
        try source.read(conversion.source, at: row * stored.count, into: stored)
    }

    private func gather(row: Int, of bytes: [UInt8], into stored: UnsafeMutableRawBufferPointer) {
        let size = conversion.source.type.blockBytes
        let columnBytes = conversion.source.rows * size
        bytes.withUnsafeBytes { bytes in
            for column in 0..<conversion.source.columns {
                let start = column * columnBytes + row * size
                for byte in 0..<size { stored[column * size + byte] = bytes[start + byte] }
            }
        }
    }
}

/// Puts rows of the result into a reader's buffer, whose first byte is byte `offset` of the tensor.
private struct RowWriter {
    let conversion: TensorConversion
    let rowBytes: Int
    let offset: Int
    let buffer: UnsafeMutableRawBufferPointer

    /// Converts the rows; of the first and the last the buffer may hold a part only.
    func write(_ rows: Range<Int>, _ reader: RowReader) throws(ModelFileError) {
        let tensor = conversion.target
        let values = UnsafeMutablePointer<Float>.allocate(capacity: tensor.columns)
        let stored = UnsafeMutableRawBufferPointer.allocate(
            byteCount: conversion.source.byteCount / conversion.source.rows, alignment: 16)
        let row = UnsafeMutableRawBufferPointer.allocate(byteCount: rowBytes, alignment: 16)
        defer {
            values.deallocate()
            stored.deallocate()
            row.deallocate()
        }
        guard let base = row.baseAddress else { return }
        for index in rows {
            if conversion.keepsRows {
                try reader.read(storedRow: conversion.rowOrder.source(of: index), into: row)
            } else {
                try reader.read(row: index, into: values, stored: stored)
                tk_quantize_row(tensor.type.kernelType, base, values, tensor.columns)
            }
            let start = index * rowBytes - offset  // of the row, in the buffer
            let part = max(0, -start)..<min(rowBytes, buffer.count - start)
            UnsafeMutableRawBufferPointer(rebasing: buffer[(start + part.lowerBound)...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: row[part]))
        }
    }
}
