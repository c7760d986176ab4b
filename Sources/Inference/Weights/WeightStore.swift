// The weights of a stage by tensor, each read and packed once.
//
// Responsible for: where in memory packed tensors lie, and sharing them with another stage.
// Must not know: what the tensors are for, how they are read.

import ModelFile

/// Packed tensors. A matrix that two parts use (a tied embedding) is one object.
final class WeightStore {
    private var matrices: [TensorDescriptor: PackedMatrix] = [:]
    private var vectors: [TensorDescriptor: FloatVector] = [:]

    /// Another store with those of these tensors that are here. The tensors are the same objects, and stay as they are.
    func sharing(_ tensors: Set<TensorDescriptor>) -> WeightStore {
        let other = WeightStore()
        other.matrices = matrices.filter { tensors.contains($0.key) }
        other.vectors = vectors.filter { tensors.contains($0.key) }
        return other
    }

    /// Has those of another store too.
    func add(_ other: WeightStore) {
        matrices.merge(other.matrices) { own, _ in own }
        vectors.merge(other.vectors) { own, _ in own }
    }

    /// Forgets all tensors.
    func removeAll() { (matrices, vectors) = ([:], [:]) }

    /// Bytes of the stored form of what is held already.
    var storedBytes: Int {
        matrices.keys.reduce(0) { $0 + $1.byteCount } + vectors.keys.reduce(0) { $0 + $1.byteCount }
    }

    /// The matrix, read by `reader` unless it is here.
    func matrix(_ tensor: TensorDescriptor, reader: WeightReader) throws(InferenceError) -> PackedMatrix {
        if let matrix = matrices[tensor] { return matrix }
        let matrix = try reader.readMatrix(tensor)
        matrices[tensor] = matrix
        return matrix
    }

    /// Matrices that come and go together, such as those of a layer, in one piece of memory: however small they are, none
    /// wastes a page and all may lie in huge ones. Read by `reader` unless they are here. In the order of `tensors`.
    @discardableResult
    func matrices(_ tensors: [TensorDescriptor], reader: WeightReader) throws(InferenceError) -> [PackedMatrix] {
        let missing = tensors.filter { matrices[$0] == nil }
        var offsets = [0]
        for tensor in missing {
            guard
                let bytes = PackedMatrix.byteCount(
                    type: tensor.packedType, rows: tensor.rows, columns: tensor.columns)
            else { throw .wrongTensor(name: tensor.name, reason: "its shape is impossible for its type") }
            let (end, overflow) = offsets[offsets.count - 1].addingReportingOverflow((bytes + 63) & ~63)
            guard !overflow else { throw .outOfMemory(bytes: .max, purpose: "the weights of a layer") }
            offsets.append(end)
        }
        let memory = try AnonymousMemory(
            byteCount: offsets[missing.count], huge: true, purpose: "the weights of a layer")
        var loads: [MatrixLoad] = []
        for (tensor, offset) in zip(missing, offsets) {
            let matrix = PackedMatrix(
                type: tensor.packedType, rows: tensor.rows, columns: tensor.columns, memory: memory,
                offset: offset)
            loads.append(MatrixLoad(tensor, into: matrix))
        }
        try reader.read(loads)
        for load in loads { matrices[load.tensor] = load.matrix }
        return tensors.compactMap { matrices[$0] }
    }

    /// The vector, read by `reader` unless it is here; `offset`, the same at every call, is added to its elements.
    func vector(
        _ tensor: TensorDescriptor, adding offset: Float = 0, reader: WeightReader
    ) throws(InferenceError) -> FloatVector {
        if let vector = vectors[tensor] { return vector }
        let vector = try reader.readVector(tensor)
        // Damage that a gate would squash into a number: NaN reaches the logits.
        for index in 0..<vector.count where !vector.values[index].isFinite { vector.values[index] = .nan }
        if offset != 0 { for index in 0..<vector.count { vector.values[index] += offset } }
        vectors[tensor] = vector
        return vector
    }
}
