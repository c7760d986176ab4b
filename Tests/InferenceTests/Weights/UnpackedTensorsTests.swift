// Quantized folders that are spoiled, and ranges of tensors that are made while they are read.
//
// Responsible for: refusals by name, bounded memory, the same bytes whichever range is read.
// Must not know: what the values are (PackedReferenceTests).

import Foundation
import Sequences
import Testing

@testable import Inference
@testable import ModelFile

@Suite("Tensors of quantized folders")
struct UnpackedTensorsTests {
    @Test(
        "Any range of bytes is that of the whole",
        arguments: ["gptq-asymmetric", "awq", "mlx", "fp8-block", "gptq-order"])
    func ranges(name: String) throws {
        let model = try PackedFolder(name).model()
        for tensor in model.tensors where model.packed.byName[tensor.name] != nil {
            let whole = try PackedFolder.bytes(of: tensor, 0..<tensor.byteCount, model)
            func draw(_ place: Int) -> Int {
                Int(SplitMix64.number(at: UInt64(place)) % UInt64(tensor.byteCount + 1))
            }
            for place in 0..<20 {
                let (first, second) = (draw(2 * place), draw(2 * place + 1))
                let range = min(first, second)..<max(first, second)
                #expect(try PackedFolder.bytes(of: tensor, range, model) == Array(whole[range]))
            }
        }
        var stranger = try #require(model.tensors.first { model.packed.byName[$0.name] != nil })
        stranger.rows += 1
        #expect(throws: ModelFileError.self) { try PackedFolder.bytes(of: stranger, 0..<1, model) }
    }

    /// What is changed, in which folder, and what the refusal must name.
    struct Spoiled: CustomTestStringConvertible {
        var folder: String
        var what: String
        var names: String
        var change: @Sendable (inout PackedFolder) throws -> Void
        var testDescription: String { "\(folder): \(what)" }
    }

    private static let gate = "model.layers.0.mlp.gate_proj"

    static let spoiled: [Spoiled] = [
        .init(folder: "gptq", what: "no zero points", names: "\(gate).qzeros") { $0.tensors["\(gate).qzeros"] = nil },
        .init(folder: "gptq", what: "no scales", names: "\(gate).scales") { $0.tensors["\(gate).scales"] = nil },
        .init(folder: "gptq", what: "scales of another shape", names: "\(gate).scales") {
            $0.tensors["\(gate).scales"]?.shape = [1, 192]
        },
        .init(folder: "gptq", what: "another size of groups", names: ".scales") {
            try $0.set("group_size", 16)
        },
        .init(folder: "gptq", what: "other bits", names: ".scales") { try $0.set("bits", 8) },
        .init(folder: "gptq", what: "an infinite scale", names: "\(gate).scales") {
            $0.tensors["\(gate).scales"]?.data.replaceSubrange(6..<8, with: [0, 0x7C])
        },
        .init(folder: "gptq", what: "a scale that is no number", names: "\(gate).scales") {
            $0.tensors["\(gate).scales"]?.data.replaceSubrange(6..<8, with: [1, 0xFE])
        },
        .init(folder: "gptq", what: "a group that is not there", names: "\(gate).g_idx") {
            $0.tensors["\(gate).g_idx"]?.data[0] = 2
        },
        .init(folder: "gptq", what: "a negative group", names: "\(gate).g_idx") {
            $0.tensors["\(gate).g_idx"]?.data.replaceSubrange(0..<4, with: [255, 255, 255, 255])
        },
        .init(folder: "gptq", what: "codes of another type", names: "\(gate).qweight") {
            $0.tensors["\(gate).qweight"]?.type = "F32"
        },
        .init(folder: "gptq", what: "a huge shape", names: "\(gate).qweight") {
            $0.tensors["\(gate).qweight"]?.type = "I64"
            $0.tensors["\(gate).qweight"]?.shape = [1 << 32, 1 << 32]
        },
        .init(folder: "gptq", what: "a bias that is not zero", names: "\(gate).bias") {
            $0.tensors["\(gate).bias"]?.data[1] = 1
        },
        .init(folder: "awq", what: "zero points of another shape", names: "\(gate).qzeros") {
            $0.tensors["\(gate).qzeros"]?.shape = [3, 8]
        },
        .init(folder: "awq", what: "another size of groups", names: ".scales") { try $0.set("group_size", 64) },
        .init(folder: "mlx", what: "no biases", names: "\(gate).biases") { $0.tensors["\(gate).biases"] = nil },
        .init(folder: "mlx", what: "another size of groups", names: ".scales") { try $0.set("group_size", 16) },
        .init(folder: "mlx", what: "a group of 0", names: "group_size") { try $0.set("group_size", 0) },
        .init(folder: "mlx", what: "an infinite bias", names: "\(gate).biases") {
            $0.tensors["\(gate).biases"]?.data.replaceSubrange(0..<2, with: [0x80, 0x7F])
        },
        .init(folder: "mlx-experts", what: "experts of another number", names: "switch_mlp.up_proj.scales") {
            $0.tensors["model.layers.0.mlp.switch_mlp.up_proj.scales"]?.shape = [2, 64, 2]
        },
        .init(folder: "fp8-block", what: "no scales", names: "\(gate).weight_scale") {
            $0.tensors["\(gate).weight_scale_inv"] = nil
        },
        .init(folder: "fp8-block", what: "another size of blocks", names: ".weight_scale_inv") {
            try $0.set("weight_block_size", [64, 64])
        },
        .init(folder: "fp8-block", what: "blocks of 0", names: "weight_block_size") {
            try $0.set("weight_block_size", [0, 64])
        },
        .init(folder: "compressed-int4", what: "another weight_shape", names: "\(gate).weight_packed") {
            $0.tensors["\(gate).weight_shape"]?.data[8] = 65
        },
        .init(folder: "compressed-int4", what: "no weight_shape", names: "\(gate).weight_shape") {
            $0.tensors["\(gate).weight_shape"] = nil
        },
        .init(folder: "compressed-int8", what: "scales of another shape", names: "\(gate).weight_scale") {
            $0.tensors["\(gate).weight_scale"]?.shape = [48, 2]
        },
        .init(folder: "compressed-order", what: "a group that is not there", names: "\(gate).weight_g_idx") {
            $0.tensors["\(gate).weight_g_idx"]?.data[1] = 1
        },
    ]

    @Test("A spoiled folder is refused by a sentence that names the tensor", arguments: spoiled)
    func refusals(_ one: Spoiled) throws {
        var folder = try PackedFolder(one.folder)
        try one.change(&folder)
        do {
            _ = try folder.model()
            Issue.record("it opened")
        } catch let error as ModelFileError {
            #expect(error.description.contains(one.names), "\(error)")
        }
    }

    @Test("Who takes the bytes of a file for those of a matrix is refused a packed one")
    func packedAsPlain() throws {
        let packed = try #require(PackedFolder("gptq").model().packed.byName["blk.0.ffn_up.weight"])
        let tensor = StoredTensor(
            name: "up", typeName: "Q4_0", type: .q4_0, shape: [96, 64], fileName: "f", file: 0, offset: 0,
            byteCount: 96 * 36, packed: packed)
        let requirement = TensorRequirement(name: "blk.0.ffn_up.weight", rows: 96, columns: 64)
        let error = #expect(throws: ModelFileError.self) { try tensor.described(as: requirement, isTransposed: false) }
        #expect(error?.field == "tensor up")
        #expect(try tensor.described(as: requirement, isTransposed: false, mayBePacked: true).type == .q4_0)
    }

    @Test("A code that is no number is refused when its row is read; scales of 0 are not")
    func badCodes() throws {
        var folder = try PackedFolder("fp8-block")
        folder.tensors["\(Self.gate).weight"]?.data[70] = 0x7F
        let model = try folder.model()
        let tensor = try #require(model.tensors.first { $0.name == "blk.0.ffn_gate.weight" })
        let error = #expect(throws: ModelFileError.self) {
            try PackedFolder.bytes(of: tensor, 0..<tensor.byteCount, model)
        }
        #expect(error?.description.contains("\(Self.gate).weight") == true)
        folder = try PackedFolder("gptq")
        let name = "\(Self.gate).scales"
        let count = folder.tensors[name]?.data.count ?? 0
        folder.tensors[name]?.data = [UInt8](repeating: 0, count: count)
        #expect(try PackedFolder.readAll(of: folder.model()) > 0)
    }

    @Test("2,000 spoiled folders open or are refused, in bounded memory")
    func mutations() async {
        await #expect(processExitsWith: .success) {
            let before = try PackedMutations.peakMemoryBytes()
            let counts = try PackedMutations.run(2000)
            let growth = try PackedMutations.peakMemoryBytes() - before
            try #require(counts.opened > 100 && counts.refused > 500, "\(counts)")
            try #require(growth < 64 << 20, "\(growth) bytes")
        }
    }
}

/// Spoils folders from seeds.
enum PackedMutations {
    static func run(_ count: Int) throws -> (opened: Int, refused: Int) {
        let folders = try PackedReferenceTests.cases.map { try PackedFolder($0.name) }
        var counts = (opened: 0, refused: 0)
        for seed in 0..<UInt64(count) {
            var place = seed << 20
            func below(_ limit: Int) -> Int {
                place += 1
                return Int(SplitMix64.number(at: place) % UInt64(max(1, limit)))
            }
            var folder = folders[below(folders.count)]
            for _ in 0...below(2) { try folder.spoil(below) }
            do {
                _ = try PackedFolder.readAll(of: folder.model())
                counts.opened += 1
            } catch let error as ModelFileError {
                counts.refused += 1
                try #require(!error.description.isEmpty)
            }
        }
        return counts
    }

    /// The largest address space that this process has had.
    static func peakMemoryBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmPeak:") })
        return try #require(Int(line.filter(\.isNumber))) * 1024
    }
}
