// Responsible for: how well a model predicts a text: its windows, and the estimate from the scores of their tokens, both
// as llama.cpp's `llama-perplexity` has them, so that numbers can be compared.
// Must not know: where the scores are computed, how the result is shown.
import Foundation
import ModelFile
import Sequences
import Tokenization

/// A text as windows of tokens, one after the other, the rest at its end left out. Where the model wants BOS it stands
/// in place of the first token of each. The second half of a window is scored: with N tokens, those from N / 2 + 1 on.
package struct PerplexityText: Sendable {
    /// [windows][windowLength]
    package let windows: [[Int32]]
    package let windowLength: Int
    private let modelName: String

    /// The window where nobody says otherwise.
    package static let defaultWindowLength = 512
    /// The longest file that is read.
    package static let maximumBytes = 1 << 30

    /// Reads a file and encodes it once, its last newline left out. `maximumWindows` nil: all.
    package init(path: String, for loaded: LoadedModel, windowLength: Int, maximumWindows: Int?) throws(TandemError) {
        let text = try InputText.file(path, called: "text", .file, limit: Self.maximumBytes)
        if text.isEmpty { throw TandemError("the text \(path) is empty", hint: "check the path given to \(.file)") }
        try self.init(text, for: loaded, windowLength: windowLength, maximumWindows: maximumWindows)
    }

    /// The same of a text in UTF-8. Throws where the model has no tokenizer or the text fills no window.
    init(_ text: [UInt8], for loaded: LoadedModel, windowLength: Int, maximumWindows: Int?) throws(TandemError) {
        let longest = loaded.model.configuration.contextLength
        guard windowLength >= 4, windowLength <= longest else {
            throw TandemError(
                "\(.context) is \(windowLength), but must be at least 4 and at most \(longest), "
                    + "the context of \(loaded.model.name)")
        }
        if let maximumWindows, maximumWindows < 1 {
            throw TandemError("\(.chunks) is \(maximumWindows), but must be at least 1")
        }
        guard let tokenizer = loaded.encoder.tokenizer else {
            throw TandemError(
                loaded.encoder.tokenizerProblem.map { Sentence($0) }
                    ?? "this model has no tokenizer to read a text with")
        }
        let newline = UInt8(ascii: "\n")
        let tokens = tokenizer.encode(
            text.last == newline ? text.dropLast() : text, addSpecial: true, parseSpecial: false)
        guard tokens.count >= windowLength else {
            throw TandemError(
                "the text has \(tokens.count) tokens, which is less than one window of \(windowLength)",
                hint: "use a longer text or a shorter \(.context)")
        }
        let beginning = tokenizer.encode("", addSpecial: true, parseSpecial: false).first
        let count = min(tokens.count / windowLength, maximumWindows ?? .max)
        windows = (0..<count).map { index in
            var window = Array(tokens[index * windowLength..<(index + 1) * windowLength])
            if let bos = tokenizer.bosToken, bos == beginning { window[0] = bos }
            return window
        }
        self.windowLength = windowLength
        modelName = loaded.model.name
    }

    /// What scores one window.
    package func request(_ index: Int) -> GenerationRequest {
        var request = GenerationRequest(prompt: .tokens(windows[index]))
        request.scoringStart = windowLength / 2 + 1
        return request
    }
}

/// The perplexity of the tokens scored so far.
package struct PerplexityEstimate: Sendable, Equatable {
    package private(set) var count = 0
    private var sum = 0.0
    private var squares = 0.0

    package init() {}

    /// Adds the log-probabilities of more tokens.
    package mutating func add(_ logProbabilities: [Float]) {
        for value in logProbabilities {
            sum -= Double(value)
            squares += Double(value) * Double(value)
        }
        count += logProbabilities.count
    }

    /// The mean of -log(probability) over all tokens.
    package var meanLoss: Double { count > 0 ? sum / Double(count) : 0 }
    /// e to the mean loss.
    package var value: Double { exp(meanLoss) }
    /// One standard deviation of `value`, as if tokens were independent: value * sqrt(variance / (count - 1)).
    package var standardError: Double {
        let variance = squares / Double(max(count, 1)) - meanLoss * meanLoss
        return count > 1 && variance > 0 ? value * (variance / Double(count - 1)).squareRoot() : 0
    }
}

extension PerplexityText {
    /// Scores every window, some at once, and tells the estimate after each in order. `notice` gets, from any thread, why
    /// nothing is computed, and where another model than that of the text answers. Throws what a request throws, and
    /// `CancellationError` where the task is cancelled.
    package func measure(
        concurrency: Int, by generator: some Generator,
        notice: @escaping @Sendable (Sentence) -> Void = { _ in },
        each: (_ windowsDone: Int, PerplexityEstimate) -> Void
    ) async throws -> PerplexityEstimate {
        var estimate = PerplexityEstimate()
        var done = 0
        var early: [Int: [Float]] = [:]
        try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
            func start(_ index: Int) {
                guard index < windows.count else { return }
                let request = request(index)
                group.addTask { (index, try await scores(of: generator.generate(request), notice)) }
            }
            for index in 0..<max(1, concurrency) { start(index) }
            while let (index, scores) = try await group.next() {
                early[index] = scores
                while let scores = early.removeValue(forKey: done) {
                    estimate.add(scores)
                    done += 1
                    each(done, estimate)
                }
                start(index + max(1, concurrency))
            }
        }
        return estimate
    }

    private func scores(of generation: Generation, _ notice: (Sentence) -> Void) async throws -> [Float] {
        var scores: [Float] = []
        for try await event in generation.events {
            switch event {
            case .scores(let values): scores += values
            case .waiting(let why): notice("waiting: \(why)")
            case .notice(let sentence): notice(sentence)
            case .accepted(let model, _, _) where model != modelName:
                notice("the coordinator serves \(model); the tokens are those of \(modelName)")
            case .finished(let reason, _) where reason == .length: return scores
            case .accepted, .reasoning, .tokens, .finished: break
            }
        }
        throw CancellationError()
    }
}
