// Responsible for: what a split may say.
// Must not know: workers.
import Sequences
import Testing

@testable import Node

@Suite("Layer split")
struct LayerSplitTests {
    @Test(
        "Ranges that follow each other are read",
        arguments: [
            ("0", [0..<1]), ("0-5", [0..<6]), ("0-3,4-11", [0..<4, 4..<12]), ("0,1,2-2", [0..<1, 1..<2, 2..<3]),
            ("0-1048574", [0..<1_048_575]),
        ])
    func good(text: String, ranges: [Range<Int>]) throws {
        #expect(try LayerSplit.parse(text) == ranges)
    }

    @Test(
        "Gaps, overlaps and a wrong beginning are refused with the layer that should follow",
        arguments: [("1-5", "0"), ("0-2,4-5", "3"), ("0-3,3-5", "4"), ("0-3,0-3", "4"), ("3-5,0-2", "0")])
    func order(text: String, expected: String) {
        let error = #expect(throws: TandemError.self) { try LayerSplit.parse(text) }
        #expect(error?.message.description.contains("layer \(expected) should follow") == true)
        #expect(error?.hint != nil)
    }

    @Test(
        "What is no range is refused and named",
        arguments: [
            "", ",", "0-3,", ",0-3", "a", "0-b", "0-", "-3", "0--3", "-1-3", "3-0", "0-1-2", "0 - 3", "0-3;4-5", "٣",
            "0-1048576", "0-99999999999999999999", "99999999999999999999", "0-9223372036854775807", "0x0-0x3", "0.0",
        ])
    func nonsense(text: String) {
        let error = #expect(throws: TandemError.self) { try LayerSplit.parse(text) }
        #expect(error?.message.description.contains("split") == true)
        #expect(error?.hint?.description.contains("0-3,4-11") == true)
    }

    @Test("A split must end with the model's last layer")
    func check() throws {
        try LayerSplit.check([0..<2, 2..<6], layerCount: 6)
        for ranges in [[0..<5], [0..<3, 3..<7], []] {
            let error = #expect(throws: TandemError.self) { try LayerSplit.check(ranges, layerCount: 6) }
            #expect(error?.hint == "cover the layers 0-5")
        }
    }

    @Test("A split that leaves layers out, repeats or reorders them is refused, also where its end is right")
    func middle() {
        for ranges in [[1..<6], [0..<2, 3..<6], [0..<4, 3..<6], [3..<6, 0..<6], [0..<3, 3..<3, 3..<6]] {
            let error = #expect(throws: TandemError.self) { try LayerSplit.check(ranges, layerCount: 6) }
            #expect(error?.message.description.contains("should follow") == true)
        }
    }
}
