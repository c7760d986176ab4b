// Benchmarks of models: every test that was asked for is there, and wrong options are told.

import Inference
import ModelFile
import Sequences
import Testing

@testable import Bench

@Suite("Benchmarks of models", .serialized)
struct ModelBenchmarkTests {
    private static var small: ModelBenchmarkOptions {
        var options = ModelBenchmarkOptions()
        (options.shape, options.type, options.layers) = ("gpt2-124m", "q4_0", 1)
        (options.prompts, options.steps, options.batches) = ([40, 3], 2, [1, 3])
        (options.threads, options.repetitions) = ([1, 2], 2)
        return options
    }

    @Test("Each test is there for each number of threads, with shares of limits above zero")
    func rows() throws {
        let report = try ModelBenchmark(Self.small).run { _ in }
        let names = ["pp40", "pp3", "tg2", "tg2@3"]
        #expect(report.rows.map(\.test) == names + names)
        #expect(report.rows.map(\.threads) == [1, 1, 1, 1, 2, 2, 2, 2])
        for row in report.rows {
            #expect(row.tokensPerSecond.minimum > 0 && row.tokensPerSecond.minimum <= row.tokensPerSecond.median)
            #expect(row.tokensPerSecond.median <= row.tokensPerSecond.maximum)
            #expect(row.bandwidthShare > 0 && row.peakShare > 0 && row.peer == nil && row.ratio == nil)
        }
        #expect(report.limits.map(\.threads) == [1, 2])
        #expect(report.weightBytes > 0 && report.peakResidentBytes > 0)
    }

    @Test("Decoding goes on from a context, with keys and values of every type", arguments: KeyValueType.allCases)
    func context(type: KeyValueType) throws {
        var options = Self.small
        (options.context, options.keyValueType, options.prompts, options.threads) = (600, type.rawValue, [], [2])
        let report = try ModelBenchmark(options).run { _ in }
        #expect(report.rows.map(\.test) == ["tg2+600", "tg2@3+600"])
    }

    @Test("Operations and bytes are those of the shape")
    func counts() throws {
        let model = try Model.synthetic(.llama1B, mix: .q8_0, layers: 1, seed: 1)
        let matrices = 2048 * 2048 * 2 + 2 * 2048 * 512 + 3 * 2048 * 8192, head = 128_256 * 2048
        let tests: [StageBenchmark.Test] = [
            .prefill(tokens: 10), .decode(sequences: 2, steps: 3, context: 0),
        ]
        let benchmark = try StageBenchmark(
            model: model.configuration, tensors: model.tensors, source: model, tests: tests, threads: 2,
            keyValueType: .f16)
        #expect(benchmark.operations(tests[0]) == Double(2 * 10 * matrices + 2 * head + 4 * 2048 * 55))
        #expect(benchmark.operations(tests[1]) == Double(2 * (3 * 2 * (matrices + head) + 4 * 2048 * 6)))
        let bytes = Double((matrices + head) / 32 * 34 * 3 + 2 * 6 * 2 * 512 * 2)
        #expect(benchmark.bytesRead(tests[1]) == bytes)
    }

    @Test("Options that make no sense are refused in a sentence")
    func wrongOptions() {
        func message(_ change: (inout ModelBenchmarkOptions) -> Void) -> String? {
            var options = Self.small
            change(&options)
            do { _ = try ModelBenchmark(options).run { _ in } } catch { return error.message.description }
            return nil
        }
        #expect(message { $0.shape = "nope" }?.contains("shape is nope") == true)
        #expect(message { $0.type = "q9" }?.contains("type is q9") == true)
        #expect(message { $0.keyValueType = "q1" }?.contains("kv_type is q1") == true)
        #expect(message { $0.batches = [0] }?.contains("batch is 0") == true)
        #expect(message { $0.repetitions = 0 }?.contains("repetitions is 0") == true)
        #expect(message { ($0.prompts, $0.steps) = ([], 0) }?.contains("nothing to measure") == true)
        #expect(message { $0.context = 1024 }?.contains("context is 1024") == true)
        #expect(message { $0.modelPath = "/nowhere.gguf" }?.contains("/nowhere.gguf") == true)
        #expect(message { $0.peerPython = "/nowhere/python" }?.contains("llama-cpp-python") == true)
    }
}
