// A model from a Hugging Face folder as the GGUF file that llama.cpp reads: its tensors. The fields are in
// ModelConfiguration+GGUF.swift and TokenizerDescription+GGUF.swift. Knows no arithmetic.

import Sequences

extension Model {
    /// Every tensor under its canonical name, which is GGUF's. Matrices get the types of the mix, all else becomes F32.
    func conversion(_ mix: QuantizationMix, requantizing: Bool) throws(ModelFileError) -> GGUFConversion {
        var choice = ConversionChoice(mix: mix, traits: configuration.quantizationTraits)
        var entries: [(tensor: GGUFTensor, content: GGUFConversion.Content)] = []
        var stacks: [String: Int] = [:]
        for tensor in exactTensors {
            let stackedName = Experts.stackedName(of: tensor.name)
            var conversion = choice.conversion(
                of: tensor, isMatrix: tensor.rows > 1, isExperts: stackedName != nil, small: .f32)
            if tensor.type.isQuantized, !conversion.isCopy {
                // Experts of gpt-oss, which come in MXFP4: a file of floats keeps them so, as llama.cpp's does.
                if !mix.mainType.isQuantized { conversion = TensorConversion(tensor, to: tensor.type) }
                guard conversion.isCopy || requantizing else { throw Self.quantizedAlready(tensor, file: name) }
            }
            conversion.rowOrder = configuration.ggufRowOrder(of: tensor.name)
            conversion.addend = tensor.name.hasOffset ? configuration.normWeightOffset : 0
            configuration.deltaNet(of: tensor.name)?.adapt(&conversion, for: configuration.architecture)
            var written = GGUFTensor(
                name: TensorNaming.gguf(configuration.architecture).stored(tensor.name).name,
                type: conversion.target.type,
                shape: tensor.rows > 1 ? [tensor.rows, tensor.columns] : [tensor.columns])
            guard let stackedName else {
                entries.append((written, .converted([conversion])))
                continue
            }
            if let index = stacks[stackedName], case .converted(let parts) = entries[index].content {
                entries[index].content = .converted(parts + [conversion])
                entries[index].tensor.shape[0] += 1
            } else {
                stacks[stackedName] = entries.count
                (written.name, written.shape) = (stackedName, [1, tensor.rows, tensor.columns])
                entries.append((written, .converted([conversion])))
            }
        }
        if configuration.architecture == .qwen3next, let net = configuration.deltaNet {
            entries = net.fusingRates(entries)
        }
        entries += configuration.ggufRotaryTensors
        var fields = try configuration.ggufFields(name: name) + GGUFField.fileFields(mix)
        fields += generation.sampling.ggufFields
        if let tokenizer {
            fields += try tokenizer.ggufFields(
                file: name, vocabularySize: configuration.vocabularySize, generation: generation)
        } else {
            fields.append(.string("tokenizer.ggml.model", "no_vocab"))
        }
        if let chatTemplate { fields.append(.string("tokenizer.chat_template", chatTemplate)) }
        if let toolTemplate { fields.append(.string("tokenizer.chat_template.tool_use", toolTemplate)) }
        return GGUFConversion(
            fields: fields, entries: entries, source: self, inputs: fileNames,
            fallbacks: choice.fallbacks)
    }
}

extension Model {
    private static func quantizedAlready(_ tensor: TensorDescriptor, file: String) -> ModelFileError {
        ModelFileError(
            .unsupported, file: file, field: "type of tensor \(tensor.name)", value: tensor.type.name,
            "is quantized already, and quantizing it again loses more than the type alone",
            hint: tensor.type == .mxfp4
                ? "use \(.type) mxfp4_moe, or add \(.allowRequantize)" : "add \(.allowRequantize)")
    }
}

extension String {
    /// The weights of a norm that `ModelConfiguration.normWeightOffset` is added to.
    fileprivate var hasOffset: Bool { hasSuffix("_norm.weight") && !hasSuffix("ssm_norm.weight") }
}

extension ModelConfiguration {
    /// The delta net of the layer that a tensor stands in; nil where that has none.
    fileprivate func deltaNet(of name: String) -> DeltaNet? {
        let pieces = name.split(separator: ".", maxSplits: 2)
        guard pieces.count == 3, pieces[0] == "blk", let layer = Int(pieces[1]), layer < layerCount else { return nil }
        return deltaNet(layer: layer)
    }

    /// GGUF files of Llama, and of what llama.cpp's converter makes as it, pair neighbouring elements of queries and
    /// keys; those of all other families keep the order of Hugging Face.
    private var pairsNeighbours: Bool {
        [.llama, .internlm2, .smollm3, .granite, .granitemoe, .mistral3].contains(architecture)
    }

    fileprivate func ggufRowOrder(of name: String) -> TensorConversion.RowOrder {
        let isTurned = [".attn_q.weight", ".attn_q.bias", ".attn_k.weight", ".attn_k.bias"].contains(
            where: name.hasSuffix)
        guard pairsNeighbours, isTurned, case .rotary(let rotary) = positions, rotary.pairing == .halves else {
            return .same
        }
        return .interleavedHalves(headSize: headSize, dimensions: rotary.dimensions)
    }

    /// Scaling that is written as the factors by which frequencies are divided.
    fileprivate var ggufRotaryTensors: [(tensor: GGUFTensor, content: GGUFConversion.Content)] {
        guard case .rotary(let rotary) = positions else { return [] }
        func entry(
            _ name: String, _ content: GGUFConversion.Content
        ) -> (tensor: GGUFTensor, content: GGUFConversion.Content) {
            (GGUFTensor(name: name, type: .f32, shape: [rotary.dimensions / 2]), content)
        }
        switch rotary.scaling {
        case .none, .linear, .dynamic, .yarn: return []
        case .llama3: return [entry("rope_freqs.weight", .rotaryFactors(rotary))]
        case .factors(let factors): return [entry("rope_freqs.weight", .numbers(factors))]
        case .longrope(let longRope):
            return [
                entry("rope_factors_long.weight", .numbers(longRope.longFactors)),
                entry("rope_factors_short.weight", .numbers(longRope.shortFactors)),
            ]
        }
    }
}

extension Experts {
    /// The name of the tensor in which a GGUF file stacks the matrices of all experts (or of all heads of latent
    /// attention), for that of one; nil for others.
    package static func stackedName(of name: String) -> String? {
        let pieces = name.split(separator: ".")  // blk.3.ffn_gate.5.weight
        guard pieces.count == 5, Int(pieces[3]) != nil else { return nil }
        let ending = LatentSizes.Matrix(rawValue: String(pieces[2])) == nil ? "_exps" : ""
        return "\(pieces[0]).\(pieces[1]).\(pieces[2])\(ending).\(pieces[4])"
    }
}
