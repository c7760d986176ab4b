// Finds the tensors of delta nets where files store several as one (Qwen3-Next). Knows their names in GGUF and Hugging
// Face files; the bytes are put in order by `StoredForm`.

/// The tensors of the layers with delta nets among those that files hold.
struct DeltaNetTensors {
    let net: DeltaNet
    /// What stands before a layer's number: "blk." in GGUF files.
    let layerPrefix: String
    let stored: [String: StoredTensor]

    /// A matrix that holds, for each key head, the rows of several tensors.
    private struct Fused {
        /// In GGUF files, and in Hugging Face folders.
        var names: (gguf: String, huggingFace: String)
        /// Rows of each part, of one key head.
        var lengths: [Int]
        /// The parts that are wanted, one after the other.
        var parts: [Int]
    }

    /// Finds a tensor inside of one that is stored; nil where it is stored by itself, or is none of those.
    func find(_ requirement: TensorRequirement) throws(ModelFileError) -> FoundTensor? {
        let pieces = requirement.name.split(separator: ".").map(String.init)  // blk.3.attn_qkv.weight
        guard pieces.count == 4, pieces[0] == "blk", let layer = Int(pieces[1]), net.layers[layer],
            let fused = fused(pieces[2])
        else { return nil }
        let name = layerPrefix == "blk." ? fused.names.gguf : fused.names.huggingFace
        guard let tensor = stored["\(layerPrefix)\(layer).\(name)"] else { return nil }
        let rowsOfHead = fused.lengths.reduce(0, +)
        let whole = TensorRequirement(
            name: requirement.name, rows: net.keyHeadCount * rowsOfHead, columns: requirement.columns)
        var described = try tensor.described(as: whole, isTransposed: false, mayBePacked: true)
        let rowBytes = described.byteCount / described.rows
        (described.rows, described.byteCount) = (requirement.rows, requirement.rows * rowBytes)
        // Pieces of one size.
        let rowsOfPiece = fused.parts.map { fused.lengths[$0] }.reduce(0, Self.commonDivisor)
        var runs: [Range<Int>] = []
        for part in fused.parts {
            let before = fused.lengths[..<part].reduce(0, +)
            for head in 0..<net.keyHeadCount {
                let first = head * rowsOfHead + before
                for row in stride(from: first, to: first + fused.lengths[part], by: rowsOfPiece) {
                    runs.append(row..<row + rowsOfPiece)
                }
            }
        }
        let form = StoredForm.pieces(
            byteCount: rowsOfPiece * rowBytes, offsets: runs.map { $0.lowerBound * rowBytes })
        return FoundTensor(
            tensor: described, form: tensor.packed == nil ? form : nil, packed: tensor.packed?.taking(runs),
            storedNames: [tensor.name])
    }

    /// Where the tensor with this stem may be.
    private func fused(_ stem: String) -> Fused? {
        let heads = net.valueHeadCount / net.keyHeadCount
        let inputs = Fused(
            names: ("ssm_in.weight", "linear_attn.in_proj_qkvz.weight"),
            lengths: [net.keySize, net.keySize, heads * net.valueSize, heads * net.valueSize], parts: [])
        let rates = Fused(
            names: ("ssm_ba.weight", "linear_attn.in_proj_ba.weight"), lengths: [heads, heads], parts: [])
        func taking(_ parts: [Int], of fused: Fused) -> Fused {
            Fused(names: fused.names, lengths: fused.lengths, parts: parts)
        }
        return switch stem {
        case "attn_qkv": taking([0, 1, 2], of: inputs)
        case "attn_gate": taking([3], of: inputs)
        case "ssm_beta": taking([0], of: rates)
        case "ssm_alpha": taking([1], of: rates)
        default: nil
        }
    }

    private static func commonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : commonDivisor(b, a % b) }
}
