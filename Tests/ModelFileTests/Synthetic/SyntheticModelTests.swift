// Synthetic models: the same bytes however they are read, sane values, and GGUF files that are read back.

import Foundation
import Testing

@testable import ModelFile

@Suite("Synthetic models")
struct SyntheticModelTests {
    @Test("Any range of a tensor holds the same bytes as the whole", arguments: TensorType.allCases)
    func ranges(type: TensorType) throws {
        let tensor = TensorDescriptor(
            name: "blk.0.ffn_up.weight", type: type, rows: 5, columns: 1024,
            byteCount: try #require(type.byteCount(rows: 5, columns: 1024)), file: 0, offset: 0)
        let source = SyntheticWeights(seed: 7)
        let whole = try Self.read(tensor, 0..<tensor.byteCount, source)
        for range in [0..<1, 1..<17, 3..<900, 17..<18, 7..<tensor.byteCount, tensor.byteCount - 3..<tensor.byteCount] {
            #expect(try Self.read(tensor, range, source) == Array(whole[range]), "\(range)")
        }
        #expect(try Self.read(tensor, 0..<tensor.byteCount, SyntheticWeights(seed: 8)) != whole)
        #expect(throws: ModelFileError.self) { _ = try Self.read(tensor, 1..<tensor.byteCount + 1, source) }
    }

    @Test("Every shape has the tensors that its configuration needs, each once", arguments: SyntheticShape.allCases)
    func shapes(shape: SyntheticShape) throws {
        let model = try Model.synthetic(shape, mix: .q4_k_m, layers: 2, seed: 1)
        let needed = model.configuration.parts(ofLayers: 0..<2).flatMap { model.configuration.tensors(of: $0) }
        #expect(Set(needed.map(\.name)) == Set(model.tensors.map(\.name)))
        #expect(Set(model.tensors.map(\.name)).count == model.tensors.count)
        for tensor in model.tensors { try tensor.validate() }
    }

    @Test(
        "A written model is read back with the same configuration and bytes", arguments: [SyntheticShape.gpt2, .moe30B])
    func files(shape: SyntheticShape) throws {
        // The vocabulary and the experts are cut, so that the file is small.
        var configuration = shape.configuration(layers: 2)
        configuration.vocabularySize = 300
        configuration.experts?.count = 4
        configuration.experts?.usedCount = 2
        let model = try Model.synthetic(configuration, name: "small", mix: .q8_0, seed: 3)
        let path = NSTemporaryDirectory() + "tandem-synthetic-\(UUID().uuidString).gguf"
        defer { unlink(path) }
        #expect(try model.writeGGUF(to: path, mix: .q8_0) { _ in true })
        let read = try Model.open(path: path)
        #expect(read.configuration == model.configuration)
        for tensor in model.tensors {
            let other = try #require(read.tensors.first { $0.name == tensor.name })
            #expect(other.type == tensor.type)
            let range = 0..<min(tensor.byteCount, 5000)
            #expect(try Self.read(tensor, range, model) == (try Self.read(other, range, read)), "\(tensor.name)")
        }
        #expect(try !model.writeGGUF(to: path + "x", mix: .q8_0) { _ in false })
        #expect(!FileManager.default.fileExists(atPath: path + "x"))
    }

    static func read(
        _ tensor: TensorDescriptor, _ range: Range<Int>, _ source: some TensorSource
    ) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        try bytes.withUnsafeMutableBytes { buffer in
            do throws(ModelFileError) {
                try source.read(tensor, at: range.lowerBound, into: buffer)
            } catch { throw error }
        }
        return bytes
    }
}
