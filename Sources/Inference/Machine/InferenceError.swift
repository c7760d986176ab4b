// What can go wrong in a stage because of the world: a file, a peer, the machine.
//
// Responsible for: one sentence for each failure that says what is wrong and what to do.
// Must not know: who sees the message.

/// A failure of a stage that does not come from a mistake in Tandem itself.
package enum InferenceError: Error, Equatable, CustomStringConvertible {
    /// The model's description lacks a tensor that the layers need.
    case missingTensor(name: String)
    /// A tensor has another shape or layout than the model's configuration implies.
    case wrongTensor(name: String, reason: String)
    /// Weights could not be read.
    case unreadable(tensor: String, reason: String)
    /// The layers asked for are not in the model, or a size is out of range.
    case invalidConfiguration(reason: String)
    /// The operating system gave no memory.
    case outOfMemory(bytes: Int, purpose: String)
    /// A batch that came from elsewhere does not fit this stage; nothing was computed.
    case invalidBatch(reason: String)

    package var description: String {
        switch self {
        case .missingTensor(let name):
            "the model has no tensor \"\(name)\": the file is incomplete or of another architecture"
        case .wrongTensor(let name, let reason):
            "tensor \"\(name)\" does not fit the model's configuration: \(reason)"
        case .unreadable(let tensor, let reason):
            "the weights of \"\(tensor)\" could not be read: \(reason)"
        case .invalidConfiguration(let reason):
            "this stage cannot be set up: \(reason)"
        case .outOfMemory(let bytes, let purpose):
            "no memory for \(purpose) (\(bytes) bytes): close other programs, use a shorter context or more workers"
        case .invalidBatch(let reason):
            "the batch does not fit this stage: \(reason)"
        }
    }
}
