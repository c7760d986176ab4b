// Weights on their way into packed memory: in parts, on several threads, through sources that fail.

import CKernels
import Glibc
import ModelFile
import Synchronization
import Testing

@testable import Inference

@Suite("Weight reader")
struct WeightReaderTests {
    /// One tensor of random bytes, or of zeros, and what reading it gives.
    private struct Example {
        let tensor: TensorDescriptor
        let bytes: [UInt8]
        let source: TinyModel

        init(_ type: TensorType, rows: Int, columns: Int, transposed: Bool = false, zero: Bool = false) {
            var random = Random(seed: UInt64(rows))
            bytes =
                zero
                ? Array(repeating: 0, count: type.byteCount(rows: rows, columns: columns) ?? 0)
                : random.weights(type, count: rows * columns, center: 0)
            tensor = TensorDescriptor(
                name: "w", type: type, rows: rows, columns: columns, isTransposed: transposed, byteCount: bytes.count,
                file: 0, offset: 0)
            source = TinyModel(
                name: "one", configuration: TinyModel.llama.configuration, tensors: [tensor], bytes: ["w": bytes])
        }

        func matrix() throws -> PackedMatrix {
            let pool = ThreadPool(threads: 3, threshold: 0)
            return try WeightReader(source: source, pool: pool, bytesDone: 0) { _ in }.readMatrix(tensor)
        }

        /// Row `row` of the stored bytes as floats.
        func row(_ row: Int) -> [Float] {
            var stored: [UInt8] = []
            if tensor.isTransposed {
                let size = bytes.count / tensor.rows / tensor.columns
                for column in 0..<tensor.columns {
                    stored += bytes[((column * tensor.rows + row) * size)...].prefix(size)
                }
            } else {
                let size = bytes.count / tensor.rows
                stored = Array(bytes[(row * size)...].prefix(size))
            }
            var values = [Float](repeating: -1, count: tensor.columns)
            tk_dequantize_row(tensor.type.kernelType, &values, stored, tensor.columns)
            return values
        }
    }

    @Test("A large matrix that several threads read in parts equals its bytes, stored by rows or by columns")
    func parts() throws {
        for example in [
            Example(.f32, rows: 7501, columns: 300), Example(.q6_k, rows: 3003, columns: 1024),
            Example(.f16, rows: 1030, columns: 2100, transposed: true),
            Example(.f32, rows: 70_001, columns: 9, transposed: true),
            Example(.q4_0, rows: 35, columns: 1 << 16),
        ] {
            let matrix = try example.matrix(), rows = example.tensor.rows
            for row in [0, 1, 15, 16, rows / 2, rows - 20, rows - 1] {
                var values = [Float](repeating: -2, count: matrix.columns)
                matrix.unpackRow(row, into: &values)
                #expect(values == example.row(row), "\(example.tensor), row \(row)")
            }
        }
    }

    @Test("Columns of a quantized type become a matrix of the floats that they stand for")
    func quantizedColumns() throws {
        let (rows, columns) = (96, 5001)
        var random = Random(seed: 3)
        let bytes = random.weights(.q8_0, count: rows * columns, center: 0)
        let tensor = TensorDescriptor(
            name: "w", type: .q8_0, rows: rows, columns: columns, isTransposed: true, byteCount: bytes.count, file: 0,
            offset: 0)
        try tensor.validate()
        let source = TinyModel(
            name: "one", configuration: TinyModel.llama.configuration, tensors: [tensor], bytes: ["w": bytes])
        let reader = WeightReader(source: source, pool: ThreadPool(threads: 3, threshold: 0), bytesDone: 0) { _ in }
        let matrix = try reader.readMatrix(tensor)
        #expect(!matrix.isQuantized && Stage.weightBytes(of: [tensor]) >= rows * columns * 4)
        var stored = [Float](repeating: -1, count: rows * columns)
        tk_dequantize_row(TK_Q8_0, &stored, bytes, stored.count)
        for row in [0, 15, 16, 95] {
            var values = [Float](repeating: -2, count: columns)
            matrix.unpackRow(row, into: &values)
            #expect(values == (0..<columns).map { stored[$0 * rows + row] })
        }
    }

    @Test("Progress is reported by the calling thread, in order, up to the last byte")
    func progress() throws {
        let example = Example(.f32, rows: 7501, columns: 900, zero: true)
        let caller = pthread_self()
        var done: [Int] = []
        let reader = WeightReader(source: example.source, pool: ThreadPool(threads: 3, threshold: 0), bytesDone: 5) {
            #expect(pthread_equal(pthread_self(), caller) != 0)
            done.append($0)
        }
        _ = try reader.readMatrix(example.tensor)
        #expect(done == done.sorted())
        #expect(done.last == 5 + example.bytes.count)
    }

    @Test("Whichever read fails, and on whichever thread, loading ends with one error", arguments: [1, 3])
    func failure(threads: Int) throws {
        let model = TinyModel.llama
        let counting = FailingSource(model, failingRead: .max)
        _ = try Stage(.tiny(model, threads: threads), tensors: model.tensors, source: counting)
        let reads = counting.reads.load(ordering: .relaxed)
        #expect(reads >= model.tensors.count)
        for read in 0..<reads {
            let source = FailingSource(model, failingRead: read)
            var failure: InferenceError?
            do throws(InferenceError) {
                _ = try Stage(.tiny(model, threads: threads), tensors: model.tensors, source: source)
            } catch { failure = error }
            guard case .unreadable(let tensor, let reason)? = failure else {
                Issue.record("read \(read): \(String(describing: failure))")
                continue
            }
            #expect(model.tensors.contains { $0.name == tensor })
            #expect(reason.contains("the disk is gone"))
        }
    }

    @Test("After a failed read no thread reads on")
    func stop() throws {
        let example = Example(.f32, rows: 1 << 14, columns: 512, zero: true)
        let source = FailingSource(example.source, failingRead: 2)
        let reader = WeightReader(source: source, pool: ThreadPool(threads: 3, threshold: 0), bytesDone: 0) { _ in }
        #expect(throws: InferenceError.self) { try reader.readMatrix(example.tensor) }
        // Of 32 MB in parts: two that were read, and one on each thread that fails.
        #expect((3...5).contains(source.reads.load(ordering: .relaxed)))
    }

    @Test("The matrices of a layer take the pages that they fill, huge or not, and no other")
    func resident() throws {
        let store = WeightStore()
        let examples = [
            Example(.f32, rows: 1000, columns: 1025), Example(.q8_0, rows: 37, columns: 256),
            Example(.q4_k, rows: 513, columns: 1024),
        ]
        var tensors: [TensorDescriptor] = []
        var bytes: [String: [UInt8]] = [:]
        for (index, example) in examples.enumerated() {
            var tensor = example.tensor
            tensor.name = "\(index)"
            tensors.append(tensor)
            bytes[tensor.name] = example.bytes
        }
        let source = TinyModel(
            name: "layer", configuration: TinyModel.llama.configuration, tensors: tensors, bytes: bytes)
        let reader = WeightReader(source: source, pool: ThreadPool(threads: 2, threshold: 0), bytesDone: 0) { _ in }
        let matrices = try store.matrices(tensors, reader: reader)
        let packed = matrices.reduce(0) { $0 + $1.panelCount * $1.panelBytes }
        guard let mapping = try MappedRange(at: matrices[0].panel(0)), mapping.isAdvisedHuge else { return }
        #expect(mapping.residentBytes == AnonymousMemory.residentBytes(packed))
    }
}

/// What the system says about the mapping that begins at an address.
private struct MappedRange {
    var residentBytes = 0
    var isAdvisedHuge = false

    /// nil: none begins there, or the system tells nothing.
    init?(at address: UnsafeRawPointer) throws {
        guard let file = fopen("/proc/self/smaps", "r") else { return nil }
        defer { fclose(file) }
        let start = String(UInt(bitPattern: address), radix: 16) + "-"
        var line = [CChar](repeating: 0, count: 4096)
        var isIn = false, isFound = false
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.split { $0 == " " || $0 == "\n" }
            guard let key = words.first else { continue }
            if !key.hasSuffix(":") { isIn = text.hasPrefix(start) }
            isFound = isFound || isIn
            if isIn && key == "Rss:" { residentBytes = Int(words[1]).map { $0 * 1024 } ?? 0 }
            if isIn && key == "VmFlags:" { isAdvisedHuge = words.contains("hg") }
        }
        if !isFound { return nil }
    }
}

/// A model whose read number `failingRead` fails, as do all after it.
private final class FailingSource: TensorSource {
    let reads = Atomic(0)
    private let model: TinyModel
    private let failingRead: Int

    init(_ model: TinyModel, failingRead: Int) {
        self.model = model
        self.failingRead = failingRead
    }

    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        guard reads.add(1, ordering: .relaxed).oldValue < failingRead else {
            throw ModelFileError(.unreadable, file: "model", "the disk is gone")
        }
        try model.read(tensor, at: offset, into: buffer)
    }
}
