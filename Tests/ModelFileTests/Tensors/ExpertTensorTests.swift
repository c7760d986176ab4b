// Experts in every form in which files store them, read at any offset.
import Testing

@testable import ModelFile

@Suite struct ExpertTensorTests {
    static let (count, dim, wide) = (3, 6, 5)

    /// Finds and reads tensors among `stored`, whose bytes lie one after the other in one file.
    struct Files {
        var stored: [String: StoredTensor] = [:]
        var content: [UInt8] = []

        mutating func add(_ name: String, _ type: String, _ shape: [Int]) {
            let bytes = shape.reduce(1, *) * (type == "U8" ? 1 : type == "F32" ? 4 : 2)
            stored[name] = StoredTensor(
                name: name, typeName: type, type: TensorType(safetensors: type), shape: shape, fileName: "f", file: 0,
                offset: content.count, byteCount: bytes)
            content += (0..<bytes).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 9) }
        }

        func find(
            _ name: String, rows: Int, columns: Int, prefix: String = "model.layers.", clamped: Bool = false
        ) throws -> FoundTensor {
            var experts = Experts(
                count: count, usedCount: 1, feedForwardLength: wide, routing: .softmaxOverChosen, layers: [true])
            if clamped { experts.activation = .clampedSwiGLU(alpha: 1.702, limit: 7) }
            let tensors = ExpertTensors(experts: experts, layerPrefix: prefix, stored: stored, mainFile: "f")
            return try #require(try tensors.find(TensorRequirement(name: name, rows: rows, columns: columns)))
        }

        /// All bytes, read in pieces of odd sizes.
        func read(_ found: FoundTensor, pieces: Int) throws -> [UInt8] {
            let file = MemoryFile(name: "f", content: content)
            var bytes = [UInt8](repeating: 0, count: found.tensor.byteCount)
            try bytes.withUnsafeMutableBytes { bytes in
                for offset in stride(from: 0, to: bytes.count, by: pieces) {
                    let part = UnsafeMutableRawBufferPointer(
                        rebasing: bytes[offset..<min(offset + pieces, bytes.count)])
                    if let form = found.form {
                        try form.read(found.tensor, at: offset, into: part, from: [file])
                    } else {
                        try file.read(at: found.tensor.offset + offset, into: part)
                    }
                }
            }
            return bytes
        }
    }

    @Test("One by one, stacked, and gate and up in one tensor", arguments: ["blk.", "model.layers."])
    func plainForms(prefix: String) throws {
        let names: [(stored: String, shape: [Int], offset: Int)] =
            prefix == "blk."
            ? [
                ("ffn_up_exps.weight", [Self.count, Self.wide, Self.dim], 2 * 120), ("ffn_up.2.weight", [5, 6], 0),
                ("ffn_gate_up_exps.weight", [Self.count, 2 * Self.wide, Self.dim], 5 * 120),
            ]
            : [
                ("mlp.experts.2.up_proj.weight", [5, 6], 0),
                ("block_sparse_moe.experts.2.w3.weight", [5, 6], 0),
                ("mlp.experts.gate_up_proj", [Self.count, 2 * Self.wide, Self.dim], 5 * 120),
            ]
        for (name, shape, offset) in names {
            var files = Files()
            files.add("other", "F32", [7])
            files.add("\(prefix)4.\(name)", "F32", shape)
            let found = try files.find("blk.4.ffn_up.2.weight", rows: 5, columns: 6, prefix: prefix)
            #expect(found.tensor.offset == 28 + offset && found.tensor.byteCount == 120 && found.form == nil)
            #expect(found.storedNames == ["\(prefix)4.\(name)"])
            files.stored["\(prefix)4.\(name)"]?.shape[0] += 1
            let refused = refusal { try files.find("blk.4.ffn_up.2.weight", rows: 5, columns: 6, prefix: prefix) }
            #expect(refused?.code == .mismatch)
        }
        let missing = refusal { try Files().find("blk.4.ffn_up.2.weight", rows: 5, columns: 6, prefix: prefix) }
        #expect(missing?.field == "tensor \(prefix)4.\(names[0].stored)")
    }

    @Test("Gate and up that alternate are taken apart", arguments: ["F32", "BF16"])
    func interleaved(type: String) throws {
        let size = type == "F32" ? 4 : 2
        var files = Files()
        files.add("model.layers.0.mlp.experts.gate_up_proj", type, [Self.count, Self.dim, 2 * Self.wide])
        files.add("model.layers.0.mlp.experts.gate_up_proj_bias", type, [Self.count, 2 * Self.wide])
        for (half, name) in ["ffn_gate", "ffn_up"].enumerated() {
            let found = try files.find("blk.0.\(name).1.weight", rows: Self.wide, columns: Self.dim, clamped: true)
            #expect(found.tensor.isTransposed)
            let first = Self.dim * 2 * Self.wide + half
            let expected = (0..<Self.dim * Self.wide).flatMap { index in
                files.content[((first + 2 * index) * size)...].prefix(size)
            }
            for pieces in [1, 3, 7, 8, 1000] { #expect(try files.read(found, pieces: pieces) == expected) }

            let bias = try files.find("blk.0.\(name)_exps.bias", rows: Self.count, columns: Self.wide, clamped: true)
            let start = Self.count * Self.dim * 2 * Self.wide + half
            let biases = (0..<Self.count * Self.wide).flatMap { index in
                files.content[((start + 2 * index) * size)...].prefix(size)
            }
            for pieces in [5, 1000] { #expect(try files.read(bias, pieces: pieces) == biases) }
        }
    }

    @Test("MXFP4 of Hugging Face becomes blocks as ggml has them", .enabled(if: TensorType(rawValue: "MXFP4") != nil))
    func separateScales() throws {
        let (rows, columns) = (Self.wide, 96)
        for (stem, step) in [("gate_up_proj", 2), ("down_proj", 1)] {
            var files = Files()
            let prefix = "model.layers.0.mlp.experts.\(stem)"
            files.add(prefix + "_blocks", "U8", [Self.count, step * rows, 3, 16])
            files.add(prefix + "_scales", "U8", [Self.count, step * rows, 3])
            let scales = Self.count * step * rows * 3 * 16
            for half in 0..<step {
                let name = step == 1 ? "ffn_down" : half == 0 ? "ffn_gate" : "ffn_up"
                let found = try files.find("blk.0.\(name).2.weight", rows: rows, columns: columns, clamped: true)
                var expected: [UInt8] = []
                for row in 0..<rows {
                    for block in 0..<3 {
                        let place = (2 * step * rows + row * step + half) * 3 + block
                        func element(_ index: Int) -> UInt8 {
                            files.content[place * 16 + index / 2] >> UInt8(index % 2 * 4) & 15
                        }
                        expected.append(files.content[scales + place])
                        expected += (0..<16).map { element($0) | element($0 + 16) << 4 }
                    }
                }
                for pieces in [1, 16, 17, 50, 51, 52, 120, 10_000] {
                    #expect(try files.read(found, pieces: pieces) == expected)
                }
            }
        }
    }

    @Test("Routers have three names, biases must not be quantized")
    func routersAndBiases() throws {
        for name in ["mlp.gate.weight", "block_sparse_moe.gate.weight", "mlp.router.weight"] {
            var files = Files()
            files.add("model.layers.7.\(name)", "F32", [Self.count, Self.dim])
            let found = try files.find("blk.7.ffn_gate_inp.weight", rows: Self.count, columns: Self.dim)
            #expect(found.tensor.byteCount == 72)
        }
        var files = Files()
        files.add("blk.0.ffn_down_exps.bias", "F32", [Self.count, 32])
        files.stored["blk.0.ffn_down_exps.bias"]?.type = .q8_0
        let refused = refusal {
            try files.find("blk.0.ffn_down_exps.bias", rows: Self.count, columns: 32, prefix: "blk.")
        }
        #expect(refused?.code == .unsupported)
    }
}
