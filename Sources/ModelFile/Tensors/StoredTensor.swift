// A tensor as a file's header lists it, before anyone knows whether the model needs it. Knows no file format.

import Sequences

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
    /// An index names it, but the file in which it should be is not there.
    var isAbsent = false
    /// Nothing is lost where nobody needs it.
    var isOptional = false
    /// It is made of several tensors of the files; type and size are those that it is kept in.
    var packed: PackedTensor?
}

extension StoredTensor {
    /// Refuses a tensor that is needed but absent.
    func requirePresence() throws(ModelFileError) {
        guard isAbsent else { return }
        throw ModelFileError(
            .missing, file: fileName, field: "tensor \(name)", "is needed, but this file is not in the folder",
            hint: "download every file of the model into one folder")
    }
}
