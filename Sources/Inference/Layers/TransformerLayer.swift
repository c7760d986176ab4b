// One transformer layer: attention and the feed-forward network, one after the other or beside each other, each added to
// the residual stream.
//
// Responsible for: the norms around the two and the residual stream.
// Must not know: other layers, sequences, where weights come from, what attention and feed-forward compute.

import CKernels
import ModelFile

/// The norms of a layer, its attention and its feed-forward network. Families differ by which norms there are.
struct TransformerLayer {
    /// What the feed-forward network takes.
    enum FeedForwardInput {
        /// The residual stream after attention, normed.
        case attentionOutput
        /// The residual stream before attention, by a norm of its own.
        case layerInput
        /// What attention takes, as it is.
        case attentionInput
    }

    let embeddingLength: Int
    /// What both parts put out is multiplied by it.
    let residualScale: Float
    let feedForwardInput: FeedForwardInput
    /// Of the input of attention; nil: it takes the residual stream as it is.
    let attentionNorm: Normalization?
    let mixer: SequenceMixer
    /// Of what attention puts out.
    let postAttentionNorm: Normalization?
    /// Of the input of the feed-forward network, unless that is attention's; nil: as above.
    let feedForwardNorm: Normalization?
    let feedForward: FeedForward
    /// Of what the feed-forward network puts out.
    let postFeedForwardNorm: Normalization?

    /// workspace.hidden [tokens, embeddingLength] becomes this layer's output; keys and values go into the cache.
    /// `index` counts layers from the stage's first one.
    ///
    /// Every loop gives whole rows, panels or heads to threads, so no result depends on how many there are.
    func forward(_ pass: ForwardPass, index: Int) {
        let space = pass.workspace
        let tokens = pass.batch.tokenCount
        let dim = embeddingLength
        let quantizesFeedForwardInput = feedForward.quantizesInput
        let quantizesAttentionInput =
            mixer.quantizesInput || feedForwardInput == .attentionInput && quantizesFeedForwardInput

        // hidden [tokens, dim] -> normed [tokens, dim]
        pass.forEachRow(cost: 8 * dim) { row in
            prepare(space, row: row, of: tokens, dim: dim, norm: attentionNorm, quantizes: quantizesAttentionInput)
        }
        // normed [tokens, dim] -> update [tokens, dim]
        mixer.forward(pass, index: index)
        // hidden += update; hidden [tokens, dim], as it is now or was before -> normed [tokens, dim]
        pass.forEachRow(cost: 10 * dim) { row in
            if feedForwardInput == .attentionOutput { addUpdate(space, row: row, dim: dim, norm: postAttentionNorm) }
            if feedForwardInput != .attentionInput {
                prepare(
                    space, row: row, of: tokens, dim: dim, norm: feedForwardNorm, quantizes: quantizesFeedForwardInput)
            }
            if feedForwardInput != .attentionOutput { addUpdate(space, row: row, dim: dim, norm: postAttentionNorm) }
        }
        // normed [tokens, dim] -> update [tokens, dim]
        feedForward.forward(pass)
        // hidden += update
        pass.forEachRow(cost: 2 * dim) { row in addUpdate(space, row: row, dim: dim, norm: postFeedForwardNorm) }
    }

    /// normed [dim] of one token = norm(hidden), quantized too where a matrix needs it so.
    private func prepare(
        _ space: Workspace, row: Int, of tokens: Int, dim: Int, norm: Normalization?, quantizes: Bool
    ) {
        let hidden = space.hidden + row * dim
        let normed = space.normed.values + row * dim
        if let norm { norm.apply(hidden, into: normed) } else { normed.update(from: hidden, count: dim) }
        if quantizes { space.normed.quantizeRow(row, of: tokens, columns: dim) }
    }

    /// hidden [dim] of one token += residualScale * norm(update).
    private func addUpdate(_ space: Workspace, row: Int, dim: Int, norm: Normalization?) {
        let update = space.update + row * space.updateStride
        norm?.apply(update, into: update)
        if residualScale == 1 {
            tk_add(space.hidden + row * dim, update, dim)
        } else {
            tk_add_scaled(space.hidden + row * dim, update, residualScale, dim)
        }
    }
}
