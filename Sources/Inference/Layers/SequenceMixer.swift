// The part of a layer that lets tokens of one sequence see each other.
//
// Responsible for: the kinds there are.
// Must not know: the residual stream, other layers, where weights come from, what the kinds compute.

/// What mixes the tokens of a sequence in one layer.
enum SequenceMixer {
    case attention(Attention)
    case deltaNet(GatedDeltaNet)
    case latentAttention(LatentAttention)

    /// True where workspace.normed must be quantized too.
    var quantizesInput: Bool {
        switch self {
        case .attention(let attention): attention.quantizesInput
        case .deltaNet(let net): net.quantizesInput
        case .latentAttention(let attention): attention.quantizesInput
        }
    }

    /// workspace.normed [tokens, embeddingLength], which stays as it is, -> workspace.update [tokens, embeddingLength];
    /// what later tokens need of these goes into the cache. `index` counts layers from the stage's first one.
    func forward(_ pass: ForwardPass, index: Int) {
        switch self {
        case .attention(let attention): attention.forward(pass, index: index)
        case .deltaNet(let net): net.forward(pass, index: index)
        case .latentAttention(let attention): attention.forward(pass, index: index)
        }
    }
}
