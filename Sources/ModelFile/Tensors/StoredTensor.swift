// A tensor as a file's header lists it, before anyone knows whether the model needs it. Knows no file format.

struct StoredTensor: Sendable {
    /// The name in the file.
    var name: String
    /// The element type as the file calls it.
    var typeName: String
    /// nil: a type that is not supported.
    var type: TensorType?
    /// Outermost dimension first, whatever the file's order.
    var shape: [Int]
    /// Path of the file, for messages.
    var fileName: String
    /// Index of the file in the model.
    var file: Int
    /// First byte in the file.
    var offset: Int
    /// Inside the file; 0 where a GGUF file's type is not supported.
    var byteCount: Int
}
