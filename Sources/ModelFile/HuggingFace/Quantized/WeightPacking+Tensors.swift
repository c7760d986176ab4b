// Puts quantized matrices in the place of the tensors that make them up: behind it every matrix is one tensor of the name
// that the family's class gives it. Which matrices are quantized, the tensors tell; lists of exceptions are not needed.
//
// Layouts: GPTQModel and AutoGPTQ (`nn_modules/qlinear`, `dequantize_weight`), AutoAWQ (`awq/utils/packing_utils.py`), the
// library compressed-tensors (`compressors`, `pack_to_int32`), `FP8Linear` of transformers, `mlx.core.quantize`.

import Sequences

extension WeightPacking {
    /// All tensors of the model, the quantized matrices each as one. Throws where parts are missing or do not fit.
    func unpacked(
        _ stored: [String: StoredTensor], files: [any ByteSource], mainFile: String
    ) throws(ModelFileError) -> [String: StoredTensor] {
        var result = stored
        for name in stored.keys.sorted() {
            guard let base = base(name, stored) else { continue }
            let parts = PackedParts(base: base, stored: stored, files: files, mainFile: mainFile)
            for suffix in partSuffixes { result["\(base).\(suffix)"] = nil }
            for (name, packed) in try matrices(parts) {
                result[name] = try Self.tensor(name, packed, parts, files)
            }
            if case .gptq = self, let bias = parts.tensor("bias") {
                result[bias.name]?.isOptional = try bias.isZero(files)
            }
        }
        for name in result.keys where Self.activationSuffixes.contains(where: name.hasSuffix) {
            result[name]?.isOptional = true
        }
        return result
    }

    /// Scales of activations and of keys and values, which are floats here.
    private static let activationSuffixes = [
        ".input_scale", ".activation_scale", ".input_zero_point", ".input_global_scale", ".output_scale",
        ".output_zero_point", ".k_scale", ".v_scale", ".q_scale", ".input_scale_ub",
    ]

    /// What the names of the parts begin with, for the name of the one that every quantized matrix has.
    private func base(_ name: String, _ stored: [String: StoredTensor]) -> String? {
        let (suffix, types): (String, [String]) =
            switch self {
            case .gptq, .awq: (".qweight", ["I32"])
            case .float8: (".weight", ["F8_E4M3"])
            case .compressedTensors:
                name.hasSuffix(".weight") ? (".weight", ["F8_E4M3", "I8"]) : (".weight_packed", ["I32"])
            case .mlx: (".scales", ["F16", "BF16", "F32"])
            }
        guard name.hasSuffix(suffix), let tensor = stored[name] else { return nil }
        let isPart = tensor.isAbsent || types.contains(tensor.typeName) || suffix == ".qweight" || suffix == ".scales"
        // An absent tensor that may as well be a plain one is refused where it is needed.
        guard isPart, !(tensor.isAbsent && suffix == ".weight") else { return nil }
        return String(name.dropLast(suffix.utf8.count))
    }

    private var partSuffixes: [String] {
        switch self {
        case .gptq, .awq: ["qweight", "qzeros", "scales", "g_idx"]
        case .float8, .compressedTensors:
            [
                "weight", "weight_packed", "weight_scale", "weight_scale_inv", "weight_zero_point", "weight_shape",
                "weight_g_idx",
            ]
        case .mlx: ["weight", "scales", "biases"]
        }
    }

    /// The matrices that the parts hold, by name: one, but where those of experts are stacked.
    private func matrices(_ parts: PackedParts) throws(ModelFileError) -> [(String, PackedTensor)] {
        let name = parts.base + ".weight"
        switch self {
        case .gptq(let bits, let groupSize, let addend, let isMixed):
            let rule = GPTQRule(bits: bits, groupSize: groupSize, zeroAddend: addend, isMixed: isMixed)
            return [(name, try parts.gptq(rule))]
        case .awq(let groupSize): return [(name, try parts.awq(groupSize: groupSize))]
        case .float8(let block): return [(name, try parts.float8(block: block))]
        case .compressedTensors(let block): return [(name, try parts.compressedTensors(block: block))]
        case .mlx(let packing): return try parts.mlx(packing)
        }
    }

    private static let routers = [".mlp.gate.weight", ".block_sparse_moe.gate.weight", ".router.weight"]

    private static func tensor(
        _ name: String, _ packed: PackedTensor, _ parts: PackedParts, _ files: [any ByteSource]
    ) throws(ModelFileError) -> StoredTensor {
        var packed = packed
        let most = FileLimits.feedForwardLength
        let file = files[packed.codes.file].name
        guard packed.columns <= most else {
            throw ModelFileError(
                .limitExceeded, file: file, field: "shape of tensor \(packed.codes.name)", value: packed.columns,
                "more than \(most) columns are not read")
        }
        // What chooses experts is small and delicate, as the rules for mixes of types have it, and vectors are floats.
        let isDelicate = packed.rows == 1 || routers.contains(where: name.hasSuffix)
        try packed.keep(asFloats: isDelicate, files: files)
        guard let byteCount = packed.type.byteCount(rows: packed.rows, columns: packed.columns) else {
            throw ModelFileError(
                .limitExceeded, file: file, field: "shape of tensor \(packed.codes.name)", value: packed.rows,
                "is too large")
        }
        return StoredTensor(
            name: name, typeName: packed.type.name, type: packed.type, shape: [packed.rows, packed.columns],
            fileName: file, file: packed.codes.file, offset: packed.codes.offset, byteCount: byteCount, packed: packed)
    }
}

extension WeightPacking {
    /// What the model was and is kept as: a sentence.
    func notices(of packed: PackedTensors, file: String) -> [Sentence] {
        var counts: [String: Int] = [:]
        for tensor in packed.byName.values {
            counts["\(tensor.type.name) \(tensor.isExact ? "(the same values)" : "(rounded)")", default: 0] += 1
        }
        guard !counts.isEmpty else { return [] }
        let kept = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) as \($0.key)" }
        return ["\(file): weights are quantized by \(name); their matrices are kept: \(kept.joined(separator: ", "))"]
    }
}

extension StoredTensor {
    /// Older tools wrote a bias of zeros beside every matrix.
    fileprivate func isZero(_ files: [any ByteSource]) throws(ModelFileError) -> Bool {
        guard !isAbsent, byteCount <= 8 * FileLimits.feedForwardLength else { return false }
        return try files[file].bytes(at: offset, count: byteCount).allSatisfy { $0 == 0 }
    }
}
