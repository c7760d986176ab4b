// Making stages: what is refused, what is taken over, what it takes.

import ModelFile
import Sequences
import Synchronization
import Testing

@testable import Inference

@Suite("Stage: loading")
struct StageLoadingTests {
    @Test("A new stage takes over the layers it shares with the old one and reads only the rest")
    func reuse() throws {
        let source = CountingSource(.llama)
        let model = TinyModel.llama
        let first = try Stage(.tiny(model, layers: 1..<4), tensors: model.tensors, source: source)
        source.names.withLock { $0 = [] }
        var done: [Int] = []
        let second = try Stage(
            .tiny(model, layers: 2..<5), tensors: model.tensors, source: source, reusing: first
        ) { done.append($0) }
        let read = source.names.withLock { $0 }
        #expect(!read.isEmpty)
        #expect(read.allSatisfy { $0.hasPrefix("blk.4.") || $0.hasPrefix("output") }, "\(read)")
        #expect(done == done.sorted())
        let needed = model.configuration.parts(ofLayers: 2..<5).flatMap { model.configuration.tensors(of: $0) }
        let bytes = model.tensors.filter { tensor in needed.contains { $0.name == tensor.name } }
        #expect(done.last == bytes.reduce(0) { $0 + $1.byteCount })

        let fresh = try Stage(.tiny(model, layers: 2..<5), tensors: model.tensors, source: source)
        var answers: [SampledToken] = []
        for stage in [second, fresh] {
            stage.begin(1, parameters: SamplingParameters(temperature: 0, logProbabilityCount: 5))
            let input = (0..<48).map { Float($0) * 0.01 }
            let slice = StageBatch.Slice(sequence: 1, position: 0, tokens: [1, 2], blocks: [0], sampleCount: 1)
            let output = try input.withUnsafeBufferPointer {
                try stage.forward(StageBatch(slices: [slice]), input: $0)
            }
            guard case .sampled(let samples) = output else { continue }
            answers += samples.map(\.sample)
        }
        #expect(answers.count == 2 && answers.first == answers.last)
    }

    @Test("A tied matrix is read once, and moves from the embedding of one stage to the head of the next")
    func tied() throws {
        let source = CountingSource(.q8)
        let model = TinyModel.q8
        let whole = try Stage(.tiny(model), tensors: model.tensors, source: source)
        #expect(source.names.withLock { $0.count { $0 == "token_embd.weight" } } == 1)
        source.names.withLock { $0 = [] }
        _ = try Stage(.tiny(model, layers: 1..<3), tensors: model.tensors, source: source, reusing: whole)
        #expect(source.names.withLock { $0 }.isEmpty)
    }

    @Test("Missing, misshapen and unreadable tensors are refused by name")
    func badTensors() throws {
        let model = TinyModel.llama
        func refusal(_ tensors: [TensorDescriptor], layers: Range<Int> = 0..<5) -> InferenceError? {
            do {
                _ = try Stage(.tiny(model, layers: layers), tensors: tensors, source: model)
                return nil
            } catch { return error }
        }
        #expect(
            refusal(model.tensors.filter { $0.name != "blk.2.ffn_up.weight" })
                == .missingTensor(name: "blk.2.ffn_up.weight"))
        let swapped = model.replacingTensors {
            if $0.name == "blk.1.attn_k.weight" { swap(&$0.rows, &$0.columns) }
        }
        guard case .wrongTensor(let name, _)? = refusal(swapped) else { Issue.record("accepted"); return }
        #expect(name == "blk.1.attn_k.weight")
        #expect(refusal(swapped, layers: 2..<5) == nil)
        let short = model.replacingTensors { if $0.name == "output.weight" { $0.byteCount -= 4 } }
        guard case .wrongTensor? = refusal(short) else { Issue.record("accepted"); return }
        let empty = TinyModel(name: "empty", configuration: model.configuration, tensors: [], bytes: [:])
        #expect(throws: InferenceError.self) {
            try Stage(.tiny(model), tensors: model.tensors, source: empty)
        }
    }

    @Test("Impossible configurations are refused")
    func badConfigurations() {
        let model = TinyModel.llama
        for change: (inout StageConfiguration) -> Void in [
            { $0.layers = 3..<6 }, { $0.layers = 2..<2 }, { $0.layers = -1..<2 }, { $0.blockCount = 0 },
            { $0.maximumBatchTokens = 0 }, { $0.threads = 0 }, { $0.model.headCount = 0 },
            { $0.model.keyValueHeadCount = 3 }, { $0.model.isGated = false }, { $0.blockCount = 1 << 60 },
            { $0.model.embeddingLength = -4 }, { $0.maximumBatchTokens = .max },
        ] {
            var configuration = StageConfiguration.tiny(model)
            change(&configuration)
            #expect(throws: InferenceError.self) {
                try Stage(configuration, tensors: model.tensors, source: model)
            }
        }
    }

    @Test("What planning expects of a stage's weights is what is allocated", arguments: TinyModel.all)
    func sizes(model: TinyModel) throws {
        let configuration = model.configuration
        let parts = configuration.parts(ofLayers: 0..<configuration.layerCount)
        let bytesByPart = parts.map { part in
            let names = Set(configuration.tensors(of: part).map(\.name))
            return Stage.weightBytes(of: model.tensors.filter { names.contains($0.name) })
        }
        let whole = Stage.weightBytes(layers: 0..<configuration.layerCount, of: configuration, tensors: model.tensors)
        let tied = Stage.weightBytes(of: model.tensors.filter { $0.name == "token_embd.weight" })
        #expect(whole == bytesByPart.reduce(0, +) - (configuration.hasTiedEmbeddings ? tied : 0))
        #expect(whole % 4096 == 0)
        #expect(whole >= model.tensors.reduce(0) { $0 + $1.byteCount })
        #expect(
            Stage.keyValueBlockBytes(of: configuration, layer: 0)
                == 32 * 2 * configuration.keyValueHeadCount * configuration.headSize * 4)
        let stage = StageConfiguration.tiny(model)
        #expect(Stage.workspaceBytes(of: stage) > 0)
        #expect(Stage.memoryBytes(of: stage, tensors: model.tensors) > whole)
    }
}

extension StageLoadingTests {
    @Test("The memory of the widest model that is valid has a size for the longest context")
    func widest() throws {
        var model = TinyModel.everyType.configuration
        model.embeddingLength = 1
        model.headCount = 1 << 14
        model.keyValueHeadCount = model.headCount
        model.headSize = (1 << 14) / model.layerCount
        model.contextLength = 1 << 30
        if case .rotary(var rotary) = model.positions {
            rotary.dimensions = 2
            model.positions = .rotary(rotary)
        }
        try model.validate()
        let blocks = model.contextLength / KeyValueBlock.positions
        let stage = StageConfiguration(
            model: model, layers: 0..<model.layerCount, blockCount: blocks, maximumBatchTokens: 1 << 14, threads: 1)
        let ofOneBlock = Stage.keyValueBlockBytes(of: model, layers: 0..<model.layerCount)
        #expect(Stage.memoryBytes(of: stage, tensors: []) == ofOneBlock * blocks + Stage.workspaceBytes(of: stage))
        model.headSize *= 2
        let wider = model
        #expect(throws: ModelFileError.self) { try wider.validate() }
    }

    @Test("Packed weights of every type take no more memory than the file's tensors, but for the ends of pages")
    func packedSize() {
        let model = TinyModel.everyType, configuration = model.configuration
        #expect(Set(model.tensors.map(\.type)) == Set(TensorType.allCases))
        let packed = Stage.weightBytes(layers: 0..<configuration.layerCount, of: configuration, tensors: model.tensors)
        let pages = model.tensors.reduce(0) { $0 + ($1.byteCount + 4095) / 4096 * 4096 }
        #expect(packed == pages)
    }
}

/// Remembers which tensors are read.
final class CountingSource: TensorSource {
    let model: TinyModel
    let names = Mutex<[String]>([])

    init(_ model: TinyModel) { self.model = model }

    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        names.withLock { $0.append(tensor.name) }
        try model.read(tensor, at: offset, into: buffer)
    }
}
