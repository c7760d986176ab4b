// Tensor types: their numbers and sizes in GGUF files, and files that mix them, sound or spoiled.

import Testing

@testable import ModelFile

extension TinyModels {
    /// `ggml_type` of each type (source: ggml.h), and elements and bytes of its blocks (ggml-common.h).
    static let types: [(type: TensorType, number: UInt32, elements: Int, bytes: Int)] = [
        (.f32, 0, 1, 4), (.f16, 1, 1, 2), (.bf16, 30, 1, 2), (.q4_0, 2, 32, 18), (.q4_1, 3, 32, 20),
        (.q5_0, 6, 32, 22), (.q5_1, 7, 32, 24), (.q8_0, 8, 32, 34), (.q2_k, 10, 256, 84), (.q3_k, 11, 256, 110),
        (.q4_k, 12, 256, 144), (.q5_k, 13, 256, 176), (.q6_k, 14, 256, 210), (.iq4_nl, 20, 32, 18),
        (.iq4_xs, 23, 256, 136), (.mxfp4, 39, 32, 17),
    ]

    /// Llama with rows of 256 (32 in the down projections), whose matrices are of as many types as there are.
    static func mixedGGUF() -> GGUFBuilder {
        var file = llamaGGUF()
        let configuration = ModelConfiguration.llama(
            layerCount: 2, embeddingLength: 256, headCount: 2, keyValueHeadCount: 1, headSize: 2,
            feedForwardLength: 32, vocabularySize: vocabulary, contextLength: context, epsilon: 1e-5,
            rotary: RotaryConfiguration(base: 10_000, dimensions: 2, pairing: .interleaved), hasTiedEmbeddings: false)
        file.set("llama.embedding_length", .uint32(256))
        file.set("llama.feed_forward_length", .uint32(32))
        file.set("llama.attention.key_length", .uint32(2))
        file.set("llama.attention.value_length", .uint32(2))
        var unused = types.reversed().map { $0 }
        file.tensors = requirements(configuration).map { requirement in
            let fits = unused.firstIndex { requirement.rows > 1 && requirement.columns % $0.elements == 0 }
            let type = fits.map { unused.remove(at: $0) } ?? types[0]
            let count = requirement.rows * requirement.columns / type.elements * type.bytes
            return GGUFBuilder.Tensor(
                name: requirement.name,
                dimensions: [requirement.columns, requirement.rows].prefix(requirement.rows == 1 ? 1 : 2)
                    .map(UInt64.init),
                type: type.number, data: (0..<count).map { UInt8($0 % 251) })
        }
        return file
    }
}

@Suite("Tensor types")
struct TensorTypeTests {
    @Test("Every type has ggml's number, name and sizes", arguments: TinyModels.types)
    func numbers(type: TensorType, number: UInt32, elements: Int, bytes: Int) {
        #expect(TensorType(gguf: number) == type)
        #expect(TensorType.ggufName(number) == type.name)
        #expect(type.blockElements == elements && type.blockBytes == bytes)
        #expect(type.isQuantized == (elements > 1))
        #expect(type.byteCount(rows: 3, columns: 2 * elements) == 6 * bytes)
        #expect(elements == 1 || type.byteCount(rows: 3, columns: elements + 1) == nil)
    }

    @Test("No other number is a type")
    func otherNumbers() {
        let known = Set(TinyModels.types.map(\.number))
        #expect(known.count == TensorType.allCases.count)
        for number in (0...200 as ClosedRange<UInt32>).filter({ !known.contains($0) }) + [.max, 1 << 31] {
            #expect(TensorType(gguf: number) == nil)
        }
    }

    @Test("A file that mixes types opens, and its summary counts them")
    func mixed() throws {
        let model = try TinyModels.mixedGGUF().model()
        #expect(Set(model.tensors.map(\.type)).count >= 14)
        for tensor in model.tensors { try tensor.validate() }
        #expect(
            model.summary.types.map(\.type)
                == TensorType.allCases.filter { type in
                    model.tensors.contains { $0.type == type }
                })
    }

    @Test("Rows that are no whole blocks, and quantized vectors, are refused", arguments: TinyModels.types)
    func wrongShapes(type: TensorType, number: UInt32, elements: Int, bytes: Int) {
        guard elements > 1 else { return }
        var file = TinyModels.mixedGGUF()
        file.edit("blk.0.attn_output.weight") { $0.type = number }  // rows of 4
        #expect(refusal { try file.model() }?.problem.contains("whole blocks of \(elements)") == true)
        file = TinyModels.mixedGGUF()
        file.edit("blk.0.attn_norm.weight") { tensor in
            tensor.type = number
            tensor.data = [UInt8](repeating: 0, count: 256 / elements * bytes)
        }
        #expect(refusal { try file.model() }?.problem == "only matrices can be quantized")
    }

    @Test("10,000 spoiled files of mixed types open or are refused")
    func mutations() throws {
        let base = TinyModels.mixedGGUF().bytes
        // Only the header says anything: what follows may be any bytes.
        let headerBytes = base.count - TinyModels.mixedGGUF().tensors.reduce(0) { $0 + $1.data.count }
        let counts = try MutationRun.run(10_000, firstSeed: 4_000_000) { mutator in
            let bytes = mutator.binary(Array(base[..<headerBytes])) + base[headerBytes...]
            let file = MemoryFile(name: "model.gguf", content: bytes)
            try MutationRun.use(Model(GGUFModel(file, in: MemoryFolder())))
        }
        #expect(counts.opened > 100)
        #expect(counts.refused > 1000)
    }

    @Test("Any type number may stand in any tensor", arguments: [0, 3])
    func everyNumber(tensor: Int) throws {
        var file = TinyModels.mixedGGUF()
        for number in 0...64 as ClosedRange<UInt32> {
            file.tensors[tensor].type = number
            do { try MutationRun.use(file.model()) } catch is ModelFileError {}
        }
    }
}
