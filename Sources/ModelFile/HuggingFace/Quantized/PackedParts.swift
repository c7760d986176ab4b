// The tensors that make up one quantized matrix: their names, types and shapes, checked. Knows nothing of methods.

import Sequences

/// What the files hold of one matrix.
struct PackedParts {
    /// The name that all its tensors begin with: "model.layers.0.mlp.up_proj".
    let base: String
    let stored: [String: StoredTensor]
    let files: [any ByteSource]
    /// For messages.
    let mainFile: String

    /// nil where there is none of that name.
    func tensor(_ suffix: String) -> StoredTensor? { stored["\(base).\(suffix)"] }

    func required(_ suffix: String) throws(ModelFileError) -> StoredTensor {
        guard let tensor = tensor(suffix) else { throw .missingTensor("\(base).\(suffix)", file: mainFile) }
        return tensor
    }

    /// Scales of [rows, groups] (`isTransposed`: of [groups, rows]), or fewer: one for each row, one for all, or one for
    /// blocks of rows. `groups` nil: as many as there are.
    func grid(
        _ suffix: String, rows: Int, groups: Int?, isTransposed: Bool = false
    ) throws(ModelFileError) -> PackedTensor.Grid {
        let tensor = try required(suffix)
        try tensor.requirePresence()
        guard let type = tensor.type, !type.isQuantized else {
            throw tensor.refusal("type", tensor.typeName, "must be F32, F16 or BF16")
        }
        guard tensor.shape.count == 2, let found = isTransposed ? tensor.shape.first : tensor.shape.last, found >= 1,
            found == groups ?? found
        else { throw tensor.wrongShape(isTransposed ? [groups ?? 1, rows] : [rows, groups ?? 1]) }
        try tensor.require([tensor.typeName], isTransposed ? [found, rows] : [rows, found])
        return PackedTensor.Grid(
            part: tensor.part, type: type, rows: rows, columns: found, isTransposed: isTransposed)
    }
}

extension StoredTensor {
    var part: PackedTensor.Part { PackedTensor.Part(name: name, file: file, offset: offset) }

    /// Bytes of an element of the types that parts have.
    private static let elementBytes = [
        "I64": 8, "I32": 4, "U32": 4, "F32": 4, "F16": 2, "BF16": 2, "I8": 1, "U8": 1, "F8_E4M3": 1,
    ]

    /// Refuses anything but one of these types and this shape, with as many bytes as they ask for.
    func require(_ types: [String], _ expected: [Int]) throws(ModelFileError) {
        try requirePresence()
        guard types.contains(typeName), let size = Self.elementBytes[typeName] else {
            throw refusal("type", typeName, "must be \(types.joined(separator: " or "))")
        }
        guard shape == expected else { throw wrongShape(expected) }
        var bytes = size
        for length in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
            guard !overflow else { throw refusal("shape", "\(shape)", "is too large") }
            bytes = product
        }
        guard bytes == byteCount else {
            throw ModelFileError(
                .mismatch, file: fileName, field: "size of tensor \(name)", value: byteCount,
                "must be \(bytes), that of its shape \(shape) in type \(typeName)")
        }
    }

    /// Two sizes of at least 1.
    func matrixShape() throws(ModelFileError) -> (Int, Int) {
        try requirePresence()
        guard shape.count == 2, shape[0] >= 1, shape[1] >= 1 else {
            throw refusal("shape", "\(shape)", "must be that of a matrix")
        }
        return (shape[0], shape[1])
    }

    func wrongShape(_ expected: [Int]) -> ModelFileError {
        ModelFileError(
            .mismatch, file: fileName, field: "shape of tensor \(name)", value: "\(shape)",
            "does not fit the other parts of this matrix, which ask for \(expected)",
            hint: "the files are of different models, or their config.json is")
    }

    func refusal(_ aspect: String, _ value: String, _ problem: String) -> ModelFileError {
        ModelFileError(.unsupported, file: fileName, field: "\(aspect) of tensor \(name)", value: value, problem)
    }
}
