// The types in which a whole model can be stored, by the names people use. Which tensor gets which type is in
// QuantizationMix+Rules.swift. Knows no arithmetic.

/// A way to store a model: one main type, and better ones for the tensors that suffer most from it.
package enum QuantizationMix: String, Sendable, Hashable, CaseIterable {
    case f32, f16, bf16
    case q8_0, q4_0, q4_1, q5_0, q5_1
    case q2_k
    case q3_k_s, q3_k_m, q3_k_l
    case q4_k_s, q4_k_m
    case q5_k_s, q5_k_m
    case q6_k
    case iq4_nl, iq4_xs
    /// Experts in MXFP4, everything else in Q8_0: for mixtures of experts.
    case mxfp4_moe

    /// From what a person wrote: upper or lower case, and the usual short forms of Q3_K_M, Q4_K_M, Q5_K_M and
    /// MXFP4_MOE. nil where there is no such type.
    package init?(name: String) {
        let name = name.lowercased()
        let shortForms: [String: QuantizationMix] = [
            "q3_k": .q3_k_m, "q4_k": .q4_k_m, "q5_k": .q5_k_m, "mxfp4": .mxfp4_moe,
        ]
        guard let mix = shortForms[name] ?? QuantizationMix(rawValue: name) else { return nil }
        self = mix
    }

    /// The names of all, for messages.
    package static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The type of every matrix that no rule names.
    package var mainType: TensorType {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        case .q8_0, .mxfp4_moe: .q8_0
        case .q4_0: .q4_0
        case .q4_1: .q4_1
        case .q5_0: .q5_0
        case .q5_1: .q5_1
        case .q2_k: .q2_k
        case .q3_k_s, .q3_k_m, .q3_k_l: .q3_k
        case .q4_k_s, .q4_k_m: .q4_k
        case .q5_k_s, .q5_k_m: .q5_k
        case .q6_k: .q6_k
        case .iq4_nl: .iq4_nl
        case .iq4_xs: .iq4_xs
        }
    }

    /// The number under "general.file_type" (llama.h, `llama_ftype`).
    package var fileType: Int {
        switch self {
        case .f32: 0
        case .f16: 1
        case .q4_0: 2
        case .q4_1: 3
        case .q8_0: 7
        case .q5_0: 8
        case .q5_1: 9
        case .q2_k: 10
        case .q3_k_s: 11
        case .q3_k_m: 12
        case .q3_k_l: 13
        case .q4_k_s: 14
        case .q4_k_m: 15
        case .q5_k_s: 16
        case .q5_k_m: 17
        case .q6_k: 18
        case .iq4_nl: 25
        case .iq4_xs: 30
        case .bf16: 32
        case .mxfp4_moe: 38
        }
    }
}
