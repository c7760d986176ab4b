// Philox against the known answers of its authors.

import Testing

@testable import Inference

@Suite("Philox")
struct PhiloxTests {
    @Test("Philox4x32-10 gives the known answers of Random123 (kat_vectors)")
    func knownAnswers() {
        #expect(
            Philox.words(counter: SIMD4(repeating: 0), key: SIMD2(repeating: 0))
                == SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
        #expect(
            Philox.words(counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
                == SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD))
        #expect(
            Philox.words(
                counter: SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344),
                key: SIMD2(0xA409_3822, 0x299F_31D0))
                == SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))
    }

    @Test("Uniform numbers lie in 0..<1, depend on seed and position, and are spread evenly")
    func uniform() {
        #expect(Philox.uniform(seed: 1, position: 2) == Philox.uniform(seed: 1, position: 2))
        #expect(Philox.uniform(seed: 1, position: 2) != Philox.uniform(seed: 2, position: 1))
        #expect(Philox.uniform(seed: 1, position: 2) != Philox.uniform(seed: 1 << 32 | 1, position: 2))
        var bins = [Int](repeating: 0, count: 10)
        for position in 0..<10_000 {
            let number = Philox.uniform(seed: .max, position: UInt64(position))
            #expect(number >= 0 && number < 1)
            bins[Int(number * 10)] += 1
        }
        #expect(bins.allSatisfy { (850...1150).contains($0) }, "\(bins)")
    }
}
