// The quantized matrices of MLX folders: what config.json says of groups and bits, and the three tensors of a matrix.
// Source: `mlx.core.quantize` (mode "affine") and `mlx_lm.utils` (`quantize_model`, `load_model`).

import Sequences

/// "quantization" of an MLX folder's config.json.
struct MLXPacking {
    struct Sizes {
        var groupSize: Int
        var bits: Int
    }

    let everywhere: Sizes
    /// By the name of the module.
    private var modules: [String: Sizes] = [:]

    init(_ fields: JSONObject) throws(ModelFileError) {
        everywhere = try Self.sizes(fields, default: nil)
        for member in fields.members {
            guard case .object(let own) = member.value else { continue }  // false: left as it was; its tensor tells
            modules[member.name] = try Self.sizes(own, default: everywhere)
        }
    }

    func sizes(ofModule name: String) -> Sizes { modules[name] ?? everywhere }

    private static func sizes(_ fields: JSONObject, default sizes: Sizes?) throws(ModelFileError) -> Sizes {
        let mode = try fields.string("mode") ?? "affine"
        guard mode == "affine" else { throw WeightPacking.refusal(fields, "quantization", "MLX in mode \(mode)") }
        let groupSize = try fields.required("group_size", fields.integer("group_size") ?? sizes?.groupSize)
        let bits = try fields.required("bits", fields.integer("bits") ?? sizes?.bits)
        guard [2, 3, 4, 5, 6, 8].contains(bits) else {
            throw WeightPacking.refusal(fields, "quantization", "MLX of \(bits) bits")
        }
        guard groupSize >= 1, groupSize <= FileLimits.feedForwardLength else {
            throw ModelFileError(
                .invalidValue, file: fields.file, field: "group_size", value: groupSize, "must be the size of a group")
        }
        return Sizes(groupSize: groupSize, bits: bits)
    }
}

extension PackedParts {
    /// weight [rows, columns * bits / 32] of 32 bits, scales and biases [rows, groups]; with the experts of a layer
    /// stacked in front, each of them is a matrix. Their names become those of single experts.
    func mlx(_ packing: MLXPacking) throws(ModelFileError) -> [(String, PackedTensor)] {
        let codes = try required("weight")
        let sizes = packing.sizes(ofModule: base)
        guard codes.shape.count == 3 else {
            try codes.require(["U32"], codes.shape)
            let (rows, words) = try codes.matrixShape()
            return [(base + ".weight", try matrix(codes, rows, words, sizes, slice: 0, of: []))]
        }
        let (count, rows, words) = (codes.shape[0], codes.shape[1], codes.shape[2])
        // "model.layers.3.mlp.switch_mlp.up_proj", whatever stands between the layer and the experts.
        guard let switched = base.firstRange(of: ".switch_mlp."),
            let dot = base[..<switched.lowerBound].lastIndex(of: "."),
            (1...FileLimits.experts).contains(count), rows >= 1, words >= 1
        else { throw codes.refusal("shape", "\(codes.shape)", "must be that of a matrix") }
        try codes.require(["U32"], codes.shape)
        let (layer, matrixName) = (base[..<dot], base[switched.upperBound...])
        var result: [(String, PackedTensor)] = []
        for expert in 0..<count {
            result.append(
                (
                    "\(layer).mlp.experts.\(expert).\(matrixName).weight",
                    try matrix(codes, rows, words, sizes, slice: expert, of: [count])
                ))
        }
        return result
    }

    private func matrix(
        _ codes: StoredTensor, _ rows: Int, _ words: Int, _ sizes: MLXPacking.Sizes, slice: Int, of stack: [Int]
    ) throws(ModelFileError) -> PackedTensor {
        guard words <= FileLimits.feedForwardLength, 32 * words % sizes.bits == 0 else {
            throw codes.refusal("shape", "\(codes.shape)", "cannot be that of numbers of \(sizes.bits) bits")
        }
        let columns = 32 * words / sizes.bits
        guard columns % sizes.groupSize == 0 else {
            throw codes.refusal(
                "shape", "\(codes.shape)",
                "\(columns) columns of \(sizes.bits) bits are no whole groups of \(sizes.groupSize)")
        }
        let groups = columns / sizes.groupSize
        func grid(_ suffix: String) throws(ModelFileError) -> PackedTensor.Grid {
            let tensor = try required(suffix)
            try tensor.require(["F16", "BF16", "F32"], stack + [rows, groups])
            let type = tensor.type ?? .f32
            var part = tensor.part
            part.offset += slice * rows * groups * type.blockBytes
            return PackedTensor.Grid(part: part, type: type, rows: rows, columns: groups)
        }
        var part = codes.part
        part.offset += slice * rows * words * 4
        return PackedTensor(
            rows: rows, columns: columns, number: .unsigned(bits: sizes.bits), layout: .rows(rowBytes: 4 * words),
            codes: part, scales: try grid("scales"), addends: try grid("biases"), groups: .even(sizes.groupSize))
    }
}
