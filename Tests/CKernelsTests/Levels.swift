// Running one computation on every instruction set and comparing the results bit for bit.
// Must not know: what is computed.

import CKernels
import Testing

extension tk_level {
    /// Every level this processor can run, the portable one first.
    static var available: [tk_level] { all.filter { tk_supports_level($0) != 0 } }

    /// Every level there is.
    static let all = [TK_LEVEL_PORTABLE, TK_LEVEL_AVX2, TK_LEVEL_AVX_VNNI, TK_LEVEL_AVX512, TK_LEVEL_AVX512_VNNI]

    /// Computes with this level forced. Should another suite force a level meanwhile, computes again.
    func forced<Value>(_ compute: () -> Value) -> Value {
        while true {
            precondition(tk_set_level(self) == 0)
            let value = compute()
            if tk_current_level() == self { return value }
        }
    }
}

/// Equal bits, or both NaN.
func identical(_ a: Float, _ b: Float) -> Bool {
    a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN)
}

/// Expects that every level computes what the portable level does.
func expectEqualOnAllLevels(
    _ what: @autoclosure () -> String, sourceLocation: SourceLocation = #_sourceLocation, _ compute: () -> [Float]
) {
    let expected = TK_LEVEL_PORTABLE.forced(compute)
    for level in tk_level.available.dropFirst() {
        let actual = level.forced(compute)
        let difference = zip(expected, actual).enumerated().first { !identical($1.0, $1.1) }
        guard let difference else { continue }
        Issue.record(
            "\(what()), level \(level.rawValue): element \(difference.offset) is \(difference.element)",
            sourceLocation: sourceLocation)
    }
    tk_set_level(tk_best_level())
}

extension Double {
    /// Its bits as four numbers: equal where it is.
    var quarters: [Float] { (0..<4).map { Float(bitPattern >> (16 * UInt64($0)) & 0xffff) } }
}
