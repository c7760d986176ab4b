// The way into the model: token ids to activations.
//
// Responsible for: the embedding of one token, learned position included.
// Must not know: batches.

import CKernels

/// Token embedding, with learned positions where the model has them.
struct TokenEmbedding {
    /// [vocabularySize, embeddingLength]
    let tokens: PackedMatrix
    /// [contextLength, embeddingLength]
    let positions: PackedMatrix?
    /// What the row of a token is multiplied by.
    let scale: Float

    /// out [embeddingLength] = row of the token (+ row of its position, by way of `scratch` [embeddingLength]).
    func embed(
        _ token: Int32, position: Int, into out: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        tokens.unpackRow(Int(token), into: out)
        if scale != 1 { tk_scale(out, tokens.columns, scale) }
        guard let positions else { return }
        positions.unpackRow(position, into: scratch)
        tk_add(out, scratch, tokens.columns)
    }
}
