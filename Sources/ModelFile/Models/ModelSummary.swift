// What `tandem inspect` shows of a model: counts and sizes. Knows nothing of how it is shown.

/// Sizes of an opened model.
package struct ModelSummary: Sendable, Hashable {
    /// The tensors of one type.
    package struct TypeCount: Sendable, Hashable {
        package var type: TensorType
        package var tensors: Int
        package var bytes: Int
    }

    /// One type a row, in the order of `TensorType.allCases`; absent types are left out.
    package var types: [TypeCount]
    /// Numbers in all tensors; a matrix that is used twice counts once.
    package var parameters: Int
    /// Bytes of all tensors, as stored.
    package var bytes: Int
    package var embeddingBytes: Int
    /// Bytes of each layer; [layerCount].
    package var layerBytes: [Int]
    /// Bytes of the head; with tied embeddings this counts the embedding matrix again.
    package var headBytes: Int
}

extension Model {
    /// Counts and sizes, from the descriptors alone.
    package var summary: ModelSummary {
        let bytes = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.byteCount) })
        func size(_ part: ModelPart) -> Int {
            configuration.tensors(of: part).reduce(0) { $0 + (bytes[$1.name] ?? 0) }
        }
        let types = TensorType.allCases.compactMap { type -> ModelSummary.TypeCount? in
            let those = tensors.filter { $0.type == type }
            return those.isEmpty
                ? nil : .init(type: type, tensors: those.count, bytes: those.reduce(0) { $0 + $1.byteCount })
        }
        return ModelSummary(
            types: types,
            parameters: tensors.reduce(0) { $0 + $1.rows * $1.columns },
            bytes: tensors.reduce(0) { $0 + $1.byteCount },
            embeddingBytes: size(.embedding),
            layerBytes: (0..<configuration.layerCount).map { size(.layer($0)) },
            headBytes: size(.head))
    }
}
