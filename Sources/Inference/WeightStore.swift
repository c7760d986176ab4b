// The weights of a stage by tensor, each read and packed once.
//
// Responsible for: streaming tensors from their source into packed memory, and keeping what a new stage can take over.
// Must not know: what the tensors are for.

import CKernels
import ModelFile

/// Packed tensors. A matrix that two parts use (a tied embedding) is one object.
final class WeightStore {
    private var matrices: [TensorDescriptor: PackedMatrix] = [:]
    private var vectors: [TensorDescriptor: FloatVector] = [:]

    /// Forgets all tensors but these.
    func keep(_ tensors: Set<TensorDescriptor>) {
        matrices = matrices.filter { tensors.contains($0.key) }
        vectors = vectors.filter { tensors.contains($0.key) }
    }

    /// Bytes of the stored form of what is held already.
    var storedBytes: Int {
        matrices.keys.reduce(0) { $0 + $1.byteCount } + vectors.keys.reduce(0) { $0 + $1.byteCount }
    }

    /// The matrix, read by `reader` unless it is here.
    func matrix(_ tensor: TensorDescriptor, reader: WeightReader) throws(InferenceError) -> PackedMatrix {
        if let matrix = matrices[tensor] { return matrix }
        let matrix = try reader.readMatrix(tensor)
        matrices[tensor] = matrix
        return matrix
    }

    /// Many small matrices in one piece of memory, so that none wastes a page and all may lie in huge ones; read by
    /// `reader` unless they are here. In the order of `tensors`, which are of possible shapes.
    func matrices(_ tensors: [TensorDescriptor], reader: WeightReader) throws(InferenceError) -> [PackedMatrix] {
        let missing = tensors.filter { matrices[$0] == nil }
        var offsets = [0]
        for tensor in missing {
            guard
                let bytes = PackedMatrix.byteCount(
                    type: tensor.type.kernelType, rows: tensor.rows, columns: tensor.columns)
            else { throw .wrongTensor(name: tensor.name, reason: "its shape is impossible for its type") }
            let (end, overflow) = offsets[offsets.count - 1].addingReportingOverflow((bytes + 63) & ~63)
            guard !overflow else { throw .outOfMemory(bytes: .max, purpose: "the weights of experts") }
            offsets.append(end)
        }
        let memory = try AnonymousMemory(
            byteCount: offsets[missing.count], huge: true, purpose: "the weights of experts")
        for (tensor, offset) in zip(missing, offsets) {
            let matrix = PackedMatrix(
                type: tensor.type.kernelType, rows: tensor.rows, columns: tensor.columns, memory: memory,
                offset: offset)
            try reader.read(tensor, into: matrix)
            matrices[tensor] = matrix
        }
        return tensors.compactMap { matrices[$0] }
    }

    /// The vector, read by `reader` unless it is here; `offset`, the same at every call, is added to its elements.
    func vector(
        _ tensor: TensorDescriptor, adding offset: Float = 0, reader: WeightReader
    ) throws(InferenceError) -> FloatVector {
        if let vector = vectors[tensor] { return vector }
        let vector = try reader.readVector(tensor)
        if offset != 0 { for index in 0..<vector.count { vector.values[index] += offset } }
        vectors[tensor] = vector
        return vector
    }
}

/// Reads tensors through a window of a few megabytes and packs them on all threads.
final class WeightReader {
    private static let windowBytes = 4 << 20

    private let source: any TensorSource
    private let pool: ThreadPool
    private let progress: (Int) -> Void
    private var bytesDone: Int

    /// `bytesDone`: stored bytes that need not be read; `progress` gets these and all bytes read so far.
    init(source: any TensorSource, pool: ThreadPool, bytesDone: Int, progress: @escaping (Int) -> Void) {
        self.source = source
        self.pool = pool
        self.bytesDone = bytesDone
        self.progress = progress
    }

    /// Reads and packs a matrix.
    func readMatrix(_ tensor: TensorDescriptor) throws(InferenceError) -> PackedMatrix {
        let matrix = try PackedMatrix(
            type: tensor.type.kernelType, rows: tensor.rows, columns: tensor.columns, name: tensor.name)
        try read(tensor, into: matrix)
        return matrix
    }

    /// Reads and packs a matrix into its place.
    func read(_ tensor: TensorDescriptor, into matrix: PackedMatrix) throws(InferenceError) {
        if tensor.isTransposed {
            try packTransposed(tensor, into: matrix)
        } else {
            try packRows(tensor, into: matrix)
        }
    }

    /// Reads a vector, or several of one length as the rows of a tensor, and widens it to float.
    func readVector(_ tensor: TensorDescriptor) throws(InferenceError) -> FloatVector {
        let stored = try AnonymousMemory(byteCount: tensor.byteCount, purpose: "reading \"\(tensor.name)\"")
        try read(tensor, at: 0, count: tensor.byteCount, into: stored.base)
        // A panel of one row knows how to widen every type.
        let count = tensor.rows * tensor.columns
        let panel = try PackedMatrix(type: tensor.type.kernelType, rows: 1, columns: count, name: tensor.name)
        tk_pack_panel(panel.type, panel.panel(0), stored.base, tensor.byteCount, 1, count)
        let vector = try FloatVector(count: count, name: tensor.name)
        panel.unpackRow(0, into: vector.values)
        return vector
    }

    /// Rows lie one after the other: whole panels fit the window, or at least one does.
    private func packRows(_ tensor: TensorDescriptor, into matrix: PackedMatrix) throws(InferenceError) {
        let rowBytes = tensor.byteCount / tensor.rows
        let panelRowsBytes = rowBytes * PackedMatrix.panelRows
        let panelsAtOnce = min(matrix.panelCount, max(1, Self.windowBytes / panelRowsBytes))
        let window = try AnonymousMemory(
            byteCount: panelsAtOnce * panelRowsBytes, purpose: "reading \"\(tensor.name)\"")
        for first in stride(from: 0, to: matrix.panelCount, by: panelsAtOnce) {
            let firstRow = first * PackedMatrix.panelRows
            let rows = min(panelsAtOnce * PackedMatrix.panelRows, tensor.rows - firstRow)
            try read(tensor, at: firstRow * rowBytes, count: rows * rowBytes, into: window.base)
            let panels = (rows + PackedMatrix.panelRows - 1) / PackedMatrix.panelRows
            pool.run(pieces: panels, operations: rows * tensor.columns) { panel, _ in
                tk_pack_panel(
                    matrix.type, matrix.panel(first + panel), window.base + panel * panelRowsBytes, rowBytes,
                    min(PackedMatrix.panelRows, rows - panel * PackedMatrix.panelRows), tensor.columns)
            }
        }
    }

    /// A panel of a transposed matrix gathers from all of it, so it is read as a whole.
    private func packTransposed(_ tensor: TensorDescriptor, into matrix: PackedMatrix) throws(InferenceError) {
        guard !matrix.isQuantized else {
            throw .wrongTensor(name: tensor.name, reason: "a transposed matrix cannot be of a quantized type")
        }
        let stored = try AnonymousMemory(byteCount: tensor.byteCount, purpose: "reading \"\(tensor.name)\"")
        for offset in stride(from: 0, to: tensor.byteCount, by: Self.windowBytes) {
            let count = min(Self.windowBytes, tensor.byteCount - offset)
            try read(tensor, at: offset, count: count, into: stored.base + offset)
        }
        let columnBytes = tensor.byteCount / tensor.columns
        let elementBytes = columnBytes / tensor.rows
        pool.run(pieces: matrix.panelCount, operations: tensor.rows * tensor.columns) { panel, _ in
            let firstRow = panel * PackedMatrix.panelRows
            tk_pack_panel_transposed(
                matrix.type, matrix.panel(panel), stored.base + firstRow * elementBytes, columnBytes,
                min(PackedMatrix.panelRows, tensor.rows - firstRow), tensor.columns)
        }
    }

    private func read(
        _ tensor: TensorDescriptor, at offset: Int, count: Int, into base: UnsafeMutableRawPointer
    ) throws(InferenceError) {
        do {
            try source.read(tensor, at: offset, into: UnsafeMutableRawBufferPointer(start: base, count: count))
        } catch {
            throw .unreadable(tensor: tensor.name, reason: error.description)
        }
        bytesDone += count
        progress(bytesDone)
    }
}
