// The metadata of families with gated delta nets, read and written. Key names: llama.cpp's src/llama-arch.cpp and its
// src/models/qwen35.cpp.

import Sequences

extension GGUFModel {
    /// Qwen3.5 and Qwen3-Next. The norms' weights of these files have 1 added already.
    func qwen35(_ keys: GGUFKeys, _ architecture: Architecture) throws(ModelFileError) -> ModelConfiguration {
        var configuration = try llamaLike(keys)
        configuration.setQwen35(architecture)
        configuration.layerCount -= try predictionLayers(keys)
        let valueHeads = try keys.integer("ssm.time_step_rank")
        let valueLength = try keys.integer("ssm.inner_size")
        guard valueHeads >= 1, valueLength % valueHeads == 0 else {
            throw ModelFileError(
                .mismatch, file: mainFile, field: keys.prefix + "ssm.inner_size", value: valueLength,
                "must be a multiple of the value heads, ssm.time_step_rank: \(valueHeads)")
        }
        configuration.deltaNet = DeltaNet(
            keyHeadCount: try keys.integer("ssm.group_count"), valueHeadCount: valueHeads,
            keySize: try keys.integer("ssm.state_size"), valueSize: valueLength / valueHeads,
            convolutionLength: try keys.integer("ssm.conv_kernel"),
            headOrder: architecture == .qwen3next ? .grouped : .inTurn,
            hasLogarithmicRates: false,
            layers: try ModelConfiguration.layers(configuration.layerCount, file: mainFile) {
                tensors["blk.\($0).ssm_a"] != nil
            })
        if try keys.optional("expert_count") ?? 0 != 0 { configuration.experts = try experts(keys, of: configuration) }
        return configuration
    }

    /// Layers after the model's own that only guess further tokens: nobody needs them.
    private func predictionLayers(_ keys: GGUFKeys) throws(ModelFileError) -> Int {
        let key = "nextn_predict_layers"
        let count = try keys.optional(key) ?? 0
        guard count >= 0, try count < keys.integer("block_count") else {
            throw ModelFileError(
                .invalidValue, file: mainFile, field: keys.prefix + key, value: count,
                "must be fewer than all layers, block_count")
        }
        return count
    }

    /// The tensors without those of layers that only guess further tokens.
    func tensors(for configuration: ModelConfiguration) -> [String: StoredTensor] {
        let keys = GGUFKeys(metadata: metadata, prefix: configuration.architecture.name + ".")
        guard configuration.deltaNet != nil, let all = try? keys.optional("block_count"),
            all > configuration.layerCount
        else { return tensors }
        return tensors.filter { name, _ in
            let pieces = name.split(separator: ".", maxSplits: 2)
            guard pieces.count == 3, pieces[0] == "blk", let layer = Int(pieces[1]) else { return true }
            return layer < configuration.layerCount || layer >= all
        }
    }
}

extension RotaryConfiguration {
    /// The pairs that turn by time, by height and by width, where text turns all alike.
    func ggufSections(_ prefix: String) -> GGUFField {
        let pairs = dimensions / 2
        let (height, width) = ((pairs + 1) / 3, pairs / 3)
        return .int32s(
            prefix + "rope.dimension_sections", [Int32(pairs - height - width), Int32(height), Int32(width), 0])
    }
}

extension DeltaNet {
    /// The fields of a file that llama.cpp reads.
    func ggufFields(_ prefix: String) throws(ModelFileError) -> [GGUFField] {
        guard keySize == valueSize else {
            throw ModelFileError(
                .unsupported, file: "model configuration", field: "delta net value size", value: valueSize,
                "cannot be written into a GGUF file, where it is that of keys, \(keySize)",
                hint: "use the folder itself, with \(.quantization)")
        }
        let interval = (layers.firstIndex(of: false) ?? layers.count) + 1
        let isRegular = layers.indices.allSatisfy { layers[$0] == (($0 + 1) % interval != 0) }
        return [
            .uint32(prefix + "ssm.conv_kernel", convolutionLength), .uint32(prefix + "ssm.state_size", keySize),
            .uint32(prefix + "ssm.group_count", keyHeadCount), .uint32(prefix + "ssm.time_step_rank", valueHeadCount),
            .uint32(prefix + "ssm.inner_size", valueLength),
            isRegular
                ? .uint32(prefix + "full_attention_interval", interval)
                : .bools(prefix + "attention.recurrent_layers", layers),
        ]
    }
}
