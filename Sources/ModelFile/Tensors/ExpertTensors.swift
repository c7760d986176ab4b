// Finds the tensors of experts in the forms in which files store them: one by one, stacked, or gate and up together.
// Knows their names in GGUF and Hugging Face files; the bytes are put in order by `StoredForm`.

/// A tensor of the model found in the files.
struct FoundTensor {
    var tensor: TensorDescriptor
    /// nil: its bytes are a plain range of the file.
    var form: StoredForm?
    /// It is made of several tensors of the files.
    var packed: PackedTensor?
    /// What the files call it and what else it is stored with.
    var storedNames: [String]
}

/// A way in which files store the matrix of one expert. Names are those after the layer's prefix.
private enum ExpertForm {
    /// [rows, columns], a tensor of its own.
    case single(String)
    /// Slice e of [count, rows, columns].
    case stacked(String)
    /// Half h of slice e of [count, 2 rows, columns]: the rows of gate, then those of up.
    case half(String, Int)
    /// Slice e of [count, columns, rows].
    case transposed(String)
    /// Every second element, from element h on, of slice e of [count, columns, 2 rows].
    case interleaved(String, Int)
    /// Half h of every row of slice e of [count, columns, 2 rows].
    case halfOfColumns(String, Int)
    /// MXFP4 `_blocks` and `_scales` of [count, rows, columns].
    case blocks(String)
    /// The same of [count, 2 rows, columns], every second row from row h on.
    case interleavedBlocks(String, Int)

    var name: String {
        switch self {
        case .single(let name), .stacked(let name), .half(let name, _), .transposed(let name),
            .interleaved(let name, _), .halfOfColumns(let name, _):
            name
        case .blocks(let name), .interleavedBlocks(let name, _): name + "_blocks"
        }
    }
}

/// The tensors of the layers with experts among those that files hold.
struct ExpertTensors {
    let experts: Experts
    /// What stands before a layer's number: "blk." in GGUF files, "model.layers." in most others.
    let layerPrefix: String
    let stored: [String: StoredTensor]
    /// For messages.
    let mainFile: String

    private var isGGUF: Bool { layerPrefix == "blk." }

    /// Finds a tensor of a mixture; nil where the requirement is none of those. Throws where it is missing or wrong.
    func find(_ requirement: TensorRequirement) throws(ModelFileError) -> FoundTensor? {
        let pieces = requirement.name.split(separator: ".").map(String.init)  // blk.3.ffn_gate.5.weight
        guard pieces.count >= 4, pieces[0] == "blk", let layer = Int(pieces[1]) else { return nil }
        let prefix = "\(layerPrefix)\(layer)."
        if pieces.count == 5, let expert = Int(pieces[3]), let matrix = Experts.Matrix(rawValue: pieces[2]) {
            return try weight(requirement, matrix, expert: expert, prefix: prefix)
        }
        if pieces[2] == "ffn_gate_inp" {
            let names =
                isGGUF
                ? ["ffn_gate_inp"]
                : [
                    "mlp.gate", "block_sparse_moe.gate", "mlp.router", "block_sparse_moe.router.layer",
                    "feed_forward.router",
                ]
            return try plain(requirement, names: names.map { "\(prefix)\($0).\(pieces[3])" })
        }
        guard pieces[2].hasSuffix("_exps"), let matrix = Experts.Matrix(rawValue: String(pieces[2].dropLast(5)))
        else { return nil }
        return try bias(requirement, matrix, prefix: prefix)
    }

    private func weight(
        _ requirement: TensorRequirement, _ matrix: Experts.Matrix, expert: Int, prefix: String
    ) throws(ModelFileError) -> FoundTensor {
        let forms = isGGUF ? ggufForms(matrix, expert) : huggingFaceForms(matrix, expert)
        for form in forms {
            guard let tensor = stored[prefix + form.name] else { continue }
            return try found(requirement, tensor, as: form, expert: expert)
        }
        throw .missingTensor(prefix + forms[0].name, file: mainFile)
    }

    private func ggufForms(_ matrix: Experts.Matrix, _ expert: Int) -> [ExpertForm] {
        let forms: [ExpertForm] = [
            .stacked("\(matrix.rawValue)_exps.weight"), .single("\(matrix.rawValue).\(expert).weight"),
        ]
        return matrix == .down ? forms : forms + [.half("ffn_gate_up_exps.weight", matrix == .gate ? 0 : 1)]
    }

    /// gpt-oss stores its matrices otherwise than all others.
    private func huggingFaceForms(_ matrix: Experts.Matrix, _ expert: Int) -> [ExpertForm] {
        let half = matrix == .gate ? 0 : 1
        let (fused, down) = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")
        if case .clampedSwiGLU = experts.activation {
            return matrix == .down
                ? [.transposed(down), .blocks(down)] : [.interleaved(fused, half), .interleavedBlocks(fused, half)]
        }
        let (qwen, mixtral) =
            switch matrix {
            case .gate: ("gate_proj", "w1")
            case .up: ("up_proj", "w3")
            case .down: ("down_proj", "w2")
            }
        let (llamaFused, llamaDown) = ("feed_forward.experts.gate_up_proj", "feed_forward.experts.down_proj")
        return [
            .single("mlp.experts.\(expert).\(qwen).weight"),
            .single("block_sparse_moe.experts.\(expert).\(mixtral).weight"),
            // Llama 4, quantized
            .single("feed_forward.experts.\(expert).\(qwen).weight"),
            matrix == .down ? .stacked(down) : .half(fused, half),
            // Granite
            matrix == .down
                ? .stacked("block_sparse_moe.output_linear.weight")
                : .half("block_sparse_moe.input_linear.weight", half),
            matrix == .down ? .transposed(llamaDown) : .halfOfColumns(llamaFused, half),
        ]
    }

    private func bias(
        _ requirement: TensorRequirement, _ matrix: Experts.Matrix, prefix: String
    ) throws(ModelFileError) -> FoundTensor {
        if isGGUF { return try plain(requirement, names: ["\(prefix)\(matrix.rawValue)_exps.bias"]) }
        if matrix == .down { return try plain(requirement, names: [prefix + "mlp.experts.down_proj_bias"]) }
        let name = prefix + "mlp.experts.gate_up_proj_bias"
        guard let tensor = stored[name] else { throw .missingTensor(name, file: mainFile) }
        return try everySecond(
            requirement, tensor, shape: [requirement.rows, 2 * requirement.columns], first: 0,
            half: matrix == .gate ? 0 : 1)
    }

    /// The first of these tensors that there is.
    private func plain(_ requirement: TensorRequirement, names: [String]) throws(ModelFileError) -> FoundTensor {
        guard let tensor = names.lazy.compactMap({ stored[$0] }).first else {
            throw .missingTensor(names[0], file: mainFile)
        }
        let described = try tensor.described(as: requirement, isTransposed: false, mayBePacked: true)
        guard !(requirement.name.hasSuffix(".bias") && described.type.isQuantized) else {
            throw tensor.unsupportedType("only matrices can be quantized")
        }
        return FoundTensor(tensor: described, form: nil, packed: tensor.packed, storedNames: [tensor.name])
    }
}

extension ExpertTensors {
    private func found(
        _ requirement: TensorRequirement, _ tensor: StoredTensor, as form: ExpertForm, expert: Int
    ) throws(ModelFileError) -> FoundTensor {
        let (rows, columns) = (requirement.rows, requirement.columns)
        switch form {
        case .single: return try plain(requirement, names: [tensor.name])
        case .stacked: return try slice(requirement, tensor, shape: [experts.count, rows, columns], index: expert)
        case .half(_, let half):
            return try slice(requirement, tensor, shape: [experts.count, 2 * rows, columns], index: 2 * expert + half)
        case .transposed:
            return try slice(
                requirement, tensor, shape: [experts.count, columns, rows], index: expert, isTransposed: true)
        case .interleaved(_, let half):
            return try everySecond(
                requirement, tensor, shape: [experts.count, columns, 2 * rows], first: expert * columns * 2 * rows,
                half: half, isTransposed: true)
        case .halfOfColumns(_, let half):
            return try everySecond(
                requirement, tensor, shape: [experts.count, columns, 2 * rows], first: expert * columns * 2 * rows,
                half: half, isTransposed: true, stretch: rows)
        case .blocks(let name): return try blocks(requirement, tensor, name, row: expert * rows, rowStep: 1)
        case .interleavedBlocks(let name, let half):
            return try blocks(requirement, tensor, name, row: expert * 2 * rows + half, rowStep: 2)
        }
    }

    /// Piece `index` of a tensor of the given shape that consists of pieces as large as what is required.
    private func slice(
        _ requirement: TensorRequirement, _ tensor: StoredTensor, shape: [Int], index: Int, isTransposed: Bool = false
    ) throws(ModelFileError) -> FoundTensor {
        let type = try tensor.checked(shape)
        guard !(type.isQuantized && isTransposed) else {
            throw tensor.unsupportedType("a transposed matrix cannot be quantized")
        }
        var part = tensor
        part.shape = isTransposed ? [requirement.columns, requirement.rows] : [requirement.rows, requirement.columns]
        part.byteCount = tensor.byteCount / (shape[0] * shape[1] * shape[2] / (requirement.rows * requirement.columns))
        part.offset = tensor.offset + index * part.byteCount
        return FoundTensor(
            tensor: try part.described(as: requirement, isTransposed: isTransposed), form: nil,
            storedNames: [tensor.name])
    }

    /// Every second stretch of so many elements, from the first or second one after element `first` on.
    private func everySecond(
        _ requirement: TensorRequirement, _ tensor: StoredTensor, shape: [Int], first: Int, half: Int,
        isTransposed: Bool = false, stretch: Int = 1
    ) throws(ModelFileError) -> FoundTensor {
        let type = try tensor.checked(shape)
        guard !type.isQuantized else { throw tensor.unsupportedType("a transposed matrix cannot be quantized") }
        let elementBytes = type.blockBytes
        let descriptor = TensorDescriptor(
            name: requirement.name, type: type, rows: requirement.rows, columns: requirement.columns,
            isTransposed: isTransposed, byteCount: requirement.rows * requirement.columns * elementBytes,
            file: tensor.file, offset: tensor.offset + (first + half * stretch) * elementBytes)
        return FoundTensor(
            tensor: descriptor, form: .everySecond(stretchBytes: stretch * elementBytes), storedNames: [tensor.name])
    }

    /// A matrix of MXFP4 blocks from stored row `row` on; every `rowStep`th row belongs to it.
    private func blocks(
        _ requirement: TensorRequirement, _ blocks: StoredTensor, _ name: String, row: Int, rowStep: Int
    ) throws(ModelFileError) -> FoundTensor {
        let scalesName = blocks.name.dropLast("_blocks".utf8.count) + "_scales"
        guard let scales = stored[String(scalesName)] else {
            throw .missingTensor(String(scalesName), file: mainFile)
        }
        guard let type = TensorType(rawValue: "MXFP4"), requirement.columns % 32 == 0,
            let byteCount = type.byteCount(rows: requirement.rows, columns: requirement.columns)
        else { throw blocks.unsupportedType("the rows of MXFP4 tensors are whole blocks of 32") }
        let perRow = requirement.columns / 32
        let shape = [experts.count, requirement.rows * rowStep, perRow]
        try blocks.checkBytes(shape + [SeparateScales.storedBytes])
        try scales.checkBytes(shape)
        let descriptor = TensorDescriptor(
            name: requirement.name, type: type, rows: requirement.rows, columns: requirement.columns,
            byteCount: byteCount, file: blocks.file,
            offset: blocks.offset + row * perRow * SeparateScales.storedBytes)
        let form = SeparateScales(
            file: scales.file, offset: scales.offset + row * perRow, blocksPerRow: perRow, rowStep: rowStep)
        return FoundTensor(
            tensor: descriptor, form: .separateScales(form), storedNames: [blocks.name, scales.name])
    }
}

extension StoredTensor {
    /// The type of a tensor that must have this shape. `mayBePacked`: the caller passes `packed` on.
    func checked(_ expected: [Int], mayBePacked: Bool = false) throws(ModelFileError) -> TensorType {
        try requirePresence()
        guard let type, packed == nil || mayBePacked else {
            throw unsupportedType("is not supported (supported: \(TensorType.supportedNames))")
        }
        try check(expected)
        return type
    }

    /// Refuses anything but unsigned bytes of this shape.
    fileprivate func checkBytes(_ expected: [Int]) throws(ModelFileError) {
        try requirePresence()
        guard typeName == "U8" else { throw unsupportedType("must be U8, bytes") }
        try check(expected)
        guard byteCount == expected.reduce(1, *) else {
            throw ModelFileError(
                .mismatch, file: fileName, field: "size of tensor \(name)", value: byteCount,
                "must be that of its shape, \(expected)")
        }
    }

    private func check(_ expected: [Int]) throws(ModelFileError) {
        guard shape == expected else {
            throw ModelFileError(
                .mismatch, file: fileName, field: "shape of tensor \(name)", value: "\(shape)",
                "the configuration asks for \(expected)")
        }
    }

    fileprivate func unsupportedType(_ problem: String) -> ModelFileError {
        ModelFileError(.unsupported, file: fileName, field: "type of tensor \(name)", value: typeName, problem)
    }
}
