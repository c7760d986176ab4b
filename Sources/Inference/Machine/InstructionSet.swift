// Responsible for: naming the instruction sets that kernels have a variant for, and choosing one.
// Must not know: who asks.

import CKernels

/// The kernels' variants.
package enum InstructionSet: String, Sendable, CaseIterable {
    case portable
    case avx2
    case avxVNNI = "avx-vnni"
    case avx512
    case avx512VNNI = "avx512-vnni"

    /// The name of the variant in use: "avx512-vnni", "avx512", "avx-vnni", "avx2" or "portable".
    package static var current: String {
        let level = tk_current_level()
        return (allCases.first { $0.level == level } ?? .portable).rawValue
    }

    /// This processor can run it.
    package var isSupported: Bool { tk_supports_level(level) != 0 }

    /// Kernels that begin from now on use this variant. False: the processor lacks it, and nothing has changed.
    package func use() -> Bool { tk_set_level(level) == 0 }

    private var level: tk_level {
        switch self {
        case .portable: TK_LEVEL_PORTABLE
        case .avx2: TK_LEVEL_AVX2
        case .avxVNNI: TK_LEVEL_AVX_VNNI
        case .avx512: TK_LEVEL_AVX512
        case .avx512VNNI: TK_LEVEL_AVX512_VNNI
        }
    }
}
