// Finds the tensors that a configuration needs among those that the files list, and checks types and shapes. Knows no
// file format; how files call the tensors is given to it.

import Sequences

/// How files name the tensors of a model.
struct TensorNaming {
    /// The name in the files for a canonical name, and whether a matrix is stored as [inputs, outputs].
    var stored: (_ canonicalName: String) -> (name: String, isTransposed: Bool)
    /// What the names of a layer's tensors begin with.
    var layerPrefix: String
    /// Ends of names of tensors that may be ignored (buffers, not weights).
    var ignoredSuffixes: [String] = []
    /// q, k and v are one matrix, stored group by group.
    var groupsHeads = false
}

/// The tensors of a model as found in its files.
struct AssembledTensors {
    /// One for each tensor, in the order embedding, layers, head.
    var tensors: [TensorDescriptor] = []
    /// By canonical name: those whose bytes must be put in order when they are read.
    var forms: [String: StoredForm] = [:]
    /// By canonical name: those that are made of several tensors of the files.
    var packed: [String: PackedTensor] = [:]
}

extension ModelConfiguration {
    /// One descriptor for each tensor of the model, in the order embedding, layers, head.
    ///
    /// A tensor that stands in a layer and that nothing needs is refused: the answer would be wrong without it.
    func assemble(
        _ stored: [String: StoredTensor], naming: TensorNaming, mainFile: String
    ) throws(ModelFileError) -> AssembledTensors {
        var result = AssembledTensors()
        var used = Set<String>()
        let mixtures = experts.map {
            ExpertTensors(experts: $0, layerPrefix: naming.layerPrefix, stored: stored, mainFile: mainFile)
        }
        let deltaNets = deltaNet.map { DeltaNetTensors(net: $0, layerPrefix: naming.layerPrefix, stored: stored) }
        let latents = latent.map {
            LatentTensors(
                sizes: $0, headCount: headCount, layerPrefix: naming.layerPrefix, stored: stored, mainFile: mainFile)
        }
        let grouped =
            naming.groupsHeads
            ? GroupedHeads(configuration: self, naming: naming, stored: stored, mainFile: mainFile) : nil
        for part in parts(ofLayers: 0..<layerCount) {
            for requirement in tensors(of: part) {
                let ofFeedForward = try mixtures?.find(requirement)
                let ofMixer = try (deltaNets?.find(requirement)).or(latents?.find(requirement))
                if let found = try ofFeedForward.or(ofMixer).or(grouped?.find(requirement)) {
                    result.tensors.append(found.tensor)
                    result.forms[requirement.name] = found.form
                    result.packed[requirement.name] = found.packed
                    used.formUnion(found.storedNames)
                    continue
                }
                let (name, isTransposed) = naming.stored(requirement.name)
                guard used.insert(name).inserted else { continue }  // a tied head
                guard let tensor = stored[name] else { throw .missingTensor(name, file: mainFile) }
                // Packed matrices are [outputs, inputs] whatever the family does.
                result.tensors.append(
                    try tensor.described(
                        as: requirement, isTransposed: isTransposed && tensor.packed == nil, mayBePacked: true))
                result.packed[requirement.name] = tensor.packed
            }
        }
        let unused = stored.keys.filter { name in
            name.hasPrefix(naming.layerPrefix) && !used.contains(name) && stored[name]?.isOptional != true
                && !naming.ignoredSuffixes.contains(where: name.hasSuffix)
                && !isOfPredictionLayer(name.dropFirst(naming.layerPrefix.utf8.count))
        }
        if let name = unused.min() {
            throw ModelFileError(
                .unsupported, file: mainFile, field: "tensor \(name)",
                "is in the file, but a \(architecture.name) model of \(layerCount) layers does not use it",
                hint: "the model is a variant that is not supported, or its configuration is wrong")
        }
        return result
    }

    /// Layers after the last that guess further tokens (DeepSeek V3); `name` begins with the layer's number.
    private func isOfPredictionLayer(_ name: Substring) -> Bool {
        guard architecture == .deepseek2, let layer = Int(name.prefix { $0 != "." }) else { return false }
        return layer >= layerCount
    }
}

extension StoredTensor {
    /// The tensor as one that a part requires; throws where type or shape do not fit. `mayBePacked`: the caller passes
    /// `packed` on; without it the bytes of the files would be taken for those of the tensor.
    func described(
        as requirement: TensorRequirement, isTransposed: Bool, mayBePacked: Bool = false
    ) throws(ModelFileError) -> TensorDescriptor {
        try requirePresence()
        guard packed == nil || mayBePacked else {
            throw ModelFileError(
                .unsupported, file: fileName, field: "tensor \(name)",
                "is quantized, and of this matrix only the form that is not is read",
                hint: "use a GGUF file of the model, or the model before quantization")
        }
        guard let type else {
            throw ModelFileError(
                .unsupported, file: fileName, field: "type of tensor \(name)", value: typeName,
                "is not supported (supported: \(TensorType.supportedNames))")
        }
        let isVector = requirement.rows == 1
        let expected =
            isTransposed ? [requirement.columns, requirement.rows] : [requirement.rows, requirement.columns]
        // The kernels of convolutions have a dimension of 1 between.
        let isKernel = shape.count == 3 && shape[1] == 1 && [shape[0], shape[2]] == expected
        guard shape == expected || isKernel || (isVector && shape == [requirement.columns]) else {
            throw ModelFileError(
                .mismatch, file: fileName, field: "shape of tensor \(name)", value: "\(shape)",
                "the configuration asks for \(isVector ? [requirement.columns] : expected)")
        }
        guard !(type.isQuantized && (isVector || isTransposed)) else {
            throw ModelFileError(
                .unsupported, file: fileName, field: "type of tensor \(name)", value: typeName,
                "only matrices can be quantized")
        }
        return TensorDescriptor(
            name: requirement.name, type: type, rows: requirement.rows, columns: requirement.columns,
            isTransposed: isTransposed, byteCount: byteCount, file: file, offset: offset)
    }
}
