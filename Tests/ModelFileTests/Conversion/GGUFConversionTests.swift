// A new GGUF file holds what the old model held; one that fails leaves nothing behind.
import Foundation
import Sequences
import Testing

@testable import ModelFile

@Suite("Conversions to GGUF") struct GGUFConversionTests {
    /// A folder that goes away with its last reference.
    private final class Folder {
        let path = NSTemporaryDirectory() + "tandem-conversion-\(UUID().uuidString)"
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
        var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
    }

    /// Writes a conversion whose tensors are copies or F32 of F32, and opens the result.
    private func write(_ conversion: GGUFConversion, to path: String, replacing: Bool = false) throws -> Bool {
        try conversion.writer.write(
            to: path, replacing: replacing,
            read: { index, offset, buffer throws(ModelFileError) in
                guard case .converted(let parts) = conversion.contents[index], let tensor = parts.first, tensor.isCopy
                else {
                    buffer.bindMemory(to: Float.self).update(repeating: 1)
                    return
                }
                try conversion.source.read(tensor.source, at: offset, into: buffer)
            },
            progress: { _ in true })
    }

    @Test("A GGUF file without changes keeps its metadata and tensors, parts become one file")
    func copy() throws {
        let folder = try Folder()
        for name in ["llama-f32", "llama-q8_0-split-00002-of-00002"] {
            let source = Place.fixture("models/gguf/\(name).gguf")
            let mix: QuantizationMix = name == "llama-f32" ? .f32 : .q8_0
            let path = folder.path + "/\(name).gguf"
            #expect(try write(GGUFConversion(path: source, mix: mix, requantizing: false), to: path))
            let (before, after) = (try Model.open(path: source), try Model.open(path: path))
            #expect(after.configuration == before.configuration)
            #expect(after.tokenizer?.tokens == before.tokenizer?.tokens)
            #expect(after.generation == before.generation)
            for (old, new) in zip(before.tensors, after.tensors) {
                #expect(old.name == new.name && old.type == new.type && new.offset % 32 == 0)
                #expect(try bytes(of: old, in: before) == bytes(of: new, in: after))
            }
            #expect(folder.names.contains("\(name).gguf"))
        }
        #expect(folder.names.count == 2)
    }

    private func bytes(of tensor: TensorDescriptor, in model: Model) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
        try bytes.withUnsafeMutableBytes { try model.read(tensor, at: 0, into: $0) }
        return bytes
    }

    @Test(
        "A Hugging Face folder becomes a file of the same configuration and tokenizer",
        arguments: ["gpt2-f32", "gpt2-bf16", "llama-f32", "llama-bf16-tied", "llama-mha-sharded"])
    func huggingFace(name: String) throws {
        let folder = try Folder()
        let conversion = try GGUFConversion(
            path: Place.fixture("models/\(name)"), mix: .f32, requantizing: false)
        let path = folder.path + "/model.gguf"
        #expect(try write(conversion, to: path))
        let (before, after) = (try Model.open(path: Place.fixture("models/\(name)")), try Model.open(path: path))
        var expected = before.configuration
        if case .rotary(var rotary) = expected.positions {
            rotary.pairing = .interleaved
            if case .llama3 = rotary.scaling {
                rotary.scaling = .factors(Array(repeating: 0, count: rotary.dimensions / 2))
                #expect(conversion.writer.tensors.last?.name == "rope_freqs.weight")
            }
            expected.positions = .rotary(rotary)
        }
        if conversion.writer.tensors.last?.name != "rope_freqs.weight" {
            #expect(after.configuration == expected)
        }
        #expect((before.tokenizer == nil) == (after.tokenizer == nil))
        guard let old = before.tokenizer, let new = after.tokenizer else { return }
        #expect(Array(new.tokens.prefix(old.tokens.count)) == old.tokens)
        #expect(new.eos == old.eos ?? before.generation.eosTokens.first)
        #expect(new.prefixTokens == old.prefixTokens && new.suffixTokens == old.suffixTokens)
        #expect(after.generation.eosTokens == before.generation.eosTokens)
        #expect(conversion.contents.count == conversion.writer.tensors.count)
    }

    @Test("Queries and keys of Llama take their pairs side by side, and nothing else moves")
    func rowOrder() throws {
        let conversion = try GGUFConversion(
            path: Place.fixture("models/llama-f32"), mix: .f32, requantizing: false)
        let order = TensorConversion.RowOrder.interleavedHalves(headSize: 12, dimensions: 12)
        #expect((0..<12).map(order.source) == [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11])
        #expect((12..<15).map(order.source) == [12, 18, 13])
        let partial = TensorConversion.RowOrder.interleavedHalves(headSize: 8, dimensions: 4)
        #expect((8..<16).map(partial.source) == [8, 10, 9, 11, 12, 13, 14, 15])
        for case .converted(let parts) in conversion.contents {
            let tensor = try #require(parts.first)
            let isTurned = tensor.target.name.contains("attn_q.") || tensor.target.name.contains("attn_k.")
            #expect((tensor.rowOrder != .same) == isTurned, "\(tensor.target.name)")
        }
    }

    @Test("What is quantized already is only quantized again where that is allowed")
    func requantizing() throws {
        let path = Place.fixture("models/gguf/llama-q8_0.gguf")
        let error = refusal { try GGUFConversion(path: path, mix: .q4_0, requantizing: false) }
        #expect(error?.code == .unsupported && error?.hint?.description.contains("allow_requantize") == true)
        let conversion = try GGUFConversion(path: path, mix: .q4_0, requantizing: true)
        #expect(conversion.writer.tensors.contains { $0.type == .q4_0 })
        _ = try GGUFConversion(path: path, mix: .q8_0, requantizing: false)
        let model = try Model.open(path: path)
        #expect(refusal { try model.quantization(.q4_k_m) }?.code == .unsupported)
    }

    @Test("What a GGUF file of the family cannot say is refused")
    func unsayable() {
        let path = Place.fixture("families/qwen2")  // some of its layers slide
        #expect(refusal { try GGUFConversion(path: path, mix: .f32, requantizing: false) }?.code == .unsupported)
    }

    @Test("Experts that come in MXFP4 stay so, stacked, in files of floats and of MXFP4")
    func mxfp4() throws {
        let path = Place.fixture("experts/gpt-oss-mxfp4")
        for mix in [QuantizationMix.mxfp4_moe, .f32] {
            let conversion = try GGUFConversion(path: path, mix: mix, requantizing: false)
            var stacks = 0
            for (tensor, content) in zip(conversion.writer.tensors, conversion.contents) {
                guard tensor.name.hasSuffix("_exps.weight"), case .converted(let parts) = content else { continue }
                stacks += 1
                #expect(tensor.type == .mxfp4 && tensor.shape.count == 3 && tensor.shape[0] == parts.count)
                #expect(parts.allSatisfy { $0.isCopy })
                #expect(parts.reduce(0) { $0 + $1.target.byteCount } == tensor.byteCount)
            }
            #expect(stacks >= 3)
        }
        #expect(refusal { try GGUFConversion(path: path, mix: .q4_k_m, requantizing: false) }?.code == .unsupported)
        _ = try GGUFConversion(path: path, mix: .q4_k_m, requantizing: true)
        let model = try Model.open(path: path)
        #expect(refusal { try model.quantization(.q8_0) }?.hint?.description.contains("mxfp4_moe") == true)
        #expect(try model.quantization(.mxfp4_moe).count == model.tensors.count)
    }

    @Test("A file that is there is not touched unless it may be replaced, and then at once")
    func existing() throws {
        let folder = try Folder()
        let path = folder.path + "/model.gguf"
        try Data("precious".utf8).write(to: URL(filePath: path))
        let conversion = try GGUFConversion(
            path: Place.fixture("models/gguf/llama-f32.gguf"), mix: .f32, requantizing: false)
        #expect(refusal { try write(conversion, to: path) }?.code == .exists)
        #expect(FileManager.default.contents(atPath: path) == Data("precious".utf8))
        #expect(try write(conversion, to: path, replacing: true))
        #expect(try Model.open(path: path).tensors.count > 10)
        #expect(folder.names == ["model.gguf"])
        #expect(refusal { try write(conversion, to: folder.path, replacing: true) }?.code == .wrongFileKind)
        #expect(refusal { try write(conversion, to: folder.path + "/no/model.gguf") }?.code == .notFound)
    }

    @Test("One that is stopped, or cannot be read, leaves nothing")
    func nothingLeft() throws {
        let folder = try Folder()
        let path = folder.path + "/model.gguf"
        let writer = GGUFWriter(fields: [], tensors: [.init(name: "a", type: .f32, shape: [1 << 22])])
        var pieces = 0
        let isComplete = try writer.write(
            to: path, replacing: false, read: { _, _, _ in },
            progress: { _ in
                pieces += 1
                #expect(folder.names.allSatisfy { $0 != "model.gguf" })
                return pieces < 2
            })
        #expect(!isComplete && folder.names.isEmpty)
        let error = refusal {
            try writer.write(
                to: path, replacing: true,
                read: { _, offset, _ throws(ModelFileError) in
                    if offset > 0 { throw ModelFileError(.truncated, file: "source", "ended") }
                }, progress: { _ in true })
        }
        #expect(error?.code == .truncated && folder.names.isEmpty)
    }

    @Test("Fields of every kind read back as they were written")
    func fields() throws {
        let folder = try Folder()
        let path = folder.path + "/fields.gguf"
        let writer = GGUFWriter(
            fields: [
                .uint32("a", 7), .float32("b", 0.5), .bool("c", true), .string("d", "text \u{1F600}"),
                .strings("e", ["", "x", "é"]), .float32s("f", [1, -2]), .int32s("g", [-1, 3]),
                .bools("h", [true, false]),
                .uint32("general.alignment", 64),
            ], tensors: [])
        #expect(try writer.write(to: path, replacing: false, read: { _, _, _ in }, progress: { _ in true }))
        let metadata = try GGUFFile(DiskFile(path: path)).metadata
        #expect(try metadata.integer("a") == 7 && metadata.number("b") == 0.5 && metadata.bool("c") == true)
        #expect(try metadata.string("d") == "text \u{1F600}" && metadata.strings("e") == ["", "x", "é"])
        #expect(try metadata.numbers("f")?.count == 2 && metadata.numbers("g")?.count == 2)
        #expect(try metadata.numbers("h")?.type == .bool && metadata.integer("general.alignment") == nil)
    }

    @Test("The way a tokenizer.json cuts text is known by name")
    func preTokenizers() throws {
        let names: [String: String?] = ["byte-bpe-gpt2": "gpt-2", "byte-bpe-llama3": "llama-bpe", "spm-bpe": nil]
        for (folder, name) in names {
            let path = Place.fixture("tokenizers/\(folder)")
            let description = try #require(try Model.openTokenizer(path: path))
            #expect(description.ggufPreTokenizerName == name)
        }
    }
}
