// How the file formats call the tensor types. Knows nothing else of them.

extension TensorType {
    /// Bytes of a tensor of any rank; nil as in `byteCount(rows:columns:)`.
    func byteCount(shape: [Int]) -> Int? {
        var rows = 1
        for length in shape.dropLast() {
            let (product, overflow) = rows.multipliedReportingOverflow(by: length)
            if overflow { return nil }
            rows = product
        }
        return byteCount(rows: rows, columns: shape.last ?? 1)
    }

    /// From a number of `ggml_type`; nil where not supported.
    init?(gguf number: UInt32) {
        switch number {
        case 0: self = .f32
        case 1: self = .f16
        case 2: self = .q4_0
        case 3: self = .q4_1
        case 6: self = .q5_0
        case 7: self = .q5_1
        case 8: self = .q8_0
        case 10: self = .q2_k
        case 11: self = .q3_k
        case 12: self = .q4_k
        case 13: self = .q5_k
        case 14: self = .q6_k
        case 20: self = .iq4_nl
        case 23: self = .iq4_xs
        case 30: self = .bf16
        case 39: self = .mxfp4
        default: return nil
        }
    }

    /// The number of its `ggml_type`.
    var ggufNumber: UInt32 {
        guard let number = Self.ggufNames.first(where: { $0.value == name })?.key else {
            preconditionFailure("\(name) has no number")
        }
        return number
    }

    /// The name of a `ggml_type`, supported or not.
    static func ggufName(_ number: UInt32) -> String { ggufNames[number] ?? "type number \(number)" }

    private static let ggufNames: [UInt32: String] = [
        0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K",
        12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
        20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64",
        29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
    ]

    /// From the `dtype` of a safetensors file; nil where not supported.
    init?(safetensors name: String) {
        switch name {
        case "F32": self = .f32
        case "F16": self = .f16
        case "BF16": self = .bf16
        default: return nil
        }
    }
}
