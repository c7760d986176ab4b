// Rotary frequencies and their scaling, against the formulas in plain arithmetic.

import Foundation
import ModelFile
import Testing

@testable import Inference

@Suite("Rotary positions")
struct RotaryTableTests {
    static func table(_ scaling: RotaryConfiguration.Scaling) throws -> RotaryTable {
        try RotaryTable(
            RotaryConfiguration(base: 500_000, dimensions: 64, pairing: .halves, scaling: scaling))
    }

    @Test("Frequencies fall from 1 by equal ratios")
    func plain() throws {
        let frequencies = try Self.table(.none).frequencies(length: 1)
        #expect(frequencies.count == 32 && frequencies[0] == 1)
        for (index, frequency) in frequencies.enumerated() {
            let expected = pow(500_000, -Double(index) / 32)
            #expect(abs(Double(frequency) / expected - 1) < 2e-7)
        }
    }

    @Test("Llama 3 scaling keeps high frequencies, divides low ones and blends between")
    func llama3() throws {
        let plain = try Self.table(.none).frequencies(length: 1)
        let scaled = try Self.table(
            .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192)
        ).frequencies(length: 1)
        var kinds: Set<String> = []
        for (plain, scaled) in zip(plain, scaled) {
            let turns = 8192 * Double(plain) / (2 * .pi)
            let kept = min(1, max(0, (turns - 1) / 3))
            let expected = Double(plain) * (kept + (1 - kept) / 8)
            #expect(abs(Double(scaled) / expected - 1) < 1e-6)
            kinds.insert(kept == 1 ? "kept" : kept == 0 ? "divided" : "blended")
        }
        #expect(kinds.count == 3)
    }

    @Test("A linear factor and a list of factors divide")
    func factors() throws {
        let plain = try Self.table(.none).frequencies(length: 1)
        #expect(try Self.table(.linear(factor: 4)).frequencies(length: 1) == plain.map { $0 / 4 })
        let factors = (0..<32).map { Float($0 + 1) }
        #expect(try Self.table(.factors(factors)).frequencies(length: 1) == zip(plain, factors).map { $0 / $1 })
        #expect(throws: InferenceError.self) { try Self.table(.factors([1])) }
    }
}
