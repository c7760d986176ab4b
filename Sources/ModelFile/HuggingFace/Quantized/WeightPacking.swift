// The methods by which the weights of a folder may be quantized, as its config.json names them. Knows nothing of tensors.

import Sequences

/// A method whose weights are read here, with what its configuration says of them.
enum WeightPacking {
    /// `groupSize` nil: one group for a row. `zeroAddend`: what is missing in stored zero points. `isMixed`: some
    /// matrices have other sizes, which their shapes tell.
    case gptq(bits: Int, groupSize: Int?, zeroAddend: Int, isMixed: Bool)
    case awq(groupSize: Int?)
    /// 8-bit floats, with scales of [rows, columns] where a block is given.
    case float8(block: Block)
    case compressedTensors(block: Block)
    case mlx(MLXPacking)

    /// What one scale belongs to.
    struct Block {
        var rows = 128
        var columns = 128
    }

    /// The method by the name that people know.
    var name: String {
        switch self {
        case .gptq(let bits, _, _, _): "GPTQ of \(bits) bits"
        case .awq: "AWQ of 4 bits"
        case .float8: "FP8"
        case .compressedTensors: "compressed-tensors"
        case .mlx(let packing): "MLX of \(packing.everywhere.bits) bits"
        }
    }
}

extension WeightPacking {
    /// What config.json, or the file that older tools put beside it, says; nil: weights are as they are. Throws for the
    /// methods that are not read. `isMXFP4`: the family is published in MXFP4, in a form that is read elsewhere.
    /// The other file is not used, with a sentence, where it cannot be read: plain weights do not need it.
    init?(
        _ settings: JSONObject, in folder: any ModelFolder, isMXFP4: Bool, notices: inout [Sentence]
    ) throws(ModelFileError) {
        // MLX's own field; what the model was before may still stand in the other.
        if case .object(let fields)? = settings.present("quantization") {
            try self.init(nil, fields, field: "quantization")
            return
        }
        if let value = settings.present("quantization_config") {
            guard case .object(let fields) = value else {
                throw settings.wrong("quantization_config", value, "an object")
            }
            let method = try? fields.string("quant_method")
            if isMXFP4, method == "mxfp4" { return nil }
            try self.init(method, fields, field: "quantization_config")
            return
        }
        for (name, method) in [("quantize_config.json", "gptq"), ("quant_config.json", "awq")] {
            let file = HuggingFaceModel.optionalJSON(name, in: folder, notices: &notices)
            guard let file, file.present("bits") != nil || file.present("w_bit") != nil else { continue }
            try self.init(method, file, field: name)
            return
        }
        return nil
    }

    private init(_ method: String?, _ fields: JSONObject, field: String) throws(ModelFileError) {
        switch method?.lowercased() {
        case "gptq": self = try Self.gptq(fields, field)
        case "awq": self = try Self.awq(fields, field)
        case "fp8", "fbgemm_fp8": self = .float8(block: try Self.block(fields, "weight_block_size"))
        case "compressed-tensors": self = try Self.compressedTensors(fields, field)
        case nil where fields.present("group_size") != nil && fields.present("bits") != nil:
            self = .mlx(try MLXPacking(fields))  // which names no method
        default: throw Self.refusal(fields, field, Self.name(method, fields))
        }
    }

    /// `GPTQConfig` of transformers, `QuantizeConfig` of GPTQModel and AutoGPTQ.
    private static func gptq(_ fields: JSONObject, _ field: String) throws(ModelFileError) -> WeightPacking {
        let bits = try fields.required("bits", fields.integer("bits"))
        guard [2, 3, 4, 8].contains(bits) else { throw refusal(fields, field, "GPTQ of \(bits) bits") }
        let format = try fields.string("checkpoint_format") ?? "gptq"
        let isMarlin = try fields.bool("is_marlin_format") ?? false
        guard ["gptq", "gptq_v2"].contains(format), !isMarlin else {
            throw refusal(fields, field, "GPTQ in the form \(isMarlin ? "marlin" : format)")
        }
        var isMixed = false
        if case .object(let rules)? = fields.present("dynamic") { isMixed = !rules.members.isEmpty }
        return .gptq(
            bits: bits, groupSize: try groupSize(fields, "group_size"), zeroAddend: format == "gptq" ? 1 : 0,
            isMixed: isMixed)
    }

    /// `AwqConfig` of transformers, and the quant_config.json of older tools.
    private static func awq(_ fields: JSONObject, _ field: String) throws(ModelFileError) -> WeightPacking {
        let bits = try fields.integer("bits").or(fields.integer("w_bit")) ?? 4
        let version = try fields.string("version") ?? "gemm"
        guard bits == 4, version.lowercased() == "gemm" else {
            throw refusal(fields, field, "AWQ of \(bits) bits in the form \(version)")
        }
        return .awq(groupSize: try groupSize(fields, "group_size").or(groupSize(fields, "q_group_size")))
    }

    /// nil: one group for a row, which is written -1.
    private static func groupSize(_ fields: JSONObject, _ name: String) throws(ModelFileError) -> Int? {
        guard let size = try fields.integer(name), size != -1 else { return nil }
        guard (1...FileLimits.feedForwardLength).contains(size) else {
            throw ModelFileError(
                .invalidValue, file: fields.file, field: name, value: size, "must be -1 or the size of a group")
        }
        return size
    }

    /// [rows, columns].
    private static func block(_ fields: JSONObject, _ name: String) throws(ModelFileError) -> Block {
        guard let sizes = try fields.array(name) else { return Block() }
        guard case (.integer(let rows), .integer(let columns))? = sizes.pair, rows >= 1, columns >= 1,
            max(rows, columns) <= FileLimits.feedForwardLength
        else {
            throw ModelFileError(
                .invalidValue, file: fields.file, field: name, "must be two sizes of at least 1")
        }
        return Block(rows: rows, columns: columns)
    }

    private static let compressedFormats = [
        "pack-quantized", "int-quantized", "float-quantized", "naive-quantized", "dense", "mixed-precision",
    ]

    /// `QuantizationConfig` of the library compressed-tensors. Which matrices are quantized, and how, their tensors tell.
    private static func compressedTensors(
        _ fields: JSONObject, _ field: String
    ) throws(ModelFileError) -> WeightPacking {
        func check(_ fields: JSONObject, _ name: String) throws(ModelFileError) {
            guard let format = try fields.string(name), !compressedFormats.contains(format) else { return }
            throw refusal(fields, field, "compressed-tensors (\(ModelFileError.printable(format, limit: 40)))")
        }
        try check(fields, "format")
        if let sparsity = try fields.object("sparsity_config"), !sparsity.members.isEmpty {
            try check(sparsity, "format")
        }
        if let transforms = try fields.object("transform_config"), !transforms.members.isEmpty {
            throw refusal(fields, field, "compressed-tensors with rotated activations (transform_config)")
        }
        var block = Block()
        for group in try fields.object("config_groups")?.members.map(\.value) ?? [] {
            guard case .object(let group) = group else { continue }
            try check(group, "format")
            guard let weights = try group.object("weights"), case .array? = weights.present("block_structure") else {
                continue
            }
            block = try Self.block(weights, "block_structure")
        }
        return .compressedTensors(block: block)
    }

    // MARK: What is refused

    static func refusal(_ fields: JSONObject, _ field: String, _ method: String) -> ModelFileError {
        ModelFileError(
            .unsupported, file: fields.file, field: field,
            "the weights are quantized by \(method), which is not supported (of safetensors, these are: \(supported))",
            hint: "use a GGUF file of type Q8_0 or Q4_0, or the model before quantization")
    }

    private static let supported = "FP8, compressed-tensors, GPTQ, AWQ, MLX, and gpt-oss in MXFP4"

    private static func name(_ method: String?, _ fields: JSONObject) -> String {
        let known = [
            "mxfp4": "MXFP4", "bitsandbytes": "bitsandbytes", "modelopt": "ModelOpt", "hqq": "HQQ", "aqlm": "AQLM",
            "quark": "Quark", "torchao": "TorchAO", "eetq": "EETQ", "exl2": "EXL2", "exl3": "EXL3", "gguf": "GGUF",
            "auto-round": "AutoRound", "quanto": "Quanto", "spqr": "SpQR", "vptq": "VPTQ", "bitnet": "BitNet",
            "higgs": "HIGGS", "fp_quant": "FP-Quant",
        ]
        let name = method.map { known[$0.lowercased()] ?? ModelFileError.printable($0, limit: 40) }
        return (name ?? "a method that is not named") + bits(fields)
    }

    /// " of 4 bits".
    private static func bits(_ fields: JSONObject) -> String {
        guard let bits = try? fields.integer("bits") else { return "" }
        return " of \(bits) bits"
    }
}
