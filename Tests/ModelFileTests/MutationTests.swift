// Spoiled files: each must open as a sound model or be refused with this module's error, in little time and memory.
import Foundation
import Testing

@testable import ModelFile

/// The loops, apart from the tests so that a child process with little memory can run them too.
enum MutationRun {
    /// A failure that is no refusal.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    struct Counts {
        var opened = 0
        var refused = 0
    }

    /// Runs `open` on `count` spoiled files; `open` throws ModelFileError where it refuses.
    static func run(
        _ count: Int, firstSeed: UInt64, _ open: (inout Mutator) throws -> Void
    ) throws -> Counts {
        var counts = Counts()
        for seed in firstSeed..<firstSeed + UInt64(count) {
            var mutator = Mutator(seed: seed)
            let start = threadSeconds()
            do {
                try open(&mutator)
                counts.opened += 1
            } catch let error as ModelFileError {
                counts.refused += 1
                if error.description.isEmpty { throw Failure(description: "seed \(seed): no message") }
            } catch {
                throw Failure(description: "seed \(seed): \(error)")
            }
            if threadSeconds() - start > 5 { throw Failure(description: "seed \(seed): too slow") }
        }
        return counts
    }

    /// What this thread has computed: on a busy machine less than the time that passes.
    private static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    static func gguf(_ count: Int) throws -> Counts {
        let bases = [TinyModels.llamaGGUF().bytes, TinyModels.gpt2GGUF().bytes]
        return try run(count, firstSeed: 1_000_000) { mutator in
            let bytes = mutator.binary(mutator.element(bases))
            let file = MemoryFile(name: "model.gguf", content: bytes)
            let gguf = try GGUFModel(file, in: MemoryFolder())
            try use(gguf.tokenizer())
            try use(Model(gguf))
        }
    }

    static func sentencePiece(_ count: Int) throws -> Counts {
        let bases = [SentencePieceBuilder.bytes(modelType: 1), SentencePieceBuilder.bytes(modelType: 2)]
        return try run(count, firstSeed: 4_000_000) { mutator in
            var folder = MemoryFolder()
            folder.files["tokenizer.model"] = mutator.binary(mutator.element(bases))
            try use(folder.tokenizer())
        }
    }

    /// Vocabularies of other kinds in GGUF files.
    static func ggufTokenizers(_ count: Int) throws -> Counts {
        let bases = ["t5", "bert", "gemma4"].map { model in
            var file = TinyModels.gpt2GGUF()
            file.tensors = []
            file.set("tokenizer.ggml.model", .string(model))
            file.set("tokenizer.ggml.scores", .floats((0..<8).map { -Float($0) }))
            file.set("tokenizer.ggml.precompiled_charsmap", .raw(type: 9, bytes: TinyModels.characterMapList))
            file.set("tokenizer.ggml.remove_extra_whitespaces", .bool(true))
            return file.bytes
        }
        return try run(count, firstSeed: 5_000_000) { mutator in
            let file = MemoryFile(name: "model.gguf", content: mutator.binary(mutator.element(bases)))
            try use(GGUFModel(file, in: MemoryFolder()).tokenizer())
        }
    }

    /// Overwrites the 8 bytes at every place of a header by counts that a limit alone would not stop.
    static func ggufLengths() throws {
        let base = TinyModels.llamaGGUF().bytes
        for position in 0..<base.count / 2 {
            for count in [1 << 17, 1 << 25] as [UInt64] {
                var bytes = base
                bytes.replaceSubrange(position..<position + 8, with: littleEndian(count))
                let file = MemoryFile(name: "model.gguf", content: bytes)
                do { try use(Model(GGUFModel(file, in: MemoryFolder()))) } catch is ModelFileError {}
            }
        }
    }

    static func huggingFace(_ count: Int) throws -> Counts {
        let bases = [
            try TinyModels.llamaFolder(), try TinyModels.gpt2Folder(), try TinyModels.shardedFolder(),
            try TinyModels.gptNeoXFolder(),
        ]
        return try run(count, firstSeed: 2_000_000) { mutator in
            var folder = mutator.element(bases)
            let name = mutator.element(folder.files.keys.sorted())
            let bytes = folder.files[name] ?? []
            if name.hasSuffix(".json") {
                folder.files[name] = mutator.json(bytes)
            } else if mutator.below(2) == 0 {
                folder.files[name] = mutator.binary(bytes)
            } else {  // only the JSON inside, with a true length
                let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
                let header = mutator.json(Array(bytes[8..<8 + length]))
                folder.files[name] = SafetensorsBuilder.file(header: header, data: Array(bytes[(8 + length)...]))
            }
            try use(folder.model())
        }
    }

    static func tokenizer(_ count: Int) throws -> Counts {
        let byteLevel = try jsonBytes(TinyModels.byteLevelTokenizer())
        var document = TinyModels.byteLevelTokenizer()
        document["normalizer"] = NSNull()
        document["pre_tokenizer"] = ["type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "first"]
        document["post_processor"] =
            ["type": "RobertaProcessing", "cls": ["<s>", 4], "sep": ["a", 0]] as [String: Any]
        let bases = try [byteLevel, jsonBytes(document)] + TinyModels.tokenizersOfEveryKind().map(jsonBytes)
        let settings = try jsonBytes(
            ["bos_token": "<s>", "eos_token": ["content": "<s>"], "add_eos_token": true] as [String: Any])
        return try run(count, firstSeed: 3_000_000) { mutator in
            var folder = MemoryFolder()
            folder.files["tokenizer.json"] = mutator.json(mutator.element(bases))
            folder.files["tokenizer_config.json"] = mutator.below(4) == 0 ? mutator.json(settings) : settings
            try use(folder.tokenizer())
        }
    }

    /// Looks at everything in a model that opened, as its users would.
    static func use(_ model: Model) throws {
        try model.configuration.validate()
        for tensor in model.tensors {
            try tensor.validate()
            var bytes = [UInt8](repeating: 0, count: min(tensor.byteCount, 64))
            try bytes.withUnsafeMutableBytes { buffer in
                try model.read(tensor, at: tensor.byteCount - buffer.count, into: buffer)
            }
        }
        _ = model.summary
        let vocabulary = 0..<model.configuration.vocabularySize
        let ids = model.generation.eosTokens + [model.generation.bosToken].compactMap { $0 }
        guard ids.allSatisfy(vocabulary.contains) else {
            throw Failure(description: "BOS or EOS outside of the vocabulary")
        }
        try use(model.tokenizer)
    }

    private static func use(_ tokenizer: TokenizerDescription?) throws {
        guard let tokenizer else { return }
        let ids = tokenizer.tokens.indices
        let used =
            tokenizer.addedTokens.map(\.id) + tokenizer.prefixTokens + tokenizer.suffixTokens
            + [tokenizer.bos, tokenizer.eos, tokenizer.unknown].compactMap { $0 }
        guard tokenizer.kinds.count == ids.count, used.allSatisfy(ids.contains) else {
            throw Failure(description: "a token id outside of the tokenizer's vocabulary")
        }
        switch tokenizer.algorithm {
        case .sentencePiece(let scores) where scores.count != ids.count:
            throw Failure(description: "\(scores.count) scores for \(ids.count) tokens")
        case .unigram(let scores) where scores.count != ids.count:
            throw Failure(description: "\(scores.count) scores for \(ids.count) tokens")
        default: break
        }
    }
}

@Suite struct MutationTests {
    static let mutations = 10_000

    @Test("10,000 spoiled GGUF files open or are refused")
    func gguf() throws {
        let counts = try MutationRun.gguf(Self.mutations)
        #expect(counts.opened > 100)
        #expect(counts.refused > 1000)
    }

    @Test("10,000 spoiled Hugging Face folders open or are refused")
    func huggingFace() throws {
        let counts = try MutationRun.huggingFace(Self.mutations)
        #expect(counts.opened > 100)
        #expect(counts.refused > 1000)
    }

    @Test("10,000 spoiled tokenizer.json files open or are refused")
    func tokenizer() throws {
        let counts = try MutationRun.tokenizer(Self.mutations)
        #expect(counts.opened > 100)
        #expect(counts.refused > 1000)
    }

    @Test("6,000 spoiled SentencePiece files open or are refused")
    func sentencePiece() throws {
        let counts = try MutationRun.sentencePiece(6000)
        #expect(counts.opened > 100)
        #expect(counts.refused > 1000)
    }

    @Test("6,000 spoiled GGUF vocabularies of other kinds open or are refused")
    func ggufTokenizers() throws {
        let counts = try MutationRun.ggufTokenizers(6000)
        #expect(counts.opened > 100)
        #expect(counts.refused > 1000)
    }

    @Test("Spoiled files never make the process allocate more than 64 MiB")
    func memory() async {
        await #expect(processExitsWith: .success) {
            let before = try MutationRun.peakMemoryBytes()
            try MutationRun.ggufLengths()
            _ = try MutationRun.huggingFace(1000)
            _ = try MutationRun.tokenizer(1000)
            _ = try MutationRun.sentencePiece(1000)
            _ = try MutationRun.ggufTokenizers(1000)
            let growth = try MutationRun.peakMemoryBytes() - before
            try #require(growth < 64 << 20, "\(growth) bytes")
        }
    }
}

extension MutationRun {
    /// The largest address space that this process has had ("VmPeak"): counts what was asked for, touched or not.
    static func peakMemoryBytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmPeak:") })
        return try #require(Int(line.filter(\.isNumber))) * 1024
    }
}
