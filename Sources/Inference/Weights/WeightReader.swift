// Weights on their way from a source into packed memory.
//
// Responsible for: reading tensors in pieces on all threads, each piece packed by the thread that reads it.
// Must not know: what the tensors are for, who keeps them.

import CKernels
import ModelFile
import Synchronization

/// Reads tensors on all threads. A thread fills a window of its own and packs it at once, while the others fill or pack
/// theirs: what was read is still in its cache, and packed memory is first touched by the thread that writes it.
final class WeightReader {
    /// Bytes that a thread reads and then packs, about: a part of its second-level cache.
    private static let windowBytes = 256 << 10
    /// Bytes that a thread takes, about: a huge page, so that threads do not begin in the same one and both clear it.
    private static let pieceBytes = 2 << 20
    /// Bytes from one report to the next, about.
    private static let reportBytes = 4 << 20

    private let source: any TensorSource
    private let pool: ThreadPool
    private let progress: (Int) -> Void
    private let bytesDone: Atomic<Int>
    /// Only the calling thread reports.
    private var bytesReported: Int
    /// One for each thread, kept from tensor to tensor.
    private var windows: [AnonymousMemory] = []

    /// `bytesDone`: stored bytes that need not be read; `progress` gets these and all bytes read so far, on the thread
    /// that calls the reader.
    init(source: any TensorSource, pool: ThreadPool, bytesDone: Int, progress: @escaping (Int) -> Void) {
        self.source = source
        self.pool = pool
        self.bytesDone = Atomic(bytesDone)
        bytesReported = bytesDone
        self.progress = progress
    }

    /// Reads and packs a matrix.
    func readMatrix(_ tensor: TensorDescriptor) throws(InferenceError) -> PackedMatrix {
        let matrix = try PackedMatrix(
            type: tensor.packedType, rows: tensor.rows, columns: tensor.columns, name: tensor.name)
        try read([MatrixLoad(tensor, into: matrix)])
        return matrix
    }

    /// Reads a vector, or several of one length as the rows of a tensor, and widens it to float.
    func readVector(_ tensor: TensorDescriptor) throws(InferenceError) -> FloatVector {
        let vector = try FloatVector(count: tensor.rows * tensor.columns, name: tensor.name)
        let window = try windows(ofBytes: tensor.byteCount)[0].base
        try read(0..<tensor.byteCount, of: tensor, into: window)
        tk_dequantize_row(tensor.type.kernelType, vector.values, window, vector.count)
        report(bytesDone.load(ordering: .relaxed))
        return vector
    }

    /// Reads and packs matrices into their places. After a failure no thread reads on.
    func read(_ loads: [MatrixLoad]) throws(InferenceError) {
        var pieces: [(load: MatrixLoad, bytes: Range<Int>)] = []
        for load in loads {
            let byteCount = load.tensor.byteCount, step = load.wholeUnits(inBytes: Self.pieceBytes)
            for start in stride(from: 0, to: byteCount, by: step) {
                pieces.append((load, start..<min(start + step, byteCount)))
            }
        }
        let windows = try windows(ofBytes: loads.map(\.unitBytes).max() ?? 0)
        let failure = Mutex<InferenceError?>(nil)
        let byteCount = pieces.reduce(0) { $0 + $1.bytes.count }
        pool.run(pieces: pieces.count, operations: byteCount) { index, thread in
            let (load, bytes) = pieces[index], window = windows[thread].base
            let step = load.wholeUnits(inBytes: Self.windowBytes)
            for start in stride(from: bytes.lowerBound, to: bytes.upperBound, by: step) {
                guard failure.withLock({ $0 == nil }) else { return }
                let part = start..<min(start + step, bytes.upperBound)
                do throws(InferenceError) {
                    try read(part, of: load.tensor, into: window)
                } catch {
                    return failure.withLock { $0 = $0 ?? error }
                }
                load.pack(part, from: window)
                let done = bytesDone.load(ordering: .relaxed)
                if thread == 0 && done - bytesReported >= Self.reportBytes { report(done) }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        report(bytesDone.load(ordering: .relaxed))
    }

    private func read(
        _ bytes: Range<Int>, of tensor: TensorDescriptor, into window: UnsafeMutableRawPointer
    ) throws(InferenceError) {
        do {
            try source.read(
                tensor, at: bytes.lowerBound, into: UnsafeMutableRawBufferPointer(start: window, count: bytes.count))
        } catch {
            throw .unreadable(tensor: tensor.name, reason: error.description)
        }
        bytesDone.add(bytes.count, ordering: .relaxed)
    }

    private func report(_ done: Int) {
        bytesReported = done
        progress(done)
    }

    /// A window of at least `byteCount` bytes for each thread.
    private func windows(ofBytes byteCount: Int) throws(InferenceError) -> [AnonymousMemory] {
        let byteCount = max(byteCount, Self.windowBytes)
        if windows.isEmpty || windows[0].byteCount < byteCount {
            windows = []
            for _ in 0..<pool.threads {
                windows.append(try AnonymousMemory(byteCount: byteCount, purpose: "reading weights"))
            }
        }
        return windows
    }
}

/// A matrix on its way from where it is stored to where it is packed.
struct MatrixLoad {
    let tensor: TensorDescriptor
    /// Of the tensor's shape and packed type.
    let matrix: PackedMatrix
    /// Stored bytes that are read as a whole: the rows of a panel, or a column where columns lie one after the other.
    let unitBytes: Int

    init(_ tensor: TensorDescriptor, into matrix: PackedMatrix) {
        self.tensor = tensor
        self.matrix = matrix
        unitBytes =
            tensor.isTransposed
            ? tensor.byteCount / tensor.columns : tensor.byteCount / tensor.rows * PackedMatrix.panelRows
    }

    /// The bytes of as many units as `limit` bytes hold, but of one at least.
    func wholeUnits(inBytes limit: Int) -> Int { max(1, limit / unitBytes) * unitBytes }

    /// Packs whole units: the bytes `part` of the tensor, which `window` holds.
    func pack(_ part: Range<Int>, from window: UnsafeRawPointer) {
        let first = part.lowerBound / unitBytes
        if tensor.isTransposed, tensor.type.isQuantized {
            packQuantizedColumns(first..<part.upperBound / unitBytes, from: window)
        } else if tensor.isTransposed {
            packColumns(first..<part.upperBound / unitBytes, from: window, columnBytes: unitBytes)
        } else {
            let rowBytes = unitBytes / PackedMatrix.panelRows
            for start in stride(from: 0, to: part.count, by: unitBytes) {
                tk_pack_panel(
                    matrix.type, matrix.panel(first + start / unitBytes), window + start, rowBytes,
                    min(unitBytes, part.count - start) / rowBytes, tensor.columns)
            }
        }
    }

    /// The columns are a part of every panel.
    private func packColumns(_ columns: Range<Int>, from window: UnsafeRawPointer, columnBytes: Int) {
        let elementBytes = columnBytes / tensor.rows
        for panel in 0..<matrix.panelCount {
            let firstRow = panel * PackedMatrix.panelRows
            tk_pack_panel_transposed(
                matrix.type, matrix.panel(panel) + columns.lowerBound * PackedMatrix.panelRows * elementBytes,
                window + firstRow * elementBytes, columnBytes, min(PackedMatrix.panelRows, tensor.rows - firstRow),
                columns.count)
        }
    }

    /// Columns that are widened to float first.
    private func packQuantizedColumns(_ columns: Range<Int>, from window: UnsafeRawPointer) {
        let count = columns.count * tensor.rows
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { values in
            guard let base = values.baseAddress else { return }
            tk_dequantize_row(tensor.type.kernelType, base, window, count)
            packColumns(columns, from: base, columnBytes: tensor.rows * MemoryLayout<Float>.stride)
        }
    }
}
