// Finds queries, keys and values in matrices that hold them group by group. Knows no names of files; the bytes are put in
// order by `StoredForm`.

/// The matrices, and their biases, whose rows are [KV heads][the query heads of one, its key, its value][head size], as
/// GPT-NeoX and InternLM 2 have them.
struct GroupedHeads {
    let configuration: ModelConfiguration
    /// It names the matrix "attn_qkv".
    let naming: TensorNaming
    let stored: [String: StoredTensor]
    /// For messages.
    let mainFile: String

    /// Finds "attn_qkv", or "attn_q", "attn_k" or "attn_v"; nil where the requirement is none of those. Throws where the
    /// matrix is missing or wrong.
    func find(_ requirement: TensorRequirement) throws(ModelFileError) -> FoundTensor? {
        let pieces = requirement.name.split(separator: ".")  // blk.3.attn_q.weight
        guard pieces.count == 4, let heads = heads(of: pieces[2]) else { return nil }
        let (name, _) = naming.stored("blk.\(pieces[1]).attn_qkv.\(pieces[3])")
        guard let tensor = stored[name] else { throw .missingTensor(name, file: mainFile) }
        let headCount = configuration.headCount + 2 * configuration.keyValueHeadCount
        let length = headCount * configuration.headSize
        let isBias = pieces[3] == "bias"
        let whole = TensorRequirement(
            name: requirement.name, rows: isBias ? 1 : length, columns: isBias ? length : requirement.columns)
        var found = try tensor.described(as: whole, isTransposed: false, mayBePacked: true)
        let headBytes = found.byteCount / headCount
        (found.rows, found.columns) = (requirement.rows, requirement.columns)
        found.byteCount = heads.count * headBytes
        let form = StoredForm.pieces(byteCount: headBytes, offsets: heads.map { $0 * headBytes })
        let size = configuration.headSize
        let packed = tensor.packed?.taking(heads.map { $0 * size..<($0 + 1) * size })
        return FoundTensor(
            tensor: found, form: packed == nil ? form : nil, packed: packed, storedNames: [name])
    }

    /// The numbers, among all heads as they are stored, of those of one canonical matrix.
    private func heads(of matrix: Substring) -> [Int]? {
        let groups = 0..<configuration.keyValueHeadCount
        let queries = configuration.headCount / configuration.keyValueHeadCount
        let query = groups.flatMap { group in (0..<queries).map { group * (queries + 2) + $0 } }
        let key = groups.map { $0 * (queries + 2) + queries }
        let value = key.map { $0 + 1 }
        return switch matrix {
        case "attn_q": query
        case "attn_k": key
        case "attn_v": value
        case "attn_qkv": query + key + value
        default: nil
        }
    }
}
