// Tensors in another type are the same whichever bytes of them are read, and by whom.
//
// Responsible for: ranges, threads, orders of rows, and models that were converted.
// Must not know: how blocks are made.

import CKernels
import Dispatch
import Foundation
import ModelFile
import Sequences
import Synchronization
import Testing

@testable import Inference

@Suite("Converted tensors")
struct ConvertedTensorsTests {
    /// A model of one F32 matrix and one vector, from functions of row and column.
    static func source(
        rows: Int, columns: Int, transposed: Bool = false, value: (Int, Int) -> Float
    ) -> TinyModel {
        var values: [Float] = []
        for outer in 0..<(transposed ? columns : rows) {
            for inner in 0..<(transposed ? rows : columns) {
                values.append(transposed ? value(inner, outer) : value(outer, inner))
            }
        }
        let tensor = TensorDescriptor(
            name: "blk.0.ffn_up.weight", type: .f32, rows: rows, columns: columns, isTransposed: transposed,
            byteCount: rows * columns * 4, file: 0, offset: 0)
        return TinyModel(
            name: "source", configuration: TinyModel.llama.configuration, tensors: [tensor],
            bytes: [tensor.name: values.withUnsafeBytes { Array($0) }])
    }

    private func whole(_ converted: ConvertedTensors, _ tensor: TensorDescriptor) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: tensor.byteCount)
        try bytes.withUnsafeMutableBytes { try converted.read(tensor, at: 0, into: $0) }
        return bytes
    }

    private func floats(_ bytes: [UInt8]) -> [Float] {
        bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    @Test(
        "Any range of bytes is that of the whole, on any number of threads", arguments: [TensorType.q8_0, .q4_k, .f16])
    func ranges(type: TensorType) throws {
        let model = Self.source(rows: 300, columns: 512) { row, column in
            Float((row * 31 + column * 17) % 101 - 50) * 0.01
        }
        let conversion = TensorConversion(model.tensors[0], to: type)
        let expected = try whole(ConvertedTensors([conversion], source: model, threads: 1), conversion.target)
        for row in [0, 7, 299] {
            var bytes = [UInt8](repeating: 0, count: expected.count / 300)
            let values = (0..<512).map { Float((row * 31 + $0 * 17) % 101 - 50) * 0.01 }
            tk_quantize_row(type.kernelType, &bytes, values, 512)
            #expect(Array(expected[row * bytes.count..<(row + 1) * bytes.count]) == bytes)
        }
        let converted = ConvertedTensors([conversion], source: model, threads: 3)
        #expect(try whole(converted, conversion.target) == expected)
        var random = Random(seed: 8)
        for _ in 0..<60 {
            let offset = Int.random(in: 0..<expected.count, using: &random)
            let count = Int.random(in: 0...expected.count - offset, using: &random)
            var bytes = [UInt8](repeating: 0xee, count: count)
            try bytes.withUnsafeMutableBytes { try converted.read(conversion.target, at: offset, into: $0) }
            #expect(bytes == Array(expected[offset..<offset + count]))
        }
    }

    @Test("Several threads may read at once")
    func manyReaders() throws {
        let model = Self.source(rows: 200, columns: 256) { row, column in Float(row - column) }
        let conversion = TensorConversion(model.tensors[0], to: .q6_k)
        let converted = ConvertedTensors([conversion], source: model, threads: 2)
        let expected = try whole(converted, conversion.target)
        let wrong = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 8) { index in
            let read = try? whole(converted, conversion.target)
            if read != expected { wrong.withLock { $0 += 1 } }
        }
        #expect(wrong.withLock { $0 } == 0)
    }

    @Test("A transposed matrix that several threads want is read once")
    func transposedOnce() throws {
        let model = Self.source(rows: 64, columns: 32, transposed: true) { Float($0 * 100 + $1) }
        let source = SlowSource(model)
        let conversion = TensorConversion(model.tensors[0], to: .q8_0)
        let converted = ConvertedTensors([conversion], source: source, threads: 1)
        let answers = Mutex<Set<[UInt8]>>([])
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            guard let bytes = try? whole(converted, conversion.target) else { return }
            answers.withLock { _ = $0.insert(bytes) }
        }
        #expect(answers.withLock { $0.count } == 1)
        #expect(source.reads.withLock { $0 } == 1)
    }

    @Test("A transposed matrix is laid out in rows, rows take their new order, and the addend is added")
    func layout() throws {
        let model = Self.source(rows: 8, columns: 5, transposed: true) { Float($0 * 10 + $1) }
        var conversion = TensorConversion(model.tensors[0], to: .f32)
        conversion.rowOrder = .interleavedHalves(headSize: 4, dimensions: 4)
        conversion.addend = 1
        #expect(!conversion.target.isTransposed && !conversion.isCopy)
        let converted = ConvertedTensors([conversion], source: model, threads: 1)
        let expected = [0, 2, 1, 3, 4, 6, 5, 7].flatMap { row in (0..<5).map { Float(row * 10 + $0 + 1) } }
        #expect(try floats(whole(converted, conversion.target)) == expected)
    }

    @Test("A vector's elements move as rows do")
    func vector() throws {
        let model = Self.source(rows: 1, columns: 8) { Float($1) }
        var conversion = TensorConversion(model.tensors[0], to: .f32)
        conversion.rowOrder = .interleavedHalves(headSize: 4, dimensions: 4)
        let converted = ConvertedTensors([conversion], source: model, threads: 1)
        #expect(try floats(whole(converted, conversion.target)) == [0, 2, 1, 3, 4, 6, 5, 7])
    }

    @Test("Values that are not finite, and ranges outside of the tensor, are refused with a sentence")
    func refused() throws {
        let model = Self.source(rows: 70, columns: 64) { row, column in row == 69 && column == 3 ? .nan : 1 }
        let conversion = TensorConversion(model.tensors[0], to: .q4_0)
        let converted = ConvertedTensors([conversion], source: model, threads: 2)
        #expect(throws: ModelFileError.self) { try whole(converted, conversion.target) }
        var byte = [UInt8](repeating: 0, count: 10)
        let outside: [(TensorDescriptor, Int)] = [
            (conversion.target, -1), (conversion.target, conversion.target.byteCount - 9), (conversion.target, .max),
            (model.tensors[0], 0),
        ]
        for (tensor, offset) in outside {
            #expect(throws: ModelFileError.self) {
                try byte.withUnsafeMutableBytes { try converted.read(tensor, at: offset, into: $0) }
            }
        }
        try byte.withUnsafeMutableBytes { try converted.read(conversion.target, at: 0, into: $0) }
    }

    @Test("Factors of Llama 3.1's frequencies divide as the scaling does")
    func factors() throws {
        var rotary = RotaryConfiguration(
            base: 500_000, dimensions: 64, pairing: .halves,
            scaling: .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192))
        let factors = try rotary.frequencyFactors()
        #expect(factors.first == 1 && factors.last == 8 && factors.contains { $0 > 1.01 && $0 < 7.9 })
        let scaled = try RotaryTable(rotary).frequencies(length: 1)
        rotary.scaling = .factors(factors)
        for (one, other) in zip(scaled, try RotaryTable(rotary).frequencies(length: 1)) {
            #expect(abs(one - other) <= 2 * one.ulp)
        }
    }

    @Test(
        "A Hugging Face folder written as GGUF answers as transformers does",
        arguments: [
            "models/gpt2-f32", "models/gpt2-bf16", "models/llama-f32", "models/llama-bf16-tied",
            "models/llama-mha-sharded", "experts/mixtral-bf16", "experts/qwen3moe-bf16", "experts/gpt-oss-bf16",
            "families/gemma", "families/gemma2", "families/glm", "families/glm4", "families/granite",
            "families/granitemoe", "families/ministral3", "families/mistral3", "families/olmo3",
            "families/olmo3-types", "families/smollm3", "families/seed-oss", "families/ernie4_5", "families/exaone4",
            "families/starcoder2", "families/starcoder2-window",
            "families/gemma3", "families/gemma3-text", "families/llama-linear", "families/llama-longrope",
            "families/llama-yarn", "families/mistral", "families/olmo2", "families/phi3-longrope",
            "families/phi3-window",
            "families/qwen3", "families/qwen3_5", "families/qwen3_5-moe", "families/qwen3_next-gguf",
        ])
    func golden(name: String) throws {
        let folder = TestFiles.root.appendingPathComponent("Tests/Fixtures/" + name)
        let path = try written(folder)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let golden = try Golden(folder.appendingPathComponent("golden.json"))
        let expected = try greedy(folder.path, golden)
        #expect(try greedy(path, golden) == expected)
        // Sequences here have no length that longrope could look at.
        if !name.hasSuffix("longrope") { #expect(expected == golden.greedy_tokens) }
    }

    @Test(
        "A quantized folder written as GGUF has the exact values, or the blocks that it is kept in",
        arguments: ["fp8-block", "fp8-powers", "gptq", "gptq-order", "awq", "mlx"])
    func packed(name: String) throws {
        let folder = TestFiles.packed.appendingPathComponent(name)
        let path = try written(folder)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let golden = try Golden(folder.appendingPathComponent("golden.json"))
        let model = try Model.load(path: folder.path)
        let types = Set(model.packed.byName.values.map { $0.isExact ? $0.type : .f32 })
        if types.contains(where: \.isQuantized) {
            #expect(try greedy(path, golden) == greedy(folder.path, golden))
        } else {
            #expect(try greedy(path, golden) == golden.greedy_tokens)
        }
        let file = try Model.open(path: path)
        for tensor in model.tensors {
            guard let packed = model.packed.byName[tensor.name] else { continue }
            let isKept = packed.isExact && packed.type.isQuantized
            #expect(file.tensors.first { $0.name == tensor.name }?.type == (isKept ? packed.type : .f32))
        }
    }

    /// A folder as a GGUF file of F32.
    private func written(_ folder: URL) throws -> String {
        let conversion = try GGUFConversion(path: folder.path, mix: .f32, requantizing: false)
        let path = NSTemporaryDirectory() + "tandem-golden-\(UUID().uuidString).gguf"
        let tensors = conversion.contents.flatMap { content -> [TensorConversion] in
            if case .converted(let parts) = content { parts } else { [] }
        }
        let source = UnpackedTensors(conversion.packed, others: conversion.source)
        let converted = ConvertedTensors(tensors, source: source, threads: 2)
        _ = try conversion.writer.write(
            to: path, replacing: false,
            read: { index, offset, buffer throws(ModelFileError) in
                switch conversion.contents[index] {
                case .converted(let parts): try converted.read(parts.map(\.target), at: offset, into: buffer)
                case .numbers(let values): values.withUnsafeBytes { buffer.copyMemory(from: $0) }
                case .rotaryFactors(let rotary):
                    (try? rotary.frequencyFactors())?.withUnsafeBytes { buffer.copyMemory(from: $0) }
                }
            }, progress: { _ in true })
        return path
    }

    /// The likeliest tokens, as many as `golden` has, after its prompt.
    private func greedy(_ path: String, _ golden: Golden) throws -> [Int32] {
        var parameters = SamplingParameters()
        parameters.temperature = 0
        var opened = try OpenedModel(path, parameters: parameters)
        var tokens: [Int32] = []
        var next = golden.prompt_tokens
        while tokens.count < golden.greedy_tokens.count {
            let sample = try #require(try opened.feed(next))
            tokens.append(sample.token)
            next = [sample.token]
        }
        return tokens
    }
}

/// A source whose reads take long enough to overlap.
private final class SlowSource: TensorSource {
    let reads = Mutex(0)
    private let model: TinyModel

    init(_ model: TinyModel) { self.model = model }

    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        reads.withLock { $0 += 1 }
        usleep(20_000)
        try model.read(tensor, at: offset, into: buffer)
    }
}
