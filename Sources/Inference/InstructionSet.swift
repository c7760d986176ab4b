// Responsible for: naming the instruction set whose kernels are in use.
// Must not know: who asks.

import CKernels

/// The kernels' variant in use on this machine.
package enum InstructionSet {
    /// "avx512-vnni", "avx512", "avx-vnni", "avx2" or "portable".
    package static var current: String {
        switch tk_current_level() {
        case TK_LEVEL_AVX512_VNNI: "avx512-vnni"
        case TK_LEVEL_AVX512: "avx512"
        case TK_LEVEL_AVX_VNNI: "avx-vnni"
        case TK_LEVEL_AVX2: "avx2"
        default: "portable"
        }
    }
}
