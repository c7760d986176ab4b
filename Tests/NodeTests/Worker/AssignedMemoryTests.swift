// Responsible for: what a worker is told to hold, against what it has offered. Must not know: sockets.
import Cluster
import Foundation
import Generation
import Inference
import ModelFile
import Sequences
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

@Suite("What a worker is told to hold")
struct AssignedMemoryTests {
    private let folder: TemporaryFolder
    private let model: Model
    private let manifest: ModelManifest

    init() throws {
        folder = try TemporaryFolder()
        model = try Model.open(path: TestFiles.tales)
        manifest = try DigestBook(folder: folder.file("digests")).manifest(of: model) { _, _ in }
    }

    private func assign(blocks: Int, tokens: Int = 128) -> Assign {
        let layers = model.configuration.layerCount
        return Assign(
            epoch: Epoch(3), layers: 0..<layers, layerCount: layers, modelDescription: manifest.encoded(),
            keyValueBlockCount: blocks, maximumBatchTokens: tokens,
            activationsPerToken: model.configuration.embeddingLength, next: .tokens, previous: nil,
            stageIndex: 0, stageCount: 1, vocabularySize: model.configuration.vocabularySize, contextLength: 512)
    }

    /// What the compute thread of a worker that has offered so many bytes says to this.
    private func answer(to assign: Assign, offered: UInt64, threads: Int = 1) throws -> StageEvent? {
        let waker = try Waker()
        let inbox = Mailbox<StageCommand>(capacity: 16, waking: try Waker())
        let outbox = Mailbox<StageEvent>(capacity: 16, waking: waker)
        let (cache, book) = (try WeightCache(folder: folder.file("cache")), DigestBook(folder: folder.file("digests")))
        let host = MemoryLimit(.host, freeBytes: Int(offered) + MemoryLedger.leastMargin, name: "this host")
        let memory = MemoryLedger.reserveAlone(Int(offered), under: [host])
        let settings = StageSettings(
            threads: threads, local: model, cache: cache, digestBook: book, memory: memory)
        let thread = try LoopThread(name: "compute") {
            StageRunner(inbox: inbox, outbox: outbox, settings: settings).run()
        }
        #expect(inbox.post(.prepare(assign)))
        let event = outbox.wait().first
        inbox.close()
        outbox.close()
        try thread.join()
        return event
    }

    private func needed(_ blocks: Int) -> Int {
        let stage = StageConfiguration(
            model: model.configuration, layers: 0..<model.configuration.layerCount, blockCount: blocks,
            maximumBatchTokens: 128, threads: 1, keyValueType: manifest.keyValueType)
        return StageMemory(of: stage, tensors: model.tensors).byteCount
    }

    @Test("A stage that fits what was offered is taken, and one that needs a byte more is refused with numbers")
    func fits() throws {
        let bytes = UInt64(needed(16))
        guard case .inventory(Epoch(3), _, _)? = try answer(to: assign(blocks: 16), offered: bytes) else {
            Issue.record("it is not taken")
            return
        }
        guard case .failed(Epoch(3), let why)? = try answer(to: assign(blocks: 16), offered: bytes - 1) else {
            Issue.record("it is not refused")
            return
        }
        #expect(
            why.contains("layers 0-5 need") && why.contains("for 16 KV blocks") && why.contains("this worker offers"))
    }

    @Test("Numbers that no machine can hold are refused like any others")
    func enormous() throws {
        for assign in [assign(blocks: Limits.keyValueBlocks), assign(blocks: 1, tokens: Limits.batchTokens)] {
            guard case .failed? = try answer(to: assign, offered: 8 << 20) else {
                Issue.record("\(assign.keyValueBlockCount) blocks are not refused")
                return
            }
        }
    }

    @Test("What a plan counts for a worker is never less than what its stage takes, for any model, split and threads")
    func estimate() throws {
        for path in try TestFiles.everyFolder() + [TestFiles.tales] {
            let model = try Model.load(path: path)
            let (configuration, blocks) = (model.configuration, 40)
            let shape = ModelShape(model, maximumBatchTokens: 96, keyValueType: .f16, blockCount: blocks)
            let count = configuration.layerCount
            for layers in [0..<count, 0..<1, count - 1..<count, 0..<max(1, count / 2)] {
                for threads in [1, 2, 3, 7, 16, 63, 64, 65, 200] {
                    for used in [1, blocks / 2, blocks] {
                        let stage = StageConfiguration(
                            model: configuration, layers: layers, blockCount: used, maximumBatchTokens: 96,
                            threads: threads, keyValueType: .f16)
                        let memory = StageMemory(of: stage, tensors: model.tensors)
                        let planned = shape.stageBytes(of: layers, blockCount: used, threads: threads)
                        #expect(
                            UInt64(memory.byteCount) <= planned, "\(path) \(layers) \(threads) threads \(used) blocks")
                    }
                }
            }
        }
    }
}
