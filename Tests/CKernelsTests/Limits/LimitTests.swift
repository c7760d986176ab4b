// Whether the measurements of a machine's limits do all the work that they count.

import CKernels
import Testing

@Suite("Limits", .serialized)
struct LimitTests {
    @Test("Every level reads every word of memory once")
    func read() {
        let words = (0..<64 * 9).map { UInt64($0) &* 0x9e37_79b9_7f4a_7c15 }
        let expected = words.reduce(0, &+)
        for level in tk_level.available {
            let sum = level.forced { words.withUnsafeBytes { tk_limit_read($0.baseAddress, $0.count) } }
            #expect(sum == expected, "level \(level.rawValue)")
        }
        tk_set_level(tk_best_level())
    }

    @Test("The sum of products of ones grows with the steps, by whole vectors")
    func operations() {
        for level in tk_level.available {
            for operation in [tk_limit_int8, tk_limit_float] {
                let (one, many) = level.forced { (operation(1), operation(1000)) }
                #expect(one > 0 && one % 16 == 0, "level \(level.rawValue)")
                #expect(many == 1000 * one, "level \(level.rawValue)")
            }
        }
        tk_set_level(tk_best_level())
    }
}
