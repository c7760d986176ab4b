// The parts of one quantized matrix under each method: their names, how they lie and how large they must be.

import Sequences

/// What a GPTQ folder says of all its matrices.
struct GPTQRule {
    var bits: Int
    /// nil: one group for a row.
    var groupSize: Int?
    var zeroAddend: Int
    /// Some matrices have other bits or groups.
    var isMixed: Bool
}

extension PackedParts {
    /// qweight [columns * bits / 32, rows], qzeros [groups, rows * bits / 32], scales [groups, rows], g_idx [columns].
    func gptq(_ rule: GPTQRule) throws(ModelFileError) -> PackedTensor {
        let codes = try required("qweight")
        let (words, rows) = try codes.matrixShape()
        let list = tensor("g_idx")
        var bits = rule.bits
        if rule.isMixed, let length = list?.shape.first, length >= 1, words <= FileLimits.feedForwardLength {
            bits = 32 * words / length
        }
        guard [2, 3, 4, 8].contains(bits), words <= FileLimits.feedForwardLength, words * 32 % bits == 0 else {
            throw codes.refusal("shape", "\(codes.shape)", "cannot be that of numbers of \(bits) bits")
        }
        let columns = words * 32 / bits
        guard rows <= FileLimits.tensorDimension, rows * bits % 32 == 0 else {
            throw codes.refusal("shape", "\(codes.shape)", "its zero points must fill whole words")
        }
        try codes.require(["I32", "U32"], [words, rows])
        let (size, count) = try groups(rule.groupSize, columns: columns, isMixed: rule.isMixed)
        let zeros = try required("qzeros")
        try zeros.require(["I32", "U32"], [count, rows * bits / 32])
        var result = PackedTensor(
            rows: rows, columns: columns, number: .unsigned(bits: bits), layout: .words(count: words),
            codes: codes.part, scales: try grid("scales", rows: rows, groups: count, isTransposed: true),
            zero: .alongRows(zeros.part, bits: bits, addend: rule.zeroAddend), groups: .even(size))
        if let list {
            try list.require(["I32"], [columns])
            result.groups = .listed(list.part)
        }
        return result
    }

    /// qweight [columns, rows / 8], qzeros [groups, rows / 8], scales [groups, rows].
    func awq(groupSize: Int?) throws(ModelFileError) -> PackedTensor {
        let codes = try required("qweight")
        let (columns, words) = try codes.matrixShape()
        guard words <= FileLimits.tensorDimension / 8, columns <= FileLimits.feedForwardLength else {
            throw codes.refusal("shape", "\(codes.shape)", "is too large")
        }
        try codes.require(["I32", "U32"], [columns, words])
        let (size, count) = try groups(groupSize, columns: columns, isMixed: false)
        let zeros = try required("qzeros")
        try zeros.require(["I32", "U32"], [count, words])
        return PackedTensor(
            rows: 8 * words, columns: columns, number: .unsigned(bits: 4), layout: .nibblesOfRows, codes: codes.part,
            scales: try grid("scales", rows: 8 * words, groups: count, isTransposed: true),
            zero: .nibblesOfRows(zeros.part), groups: .even(size))
    }

    /// The size and the number of groups, which "scales" [groups, rows] must have.
    private func groups(
        _ groupSize: Int?, columns: Int, isMixed: Bool
    ) throws(ModelFileError) -> (size: Int, count: Int) {
        let scales = try required("scales")
        let found = try scales.matrixShape().0
        let size = isMixed ? (columns + found - 1) / max(1, found) : groupSize ?? columns
        let count = (columns + size - 1) / max(1, size)
        guard count == found else {
            throw ModelFileError(
                .mismatch, file: scales.fileName, field: "shape of tensor \(scales.name)", value: "\(scales.shape)",
                "does not fit groups of \(size) of \(columns) columns, of which there are \(count)",
                hint: "group_size in the model's configuration is wrong, or the file is of another model")
        }
        return (size, count)
    }

    /// weight [rows, columns], and weight_scale_inv or weight_scale: one for all, for each row, or for blocks.
    func float8(block: WeightPacking.Block) throws(ModelFileError) -> PackedTensor {
        let codes = try required("weight")
        let (rows, columns) = try codes.matrixShape()
        try codes.require(["F8_E4M3"], [rows, columns])
        let name = tensor("weight_scale_inv") == nil ? "weight_scale" : "weight_scale_inv"
        let scales = try scales(name, rows: rows, columns: columns, block: block)
        return PackedTensor(
            rows: rows, columns: columns, number: .float8, layout: .rows(rowBytes: columns), codes: codes.part,
            scales: scales.grid, groups: .even(scales.groupSize))
    }

    /// As scales are stored beside numbers of a byte each: [] or [1], [rows] or [rows, 1], [rows, groups], or one for each
    /// block.
    private func scales(
        _ name: String, rows: Int, columns: Int, block: WeightPacking.Block
    ) throws(ModelFileError) -> (grid: PackedTensor.Grid, groupSize: Int) {
        let tensor = try required(name)
        try tensor.requirePresence()
        guard let type = tensor.type, !type.isQuantized else {
            throw tensor.refusal("type", tensor.typeName, "must be F32, F16 or BF16")
        }
        func grid(_ gridRows: Int, _ groups: Int, each matrixRows: Int) throws(ModelFileError) -> PackedTensor.Grid {
            try tensor.require([tensor.typeName], tensor.shape)
            return PackedTensor.Grid(
                part: tensor.part, type: type, rows: gridRows, columns: groups, matrixRows: matrixRows)
        }
        let blocks = [(rows + block.rows - 1) / block.rows, (columns + block.columns - 1) / block.columns]
        switch tensor.shape {
        case [], [1], [1, 1]: return (try grid(1, 1, each: rows), columns)
        case [rows], [rows, 1]: return (try grid(rows, 1, each: 1), columns)
        case blocks: return (try grid(blocks[0], blocks[1], each: block.rows), block.columns)
        case let shape where shape.count == 2 && shape[0] == rows && shape[1] >= 1 && columns % shape[1] == 0:
            return (try grid(rows, shape[1], each: 1), columns / shape[1])
        default: throw tensor.wrongShape(blocks)
        }
    }

    /// Numbers of 4 or 8 bits in words of weight_packed [rows, words], or one byte each in weight; weight_scale [rows,
    /// groups] and the like; perhaps weight_zero_point and weight_g_idx.
    func compressedTensors(block: WeightPacking.Block) throws(ModelFileError) -> PackedTensor {
        if let codes = tensor("weight_packed") { return try packedWords(codes, block: block) }
        let codes = try required("weight")
        if codes.typeName == "F8_E4M3" { return try float8(block: block) }
        let (rows, columns) = try codes.matrixShape()
        try codes.require(["I8"], [rows, columns])
        let scales = try scales("weight_scale", rows: rows, columns: columns, block: block)
        var result = PackedTensor(
            rows: rows, columns: columns, number: .signed, layout: .rows(rowBytes: columns), codes: codes.part,
            scales: scales.grid, groups: .even(scales.groupSize))
        if let zeros = tensor("weight_zero_point") {
            guard scales.grid.rows == rows else {
                throw zeros.refusal("shape", "\(zeros.shape)", "zero points are read for each row only")
            }
            try zeros.require(["I8"], zeros.shape.count == 1 ? [rows] : [rows, scales.grid.columns])
            result.zero = .bytes(zeros.part)
        }
        return result
    }

    private func packedWords(
        _ codes: StoredTensor, block: WeightPacking.Block
    ) throws(ModelFileError) -> PackedTensor {
        let (rows, words) = try codes.matrixShape()
        let grid = try required("weight_scale")
        let (scaleRows, count) = try grid.matrixShape()
        guard words <= FileLimits.feedForwardLength else {
            throw codes.refusal("shape", "\(codes.shape)", "is too large")
        }
        let (bits, columns) = try bitsAndColumns(codes, rows: rows, words: words)
        try codes.require(["I32", "U32"], [rows, words])
        guard scaleRows == rows || scaleRows == 1, count <= columns else { throw grid.wrongShape([rows, 1]) }
        let size = (columns + count - 1) / count
        let scales = try scales("weight_scale", rows: rows, columns: columns, block: block)
        var result = PackedTensor(
            rows: rows, columns: columns, number: .unsigned(bits: bits), layout: .rows(rowBytes: 4 * words),
            codes: codes.part, scales: scales.grid, zero: .constant(1 << (bits - 1)), groups: .even(size))
        if let zeros = tensor("weight_zero_point") {
            guard scales.grid.rows == rows else {
                throw zeros.refusal("shape", "\(zeros.shape)", "zero points are read for each row only")
            }
            let perWord = 32 / bits
            try zeros.require(["I32", "U32"], [(rows + perWord - 1) / perWord, count])
            result.zero = .wordsOfRows(zeros.part, bits: bits)
        }
        if let list = tensor("weight_g_idx") {
            try list.require(["I32"], [columns])
            result.groups = .listed(list.part)
        }
        return result
    }

    /// By weight_shape, which holds [rows, columns] as data.
    private func bitsAndColumns(
        _ codes: StoredTensor, rows: Int, words: Int
    ) throws(ModelFileError) -> (bits: Int, columns: Int) {
        let shape = try required("weight_shape")
        try shape.require(["I64", "I32"], [2])
        let bytes = try files[shape.file].bytes(at: shape.offset, count: shape.byteCount)
        let numbers = bytes.withUnsafeBytes { bytes in
            (0..<2).map { index in
                shape.typeName == "I64"
                    ? Int(bytes.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self))
                    : Int(bytes.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self))
            }
        }
        let columns = numbers[1]
        let bits = [4, 8, 2].first { bits in
            (1...FileLimits.feedForwardLength).contains(columns) && (columns * bits + 31) / 32 == words
        }
        guard numbers[0] == rows, let bits else {
            throw codes.refusal("shape", "\(codes.shape)", "is not that of \(numbers) numbers of 2, 4 or 8 bits")
        }
        return (bits, columns)
    }
}
