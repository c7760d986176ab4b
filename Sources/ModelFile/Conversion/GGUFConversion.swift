// What a GGUF file made of another model is to hold: fields, tensors, and where each tensor's content comes from.
// Knows no arithmetic; rules for types are QuantizationMix's.

import Sequences

/// A model on its way into a new GGUF file.
package struct GGUFConversion: Sendable {
    /// Where a tensor of the new file comes from.
    package enum Content: Sendable, Hashable {
        /// One tensor, or one of each expert, the first expert's first.
        case converted([TensorConversion])
        /// The factors by which a model's rotary frequencies are divided, as F32.
        case rotaryFactors(RotaryConfiguration)
        case numbers([Float])
    }

    package let writer: GGUFWriter
    /// One for each tensor of the writer.
    package let contents: [Content]
    /// Reads the tensors that are converted.
    package let source: any TensorSource
    /// Paths of the files that are read.
    package let inputs: [String]
    /// Bytes of all tensors before.
    package let inputBytes: Int
    /// Numbers in all tensors.
    package let parameters: Int
    /// Names of the tensors whose rows are no whole blocks of the type that the mix would have given them.
    package let fallbacks: [String]
    /// What of the model's files was guessed or left out: a sentence each.
    package private(set) var notices: [Sentence] = []
    /// Tensors that `source` cannot read, because they must be unpacked.
    package private(set) var packed = PackedTensors(files: [])

    /// Opens a GGUF file (of any architecture; any part of a split one) or a Hugging Face folder.
    ///
    /// A tensor that is quantized already can only change its type where `requantizing` allows it: it becomes worse
    /// than the same type made of the original.
    package init(path: String, mix: QuantizationMix, requantizing: Bool) throws(ModelFileError) {
        switch try Location(path: path) {
        case .gguf(let source, let folder):
            self = try GGUFModel(source, in: folder).conversion(mix, requantizing: requantizing)
        case .huggingFace(let folder, let weights):
            let model = try Model(HuggingFaceModel(folder), weights: weights)
            self = try model.conversion(mix, requantizing: requantizing)
            (notices, packed) = (model.notices, model.packed)
        }
    }

    init(
        fields: [GGUFField], entries: [(tensor: GGUFTensor, content: Content)], source: any TensorSource,
        inputs: [String], fallbacks: [String]
    ) {
        writer = GGUFWriter(fields: fields, tensors: entries.map(\.tensor))
        contents = entries.map(\.content)
        self.source = source
        self.inputs = inputs
        self.fallbacks = fallbacks
        var (bytes, numbers) = (0, 0)
        for case .converted(let parts) in contents {
            bytes += parts.reduce(0) { $0 + $1.source.byteCount / $1.source.rows * $1.target.rows }
            numbers += parts.reduce(0) { $0 + $1.target.rows * $1.target.columns }
        }
        (inputBytes, parameters) = (bytes, numbers)
    }
}

/// Chooses the conversion of each tensor and remembers which did not get what the mix wanted.
struct ConversionChoice {
    let mix: QuantizationMix
    let traits: QuantizationTraits
    private(set) var fallbacks: [String] = []

    init(mix: QuantizationMix, traits: QuantizationTraits) { (self.mix, self.traits) = (mix, traits) }

    /// `small`: the type of what the mix leaves alone; nil: its own.
    mutating func conversion(
        of tensor: TensorDescriptor, isMatrix: Bool, isExperts: Bool, small: TensorType?
    ) -> TensorConversion {
        let subject = QuantizationSubject(name: tensor.name, columns: tensor.columns, isExperts: isExperts)
        guard let choice = mix.type(for: subject, isMatrix: isMatrix, in: traits) else {
            return TensorConversion(tensor, to: small ?? tensor.type)
        }
        if choice.isFallback { fallbacks.append(tensor.name) }
        return TensorConversion(tensor, to: choice.type)
    }
}

extension GGUFModel {
    /// Every tensor and every field of the files, but for types and what they say about types and parts.
    fileprivate func conversion(
        _ mix: QuantizationMix, requantizing: Bool
    ) throws(ModelFileError) -> GGUFConversion {
        var choice = ConversionChoice(mix: mix, traits: try quantizationTraits())
        var entries: [(tensor: GGUFTensor, content: GGUFConversion.Content)] = []
        for stored in files.flatMap(\.tensors) {
            guard let type = stored.type else {
                throw ModelFileError(
                    .unsupported, file: stored.fileName, field: "type of tensor \(stored.name)",
                    value: stored.typeName, "is not supported (supported: \(TensorType.supportedNames))")
            }
            let columns = stored.shape.last ?? 1
            let rows = stored.shape.dropLast().reduce(1, *)
            let tensor = TensorDescriptor(
                name: stored.name, type: type, rows: rows, columns: columns, byteCount: stored.byteCount,
                file: stored.file, offset: stored.offset)
            let conversion = choice.conversion(
                of: tensor, isMatrix: rows > 1, isExperts: stored.shape.count > 2 && stored.shape[0] > 1, small: nil)
            guard conversion.isCopy || !type.isQuantized || requantizing else {
                throw ModelFileError(
                    .unsupported, file: stored.fileName, field: "type of tensor \(stored.name)", value: type.name,
                    "is quantized already, and quantizing it again loses more than the type alone",
                    hint: "convert the original model, or add \(.allowRequantize)")
            }
            let written = GGUFTensor(name: stored.name, type: conversion.target.type, shape: stored.shape)
            entries.append((written, .converted([conversion])))
        }
        return GGUFConversion(
            fields: try copiedFields() + GGUFField.fileFields(mix), entries: entries,
            source: TensorFiles(name: mainFile, files: files.map(\.source)), inputs: files.map(\.source.name),
            fallbacks: choice.fallbacks)
    }

    private func quantizationTraits() throws(ModelFileError) -> QuantizationTraits {
        let prefix = try metadata.string("general.architecture") ?? ""
        /// Some models have a list of numbers, one for each layer; the first non-zero one stands for all.
        func number(_ key: String) -> Int? {
            switch metadata.values["\(prefix).\(key)"] {
            case .integer(let value): return value
            case .numbers(let values):
                for index in 0..<values.count {
                    if case .integer(let value) = values[index], value > 0 { return value }
                }
                return nil
            default: return nil
            }
        }
        let heads = max(1, number("attention.head_count") ?? 1)
        return QuantizationTraits(
            layerCount: min(max(1, number("block_count") ?? 1), FileLimits.layers),
            queryGroup: heads / max(1, number("attention.head_count_kv") ?? heads),
            expertCount: number("expert_count") ?? 0, hasTiedEmbeddings: tensors["output.weight"] == nil)
    }

    private func copiedFields() throws(ModelFileError) -> [GGUFField] {
        let replaced = GGUFField.fileFields(.f32).map(\.key)
        var fields: [GGUFField] = []
        for place in metadata.places where !replaced.contains(place.key) && !place.key.hasPrefix("split.") {
            let bytes = try files[0].source.bytes(at: place.offset, count: place.byteCount)
            fields.append(GGUFField(key: place.key, encoded: bytes))
        }
        return fields
    }
}

extension GGUFField {
    /// What a file says about its types.
    static func fileFields(_ mix: QuantizationMix) -> [GGUFField] {
        [.uint32("general.quantization_version", 2), .uint32("general.file_type", mix.fileType)]
    }
}

extension ModelConfiguration {
    /// What the rules of mixes must know.
    package var quantizationTraits: QuantizationTraits {
        QuantizationTraits(
            layerCount: layerCount, queryGroup: headCount / max(1, keyValueHeadCount), expertCount: experts?.count ?? 0,
            hasTiedEmbeddings: hasTiedEmbeddings)
    }
}

extension Model {
    /// What becomes of each tensor where the model is quantized while it is loaded; small tensors stay as they are.
    /// Throws where a tensor that is quantized already would change.
    package func quantization(_ mix: QuantizationMix) throws(ModelFileError) -> [TensorConversion] {
        var choice = ConversionChoice(mix: mix, traits: configuration.quantizationTraits)
        var conversions: [TensorConversion] = []
        for tensor in exactTensors {
            if tensor.isTransposed, tensor.type.isQuantized {  // can be read, not moved
                conversions.append(TensorConversion(keeping: tensor))
                continue
            }
            let conversion = choice.conversion(
                of: tensor, isMatrix: tensor.rows > 1, isExperts: Experts.stackedName(of: tensor.name) != nil,
                small: nil)
            guard conversion.isCopy || !tensor.type.isQuantized else {
                throw ModelFileError(
                    .unsupported, file: name, field: "type of tensor \(tensor.name)", value: tensor.type.name,
                    "is quantized already, and quantizing it again would lose more than the type alone",
                    hint: tensor.type == .mxfp4
                        ? "use \(.quantization) mxfp4_moe, or leave it out"
                        : "leave \(.quantization) out, or use the original model (F32, F16 or BF16)")
            }
            conversions.append(conversion)
        }
        return conversions
    }
}
