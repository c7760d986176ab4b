// How keys and values are kept.
//
// Responsible for: the types there are, by name.
// Must not know: what is computed with them, who chooses.

import CKernels

/// The element type of the KV cache. Answers depend on it, so all stages of a model use the same.
package enum KeyValueType: String, Sendable, CaseIterable {
    /// 4 bytes an element: exact.
    case f32
    /// 2 bytes an element.
    case f16
    /// 34 bytes for 32 elements: int8 with an f16 scale.
    case q8_0

    /// The kernels' name of this type.
    package var kernelType: tk_kv_type {
        switch self {
        case .f32: TK_KV_F32
        case .f16: TK_KV_F16
        case .q8_0: TK_KV_Q8_0
        }
    }
}
