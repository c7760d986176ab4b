// Finds the matrices that latent attention has for each head in the forms in which files store them: stacked, or all keys
// and values in one matrix. Knows their names in GGUF and Hugging Face files.

/// The tensors of latent attention among those that files hold.
struct LatentTensors {
    let sizes: LatentSizes
    let headCount: Int
    /// What stands before a layer's number: "blk." in GGUF files, "model.layers." in most others.
    let layerPrefix: String
    let stored: [String: StoredTensor]
    /// For messages.
    let mainFile: String

    /// Finds a matrix of one head; nil where the requirement is none of those. Throws where it is missing or wrong.
    func find(_ requirement: TensorRequirement) throws(ModelFileError) -> FoundTensor? {
        let pieces = requirement.name.split(separator: ".").map(String.init)  // blk.3.attn_k_b.5.weight
        guard pieces.count == 5, let head = Int(pieces[3]), let matrix = LatentSizes.Matrix(rawValue: pieces[2])
        else { return nil }
        let prefix = "\(layerPrefix)\(pieces[1])."
        let isGGUF = layerPrefix == "blk."
        if isGGUF, let tensor = stored["\(prefix)\(matrix.rawValue).weight"] {
            let (rows, columns) = (requirement.rows, requirement.columns)
            return try part(requirement, of: tensor, shape: [headCount, rows, columns], row: head * rows, rows: rows)
        }
        // The rows of a head's keys [plainSize, rank], then those of its values [valueSize, rank], head by head.
        let fused = prefix + (isGGUF ? "attn_kv_b.weight" : "self_attn.kv_b_proj.weight")
        guard let tensor = stored[fused] else { throw .missingTensor(fused, file: mainFile) }
        let rowsOfHead = sizes.plainSize + sizes.valueSize
        let first = head * rowsOfHead + (matrix == .key ? 0 : sizes.plainSize)
        return try part(
            requirement, of: tensor, shape: [headCount * rowsOfHead, sizes.rank], row: first,
            rows: matrix == .key ? sizes.plainSize : sizes.valueSize, isTransposed: matrix == .key)
    }

    /// The stored rows from `row` on of a tensor of the given shape, which are the matrix or its columns.
    private func part(
        _ requirement: TensorRequirement, of tensor: StoredTensor, shape: [Int], row: Int, rows: Int,
        isTransposed: Bool = false
    ) throws(ModelFileError) -> FoundTensor {
        let type = try tensor.checked(shape, mayBePacked: true)
        let rowBytes = tensor.byteCount / shape.dropLast().reduce(1, *)
        let descriptor = TensorDescriptor(
            name: requirement.name, type: type, rows: requirement.rows, columns: requirement.columns,
            isTransposed: isTransposed, byteCount: rows * rowBytes, file: tensor.file,
            offset: tensor.offset + row * rowBytes)
        return FoundTensor(
            tensor: descriptor, form: nil, packed: tensor.packed?.taking([row..<row + rows]),
            storedNames: [tensor.name])
    }
}
