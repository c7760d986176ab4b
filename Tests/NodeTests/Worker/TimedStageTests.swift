// Responsible for: a stage that only pretends to compute: its tokens and its time. Must not know: sockets.
import Generation
import Inference
import ModelFile
import Sequences
import Testing
import Wire

@testable import Node

@Suite("A stage that only pretends to compute")
struct TimedStageTests {
    private static let prompt: [Int32] = [1, 2, 3]

    private static func stage(
        _ speed: TimedStage.Speed = .init(nanosecondsPerStep: 0), vocabulary: Int = 32_000, isLast: Bool = true
    ) -> TimedStage {
        TimedStage(speed: speed, activationsPerToken: 8, vocabularySize: vocabulary, isLast: isLast)
    }

    private static func start(seed: UInt64) -> SequenceStart {
        var sampling = SamplingParameters()
        sampling.seed = seed
        return SequenceStart(sampling: sampling, promptTokenCount: prompt.count, history: [])
    }

    private static func item(
        _ tokens: [Int32], at position: Int, samples: Int = 1, drafts: Int = 0, seed: UInt64? = nil
    ) -> ForwardItem {
        ForwardItem(
            sequence: SequenceID(1), position: position, tokens: tokens, blocks: [0], sampleCount: samples,
            draftCount: drafts, begin: seed.map { start(seed: $0) })
    }

    private static func tokens(_ stage: TimedStage, _ item: ForwardItem) throws -> [Int32] {
        let forward = Forward(epoch: Epoch(1), step: StepID(1), items: [item])
        guard case .sampled(let samples, _) = try stage.compute(forward, input: nil) else { return [] }
        return samples.map(\.sample.token)
    }

    /// The answer to the prompt, one token at a time.
    private static func answer(seed: UInt64, count: Int, stage: TimedStage = stage()) throws -> [Int32] {
        var answer = try tokens(stage, item(prompt, at: 0, seed: seed))
        while answer.count < count {
            answer += try tokens(stage, item([answer[answer.count - 1]], at: prompt.count + answer.count - 1))
        }
        return answer
    }

    @Test("The same request gives the same tokens, another seed others, and none is a special one")
    func repeatable() throws {
        let answer = try Self.answer(seed: 7, count: 50)
        #expect(try Self.answer(seed: 7, count: 50) == answer)
        #expect(try Self.answer(seed: 8, count: 50) != answer)
        #expect(answer.allSatisfy { (3..<32_000).contains($0) } && Set(answer).count > 40)
        let few = try Self.answer(seed: 7, count: 50, stage: Self.stage(vocabulary: 5))
        #expect(Set(few) == [3, 4])
    }

    @Test("Right guesses are sampled after, all in one step")
    func rightGuesses() throws {
        let answer = try Self.answer(seed: 7, count: 6)
        let stage = Self.stage()
        #expect(try Self.tokens(stage, Self.item(Self.prompt, at: 0, seed: 7)) == [answer[0]])
        let guessed = Self.item(Array(answer[0..<4]), at: 3, samples: 4, drafts: 3)
        #expect(try Self.tokens(stage, guessed) == Array(answer[1..<5]))
        // A step of nothing but guesses goes on where the last one ended.
        let further = Self.item([answer[4]], at: 7, samples: 1, drafts: 1)
        #expect(try Self.tokens(stage, further) == [answer[5]])
    }

    @Test("Nothing is sampled from the first wrong guess on, also of steps that were built on it")
    func wrongGuesses() throws {
        let answer = try Self.answer(seed: 7, count: 6)
        let stage = Self.stage()
        _ = try Self.tokens(stage, Self.item(Self.prompt, at: 0, seed: 7))
        let wrong = answer[2] + 1
        let guessed = Self.item([answer[0], answer[1], wrong, answer[3]], at: 3, samples: 4, drafts: 3)
        #expect(try Self.tokens(stage, guessed) == [answer[1], answer[2]])
        #expect(try Self.tokens(stage, Self.item([wrong], at: 5, samples: 1, drafts: 1)) == [])
        #expect(try Self.tokens(stage, Self.item([answer[3]], at: 6, samples: 1, drafts: 1)) == [])
        // What was sampled last is no guess any more.
        #expect(try Self.tokens(stage, Self.item([answer[2]], at: 5)) == [answer[3]])
    }

    @Test("A step takes its time and that of each further token, and activations have the right size")
    func time() throws {
        let speed = TimedStage.Speed(nanosecondsPerStep: 3_000_000, nanosecondsPerToken: 2_000_000)
        let stage = Self.stage(speed, isLast: false)
        let forward = Forward(epoch: Epoch(1), step: StepID(1), items: [Self.item([5, 6, 7], at: 0, samples: 0)])
        let start = ContinuousClock.now
        let output = try stage.compute(forward, input: nil)
        let elapsed = start.duration(to: .now)
        guard case .hidden(let values) = output else {
            Issue.record("a stage in the middle samples nothing")
            return
        }
        #expect(values.count == 24 && elapsed >= .milliseconds(7) && elapsed < .milliseconds(500))
        let wrong = [Float](repeating: 0, count: 23)
        #expect(throws: InferenceError.self) {
            try wrong.withUnsafeBufferPointer { _ = try stage.compute(forward, input: $0) }
        }
    }

    @Test("A sequence that did not begin, or has ended, samples nothing")
    func unknownSequence() throws {
        let stage = Self.stage()
        #expect(throws: InferenceError.self) { try Self.tokens(stage, Self.item([1], at: 0)) }
        _ = try Self.tokens(stage, Self.item(Self.prompt, at: 0, seed: 7))
        stage.end(1)
        #expect(throws: InferenceError.self) { try Self.tokens(stage, Self.item([1], at: 3)) }
    }

    @Test("Choices that contradict each other are refused in one sentence")
    func options() throws {
        func refusal(_ change: (inout WorkerOptions) -> Void) -> String? {
            var options = WorkerOptions(join: "127.0.0.1:7070")
            change(&options)
            return #expect(throws: TandemError.self) { try options.simulatedSpeed() }?.message.description
        }
        let both = refusal { ($0.simulatedStageMilliseconds, $0.modelPath) = (5, "model.gguf") }
        #expect(both?.contains("model") == true)
        #expect(refusal { $0.simulatedStageMilliseconds = -1 }?.contains("between") == true)
        #expect(refusal { $0.simulatedStageMilliseconds = .nan }?.contains("between") == true)
        let tokens = refusal { ($0.simulatedStageMilliseconds, $0.simulatedTokenMicroseconds) = (5, .infinity) }
        #expect(tokens?.contains("simulate_token_microseconds") == true)
        #expect(refusal { $0.simulatedTokenMicroseconds = 5 }?.contains("simulate_stage_milliseconds") == true)
        var options = WorkerOptions(join: "127.0.0.1:7070")
        #expect(try options.simulatedSpeed() == nil)
        options.simulatedStageMilliseconds = 2.5
        options.simulatedTokenMicroseconds = 10
        #expect(
            try options.simulatedSpeed()
                == TimedStage.Speed(nanosecondsPerStep: 2_500_000, nanosecondsPerToken: 10_000))
    }

    @Test("A coordinator serves a model or pretends to, never both or neither")
    func coordinatorOptions() throws {
        var options = CoordinatorOptions()
        #expect(throws: TandemError.self) { try options.open() }
        options.isSimulated = true
        let loaded = try options.open()
        #expect(loaded.contextLength == 32_768 && loaded.model.tensors.isEmpty)
        #expect(try options.manifest(of: loaded.model) { _, _ in }.isSimulated)
        options.quantization = "q8_0"
        #expect(throws: TandemError.self) { try options.open() }
        options = CoordinatorOptions(modelPath: "model.gguf")
        options.isSimulated = true
        #expect(throws: TandemError.self) { try options.open() }
    }

    @Test("A real model and a worker that only pretends do not go together, nor the other way round")
    func mismatch() throws {
        let manifest = ModelManifest(
            name: "simulated", configuration: try CoordinatorOptions.simulated.open().model.configuration, entries: [],
            isSimulated: true)
        let back = try ModelManifest(decoding: manifest.encoded(), layers: 8..<16)
        try back.checkWorker(isSimulated: true)
        #expect(throws: TandemError.self) { try back.checkWorker(isSimulated: false) }
        var real = back
        real.isSimulated = false
        #expect(throws: TandemError.self) { try real.checkWorker(isSimulated: true) }
    }
}

extension CoordinatorOptions {
    /// Of a coordinator that serves no model.
    static var simulated: CoordinatorOptions {
        var options = CoordinatorOptions()
        options.isSimulated = true
        return options
    }
}
