// What each sampling parameter does, and that every choice is deterministic.

import CKernels
import Sequences
import Testing

@testable import Inference

@Suite("Sampler")
struct SamplerTests {
    /// The token sampled from `logits` after `history`, or at `position` after some history.
    static func sample(
        _ logits: [Float], _ parameters: SamplingParameters, promptTokenCount: Int = 0, history: [Int32]? = nil,
        position: Int = 1
    ) throws -> SampledToken {
        let history = history ?? [Int32](repeating: 0, count: position)
        let sampler = try Sampler(vocabularySize: logits.count, threads: 1)
        let pool = ThreadPool(threads: 1, threshold: 0)
        sampler.begin(
            5, parameters: parameters, promptTokenCount: promptTokenCount, history: Array(history.dropLast()))
        let token = history.last ?? 0
        sampler.see(
            StageBatch.Slice(sequence: 5, position: history.count - 1, tokens: [token], blocks: [], sampleCount: 1))
        let row = BatchLayout.SamplingRow(
            sequence: 5, row: 0, token: token, position: history.count - 1, isGuess: false)
        var sample = (sequence: UInt64(0), sample: SampledToken(token: -1, logProbability: 0))
        sampler.sample([row], logits: logits, pool: pool, into: &sample)
        return sample.sample
    }

    /// How often each token is drawn over `count` positions.
    static func histogram(_ logits: [Float], _ parameters: SamplingParameters, count: Int) throws -> [Int] {
        var drawn = [Int](repeating: 0, count: logits.count)
        for position in 1...count {
            drawn[Int(try sample(logits, parameters, position: position).token)] += 1
        }
        return drawn
    }

    static func with(_ change: (inout SamplingParameters) -> Void) -> SamplingParameters {
        var parameters = SamplingParameters()
        change(&parameters)
        return parameters
    }

    static let logits: [Float] = [0.5, 2, -1, 2, 1, -3]

    @Test("Temperature 0 takes the largest logit, the lower id on a tie", arguments: [Float(0), -1, .nan])
    func greedy(temperature: Float) throws {
        #expect(try Self.sample(Self.logits, SamplingParameters(temperature: temperature)).token == 1)
    }

    @Test("The same seed and position give the same token, other positions others")
    func deterministic() throws {
        let parameters = SamplingParameters(temperature: 1.5, seed: 9)
        let first = try (1...50).map { try Self.sample(Self.logits, parameters, position: $0).token }
        let second = try (1...50).map { try Self.sample(Self.logits, parameters, position: $0).token }
        #expect(first == second)
        #expect(Set(first).count > 3)
    }

    @Test("Draws follow the model's distribution")
    func distribution() throws {
        let logits: [Float] = [0, 0.6931472, 1.3862944, 0]  // probabilities 1/8, 2/8, 4/8, 1/8
        let drawn = try Self.histogram(logits, SamplingParameters(temperature: 1, seed: 1), count: 2000)
        for (count, expected) in zip(drawn, [250, 500, 1000, 250]) { #expect(abs(count - expected) < 90, "\(drawn)") }
    }

    @Test("A low temperature sharpens and a high one flattens the distribution")
    func temperature() throws {
        let cold = try Self.histogram([0, 1], SamplingParameters(temperature: 0.1), count: 300)
        let hot = try Self.histogram([0, 1], SamplingParameters(temperature: 100), count: 300)
        #expect(cold[1] > 297)
        #expect((110...190).contains(hot[1]))
    }

    @Test("Top-k keeps the k best, the lower id on a tie")
    func topK() throws {
        let drawn = try Self.histogram(
            Self.logits,
            Self.with {
                $0.temperature = 5; $0.topK = 2
            }, count: 200)
        #expect(drawn[1] > 50 && drawn[3] > 50 && drawn[1] + drawn[3] == 200)
        #expect(try Self.histogram([1, 1, 1], Self.with { $0.topK = 1 }, count: 20) == [20, 0, 0])
        #expect(try Self.histogram([1, 1, 1], Self.with { $0.topK = 100 }, count: 60).allSatisfy { $0 > 5 })
    }

    @Test("Top-p keeps tokens until their probabilities reach p, the one that crosses included")
    func topP() throws {
        let logits: [Float] = [0, 0.6931472, 1.3862944, 0]  // 1/8, 2/8, 4/8, 1/8
        let half = try Self.histogram(logits, Self.with { $0.topP = 0.45 }, count: 100)
        #expect(half == [0, 0, 100, 0])
        let most = try Self.histogram(logits, Self.with { $0.topP = 0.6 }, count: 300)
        #expect(most[0] == 0 && most[3] == 0 && most[1] > 60 && most[2] > 150)
        let none = try Self.histogram(logits, Self.with { $0.topP = 0 }, count: 20)
        #expect(none == [0, 0, 20, 0])
    }

    @Test("Top-p counts over what top-k left")
    func topPAfterTopK() throws {
        let logits: [Float] = [0, 0.6931472, 1.3862944, 0]  // of the best two: 1/3, 2/3
        let parameters = Self.with {
            $0.topK = 2; $0.topP = 0.6
        }
        #expect(try Self.histogram(logits, parameters, count: 50) == [0, 0, 50, 0])
    }

    @Test("Min-p drops tokens below a fraction of the best one")
    func minP() throws {
        let logits: [Float] = [0, 0.6931472, 1.3862944, 0]
        let drawn = try Self.histogram(logits, Self.with { $0.minP = 0.4 }, count: 300)
        #expect(drawn[0] == 0 && drawn[3] == 0 && drawn[1] > 60)
    }

    @Test("The repeat penalty shrinks what prompt or answer hold, presence and frequency only the answer")
    func penalties() throws {
        func greedy(_ change: (inout SamplingParameters) -> Void, history: [Int32]) throws -> Int32 {
            let parameters = Self.with {
                $0.temperature = 0; change(&$0)
            }
            return try Self.sample(
                [1, 1.2, 1.5, -2], parameters, promptTokenCount: 2, history: history
            ).token
        }
        #expect(try greedy({ $0.repeatPenalty = 2 }, history: [2, 0]) == 1)
        #expect(try greedy({ $0.repeatPenalty = 2 }, history: [0, 0, 2]) == 1)
        #expect(try greedy({ $0.presencePenalty = 0.4 }, history: [2, 2]) == 2)
        #expect(try greedy({ $0.presencePenalty = 0.4 }, history: [0, 0, 2]) == 1)
        #expect(try greedy({ $0.presencePenalty = 0.2 }, history: [0, 0, 2, 2]) == 2)
        #expect(try greedy({ $0.frequencyPenalty = 0.2 }, history: [0, 0, 2]) == 2)
        #expect(try greedy({ $0.frequencyPenalty = 0.2 }, history: [0, 0, 2, 2]) == 1)
        #expect(
            try greedy(
                {
                    $0.presencePenalty = 0.05; $0.frequencyPenalty = 0.1
                }, history: [0, 0, 2, 2]) == 2)
        #expect(
            try greedy(
                {
                    $0.presencePenalty = 0.15; $0.frequencyPenalty = 0.1
                }, history: [0, 0, 2, 2]) == 1)
    }

    @Test("A negative logit is multiplied by the repeat penalty")
    func negativeLogits() throws {
        let parameters = Self.with {
            $0.temperature = 0; $0.repeatPenalty = 3
        }
        #expect(try Self.sample([-1, -2], parameters, history: [0]).token == 1)
    }

    @Test("A logit bias moves a token, -infinity and bans exclude it, unknown ids are ignored")
    func biases() throws {
        let moved = Self.with {
            $0.temperature = 0; $0.logitBias = [.init(token: 5, bias: 9)]
        }
        #expect(try Self.sample(Self.logits, moved).token == 5)
        let excluded = Self.with {
            $0.temperature = 0; $0.logitBias = [.init(token: 1, bias: -.infinity)]
        }
        #expect(try Self.sample(Self.logits, excluded).token == 3)
        let banned = Self.with {
            $0.temperature = 3; $0.logitBias = Self.bans([1, 3, 4, -1, 99])
        }
        let drawn = try Self.histogram(Self.logits, banned, count: 100)
        #expect(drawn[1] + drawn[3] + drawn[4] == 0 && drawn[0] > 0)
        let unknown = Self.with {
            $0.temperature = 0; $0.logitBias = [.init(token: 6, bias: 1), .init(token: -7, bias: 1)]
        }
        #expect(try Self.sample(Self.logits, unknown).token == 1)
    }

    @Test("Log-probabilities are those of the raw logits, sorted, with ties by id")
    func logProbabilities() throws {
        let parameters = Self.with {
            $0.temperature = 0.3
            $0.logProbabilityCount = 4
            $0.logitBias = [.init(token: 0, bias: 50)]
        }
        let sample = try Self.sample([0, 0.6931472, 1.3862944, 0], parameters)
        #expect(sample.token == 0)
        #expect(abs(try #require(sample.logProbability) + 2.0794415) < 1e-6)
        #expect(sample.top.map(\.token) == [2, 1, 0, 3])
        for (candidate, expected) in zip(sample.top, [-0.6931472, -1.3862944, -2.0794415, -2.0794415] as [Float]) {
            #expect(abs(candidate.logProbability - expected) < 1e-6)
        }
        #expect(try Self.sample([0, 1], Self.with { $0.logProbabilityCount = 0 }).top.isEmpty)
        #expect(try Self.sample([0, 1], Self.with { $0.logProbabilityCount = 9 }).top.count == 2)
    }

    @Test("Logits that are no numbers, infinite or all banned give the same token every time and never a trap")
    func degenerate() throws {
        let cases: [[Float]] = [
            [.nan, .nan, .nan], [.nan, 1, 2], [.infinity, 0, .infinity], [-.infinity, -.infinity, -.infinity],
            [-.infinity, 0, .nan], [.infinity, .nan, -.infinity], [3e38, -3e38, 3e38],
        ]
        for logits in cases {
            for temperature: Float in [0, 1, .leastNonzeroMagnitude, .infinity] {
                var parameters = SamplingParameters(temperature: temperature, logProbabilityCount: 3)
                let first = try Self.sample(logits, parameters)
                #expect(try Self.sample(logits, parameters) == first)
                #expect(first.token >= 0 && first.token < 3)
                #expect(first.logProbability?.isNaN == false)
                parameters.topK = 2
                parameters.topP = 0.9
                #expect(try Self.sample(logits, parameters) == Self.sample(logits, parameters))
            }
        }
        #expect(try Self.sample([.nan, 1, 2], SamplingParameters(temperature: 0)).token == 2)
        #expect(try Self.sample([1, 2], Self.with { $0.logitBias = Self.bans([0, 1]) }).token == 0)
    }

    private static func bans(_ tokens: [Int32]) -> [LogitBias] {
        tokens.map { LogitBias(token: $0, bias: -.infinity) }
    }

    /// What the sampler's rules say, over a sorted list of all candidates.
    private static func choice(_ logits: [Float], _ parameters: SamplingParameters, position: Int) -> Int {
        let order = logits.indices.sorted { logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1) }
        let maximum = logits[order[0]]
        let probabilities = order.map { index in
            var value = [(logits[index] - maximum) / (parameters.temperature ?? 1)]
            tk_exp(&value, 1, 0)
            return Double(value[0])
        }
        let (topP, minP) = (parameters.topP ?? 1, parameters.minP ?? 0)
        let nucleus = topP < 1 ? Double(topP) * probabilities.reduce(0, +) : .infinity
        var (kept, mass) = (0, 0.0)
        while kept < order.count, mass < nucleus, probabilities[kept] >= Double(minP) {
            mass += probabilities[kept]
            kept += 1
        }
        let target = Philox.uniform(seed: parameters.seed, position: UInt64(position)) * mass
        var sum = 0.0
        for rank in 0..<kept {
            sum += probabilities[rank]
            if sum > target { return order[rank] }
        }
        return order[kept - 1]
    }

    @Test("Of a large vocabulary the same is chosen as of a sorted list of it", arguments: [0.02, 1, 6] as [Float])
    func largeVocabulary(spread: Float) throws {
        var random = Random(seed: 11)
        // Some ties, some far below, and three that are no candidates.
        var logits = (0..<3000).map { _ in (random.float() * 200).rounded() / 100 * spread }
        logits += [Float](repeating: -80, count: 90) + [-.infinity, -.infinity, -.infinity]
        let changes: [(inout SamplingParameters) -> Void] = [
            { _ in }, { $0.topP = 0.9 }, { $0.minP = 0.03 }, { ($0.topP, $0.minP) = (0.7, 0.2) },
            { ($0.topP, $0.minP) = (0.99, 0.001) }, { $0.temperature = 2.5 }, { $0.temperature = 0.05 },
        ]
        for change in changes {
            var parameters = Self.with(change)
            for seed in 0..<12 {
                parameters.seed = UInt64(seed)
                let token = try Self.sample(logits, parameters, position: seed + 1).token
                #expect(Int(token) == Self.choice(logits, parameters, position: seed + 1), "\(parameters)")
            }
        }
    }

    @Test("Candidates come in order of their keys, whatever the keys")
    func heap() {
        var random = Random(seed: 3)
        for size in [1, 2, 3, 10, 100] {
            let keys = (0..<size).map { _ in (random.float() * 8).rounded() }
            let expected = keys.indices.sorted { keys[$0] > keys[$1] || (keys[$0] == keys[$1] && $0 < $1) }
            var ids = Array(0..<UInt32(size))
            let sorted = keys.withUnsafeBufferPointer { keys in
                ids.withUnsafeMutableBufferPointer { ids in
                    guard let keys = keys.baseAddress, let ids = ids.baseAddress else { return [Int]() }
                    return CandidateHeap(keys: keys, ids: ids, count: size).map { Int($0) }
                }
            }
            #expect(sorted == expected)
        }
    }
}
