// Responsible for: an answer as it arrives: text streamed on stdout, or one JSON object; notices and speed on stderr.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences

/// Consumes one generation.
struct AnswerPrinter {
    var json = false
    /// Talk about the speed afterwards.
    var showsSpeed = true
    /// Say only that the model thinks, where the answer is shown in a terminal.
    var foldsReasoning = false
    /// What was asked for.
    var request: GenerationRequest?
    /// Its seed was chosen here, and whoever asked does not know it.
    var isSeedDrawn = false

    /// What stands around reasoning where it cannot be shown in other letters.
    private static let opening = "<think>"
    private static let closing = "</think>"
    private static let folded = "thinking… (/reasoning on shows it)"

    /// What the caller may want to know of the answer.
    struct Answer {
        /// Without what the model thought before.
        var text = ""
        var reasoning: String?
        var reason = FinishReason.stop
        var timings = GenerationTimings()
        /// How many of the oldest messages did not fit in the context.
        var droppedMessages = 0

        /// The lines between reasoning and answer belong to neither.
        fileprivate mutating func add(_ more: String) {
            text += text.isEmpty && reasoning != nil ? String(more.drop { $0.isNewline }) : more
        }
    }

    /// Prints the answer until it ends. Ctrl-C cancels the request and waits for its end; a second Ctrl-C leaves.
    /// Throws what the generation throws.
    func print(_ generation: Generation) async throws -> Answer {
        let interrupt = Interrupt { generation.cancel() }
        defer { interrupt.stop() }
        return try await show(generation)
    }

    /// Prints the answer until it ends. Throws what the generation throws.
    func show(_ generation: Generation) async throws -> Answer {
        do { return try await follow(generation) } catch {
            // What is said of it begins in a line of its own.
            if Terminal.isOutputInteractive && !json { Terminal.put("\n") }
            throw error
        }
    }

    private func follow(_ generation: Generation) async throws -> Answer {
        var report = AnswerReport()
        report.seed = request?.sampling.seed
        var answer = Answer()
        var isReasoning = false
        for try await event in generation.events {
            switch event {
            case .accepted(let model, let tokens, let dropped):
                (report.model, report.prompt_tokens, answer.droppedMessages) = (model, tokens, dropped)
                if dropped > 0 { Terminal.say("(the context is full: the \(dropped) oldest messages were dropped)") }
            case .notice(let sentence): Terminal.say("(\(sentence.spelled))")
            case .waiting(let reason):
                Terminal.say("waiting: \(reason.spelled)")
            case .reasoning(let tokens, let text):
                answer.reasoning = (answer.reasoning ?? "") + text
                let marked = isReasoning ? text : Self.opening + text
                report.add(tokens, text: marked)
                if !json { putReasoning(text, marked: marked, isFirst: !isReasoning) }
                isReasoning = true
            case .tokens(let tokens, let text):
                answer.add(text ?? "")
                let marked = text.map { isReasoning ? Self.closing + $0 : $0 }
                report.add(tokens, text: marked)
                if isReasoning && foldsReasoning && Terminal.isOutputInteractive && !json { Terminal.put("\n") }
                isReasoning = false
                let shown = Terminal.isOutputInteractive ? text.map(Terminal.harmless) : marked
                if !json { Terminal.put(shown ?? tokens.map { "\($0.token) " }.joined()) }
            case .scores: break  // asked for by `perplexity` only
            case .finished(let reason, let timings):
                (answer.reason, answer.timings) = (reason, timings)
                report.finish(reason, timings)
            }
        }
        if json {
            Terminal.put(try JSONOutput.line(report))
        } else {
            Terminal.put("\n")
            if showsSpeed { Terminal.say(Self.speed(answer.timings, answer.reason)) }
            for notice in notices(on: answer) { Terminal.say("(\(notice.spelled))") }
        }
        return answer
    }

    /// Dim letters in a terminal, marks elsewhere.
    private func putReasoning(_ text: String, marked: String, isFirst: Bool) {
        if !Terminal.isOutputInteractive {
            Terminal.put(marked)
        } else if !foldsReasoning {
            Terminal.put(Terminal.dim(Terminal.harmless(text)))
        } else if isFirst {
            Terminal.put(Terminal.dim(Self.folded))
        }
    }

    /// What made the answer as it is, beside what was asked for.
    private func notices(on answer: Answer) -> [Sentence] {
        var notices: [Sentence] = []
        if answer.reason == .length {
            if let limit = request?.maximumTokens, answer.timings.generatedTokens < limit {
                notices.append("the answer ended because the context is full")
            } else {
                let count = answer.timings.generatedTokens
                notices.append("the answer ended at its limit of \(count) tokens, which is that of \(.maximumTokens)")
            }
        }
        if isSeedDrawn, let sampling = request?.sampling, sampling.temperature != 0 {
            notices.append("the seed was \(sampling.seed): the same answer again with \(.seed) \(sampling.seed)")
        }
        return notices
    }

    /// "12 prompt tokens in 0.05 s (240.0/s), 64 tokens in 0.50 s (126.0/s)".
    static func speed(_ timings: GenerationTimings, _ reason: FinishReason) -> String {
        func rate(_ count: Int, _ seconds: Double) -> String {
            seconds > 0 ? String(format: " (%.1f/s)", Double(count) / seconds) : ""
        }
        let prompt = String(format: "%d prompt tokens in %.2f s", timings.promptTokens, timings.promptSeconds)
        let answer = String(format: "%d tokens in %.2f s", timings.generatedTokens, timings.decodeSeconds)
        let cancelled = reason == .cancelled ? "; cancelled" : ""
        return "[" + prompt + rate(timings.promptTokens, timings.promptSeconds) + ", " + answer
            + rate(max(0, timings.generatedTokens - 1), timings.decodeSeconds) + cancelled + "]"
    }
}

/// The object that `--json` prints; its property names are the keys people see, in snake case.
private struct AnswerReport: Encodable {
    struct Candidate: Encodable {
        var token: Int32
        var logprob: Float?
    }
    struct Token: Encodable {
        var token: Int32
        var logprob: Float?
        var top: [Candidate]
    }
    struct Timings: Encodable {
        var promptTokens: Int
        var promptSeconds: Double
        var generatedTokens: Int
        var decodeSeconds: Double
        var firstTokenSeconds: Double
    }

    var model = ""
    var seed: UInt64?
    /// Spelled as its key: the same in capitals would be a count (JSONOutput).
    var prompt_tokens: [Int32] = []
    var tokens: [Int32] = []
    var text: String?
    var finishReason = ""
    var logprobs: [Token] = []
    var timings: Timings?

    enum CodingKeys: CodingKey { case model, seed, prompt_tokens, tokens, text, finishReason, logprobs, timings }

    func encode(to encoder: any Encoder) throws {
        var object = encoder.container(keyedBy: CodingKeys.self)
        try object.encode(model, forKey: .model)
        try object.encodeIfPresent(seed, forKey: .seed)
        try object.encode(prompt_tokens, forKey: .prompt_tokens)
        try object.encode(tokens, forKey: .tokens)
        try object.encode(text, forKey: .text)  // null where the model has no tokenizer
        try object.encode(finishReason, forKey: .finishReason)
        try object.encode(logprobs, forKey: .logprobs)
        try object.encode(timings, forKey: .timings)
    }

    mutating func add(_ more: [SampledToken], text piece: String?) {
        if let piece { text = (text ?? "") + piece }
        for item in more {
            tokens.append(item.token)
            guard let value = item.logProbability else { continue }
            let top = item.top.map { Candidate(token: $0.token, logprob: Self.finite($0.logProbability)) }
            logprobs.append(Token(token: item.token, logprob: Self.finite(value), top: top))
        }
    }

    mutating func finish(_ reason: FinishReason, _ measured: GenerationTimings) {
        finishReason = reason.rawValue
        timings = Timings(
            promptTokens: measured.promptTokens, promptSeconds: measured.promptSeconds,
            generatedTokens: measured.generatedTokens, decodeSeconds: measured.decodeSeconds,
            firstTokenSeconds: measured.firstTokenSeconds)
    }

    /// JSON has no infinities; a token that cannot occur has no log-probability.
    private static func finite(_ value: Float) -> Float? { value.isFinite ? value : nil }
}
