// Traces of requests: both published forms, wrong lines, pace and lengths.
import Foundation
import Node
import Sequences
import Testing

@testable import Bench
@testable import GenerationTests
@testable import NodeTests

@Suite("Traces of requests")
struct RequestTraceTests {
    private static let azure = """
        TIMESTAMP,ContextTokens,GeneratedTokens
        2023-11-16 23:59:59.5000000,4808,10
        2023-11-17 00:00:01.2500000,3180,0
        2023-11-17 00:00:00.5000000,110,27
        """
    private static let mooncake = """
        {"timestamp": 3000, "input_length": 1200, "output_length": 500, "hash_ids": [0, 1, 2]}

        {"timestamp": 4500, "input_length": 600, "output_length": 3, "hash_ids": [0, 7]}
        {"timestamp": 4500, "input_length": 20, "output_length": 4}
        """

    private func trace(_ text: String) throws -> RequestTrace { try RequestTrace(Data(text.utf8), name: "t") }

    @Test("Azure's lines begin at zero and are in the order of time, across midnight", arguments: ["\n", "\r\n"])
    func azure(lineEnd: String) throws {
        let entries = try trace(Self.azure.replacingOccurrences(of: "\n", with: lineEnd)).entries
        #expect(entries.map(\.time) == [0, 1, 1.75])
        #expect(entries.map(\.promptTokens) == [4808, 110, 3180])
        #expect(entries.map(\.answerTokens) == [10, 27, 0])
    }

    @Test("Columns are found by their names; a zone behind the time, a mark of byte order and JSON do not matter")
    func otherForms() throws {
        let columns = "\u{FEFF}Region,GeneratedTokens,TIMESTAMP,ContextTokens\nx,5,2024-02-29 12:00:00+00:00,7\n"
        #expect(try trace(columns).entries == [.init(time: 0, promptTokens: 7, answerTokens: 5)])
        let lines = """
            {"TIMESTAMP": "2024-02-29 12:00:00", "ContextTokens": 7, "GeneratedTokens": 5}
            {"TIMESTAMP": "2024-03-01T12:00:00Z", "ContextTokens": 8, "GeneratedTokens": 6}
            """
        #expect(try trace(lines).entries.map(\.time) == [0, 86_400])
    }

    @Test("Mooncake's milliseconds are seconds, and its blocks are kept")
    func mooncake() throws {
        let entries = try trace(Self.mooncake).entries
        #expect(entries.map(\.time) == [0, 1.5, 1.5])
        #expect(entries.map(\.promptTokens) == [1200, 600, 20])
        #expect(entries.map(\.blocks) == [[0, 1, 2], [0, 7], []])
    }

    @Test(
        "A wrong line is told by its number",
        arguments: [
            (1, "hello"), (1, "TIMESTAMP,Tokens"), (3, "TIMESTAMP,ContextTokens,GeneratedTokens\n\nnow,1,2"),
            (2, "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,1"),
            (2, "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-13-16 18:17:03,1,2"),
            (2, "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,one,2"),
            (2, "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,0,2"),
            (2, "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,1,-2"),
            (1, "{\"timestamp\": 1"), (1, "{\"timestamp\": 1, \"input_length\": 5}"),
            (1, "{\"timestamp\": \"a\", \"input_length\": 5, \"output_length\": 1}"),
            (1, "{\"timestamp\": 1e999, \"input_length\": 5, \"output_length\": 1}"),
            (2, "{\"timestamp\": 1, \"input_length\": 5, \"output_length\": 1}\n5,5"),
        ])
    func wrongLines(number: Int, text: String) {
        let error = #expect(throws: TandemError.self) { try trace(text) }
        #expect(
            error?.message.description.hasPrefix("line \(number) of t ") == true, "\(error?.message.description ?? "")")
    }

    @Test("A trace without requests is refused", arguments: ["", "\n\n", "TIMESTAMP,ContextTokens,GeneratedTokens\n"])
    func empty(text: String) {
        let error = #expect(throws: TandemError.self) { try trace(text) }
        #expect(error?.message == "t holds no requests")
    }

    @Test("Any bytes are read or refused")
    func garbage() {
        var generator = SeededGenerator(seed: 5)
        let samples = [Self.azure, Self.mooncake].map { Array($0.utf8) }
        for round in 0..<400 {
            var bytes = samples[round % 2]
            for _ in 0...generator.below(4) {
                bytes[generator.below(bytes.count)] = UInt8(truncatingIfNeeded: generator.next())
            }
            do {
                let trace = try RequestTrace(Data(bytes), name: "t")
                #expect(!trace.entries.isEmpty && trace.entries.allSatisfy { $0.promptTokens > 0 && $0.time >= 0 })
            } catch { #expect(!error.message.description.isEmpty) }
        }
    }

    @Test("Time is scaled by a factor or to a rate")
    func pace() throws {
        var trace = try trace(Self.azure)
        #expect(trace.rate == 2 / 1.75)
        trace.speedUp(by: 2)
        #expect(trace.entries.map(\.time) == [0, 0.5, 0.875])
        try trace.setRate(0.5)
        #expect(trace.entries.map { ($0.time * 1e6).rounded() / 1e6 } == [0, 2.285714, 4])
        trace.keepFirst(1)
        #expect(trace.rate == nil)
        #expect(throws: TandemError.self) { try trace.setRate(1) }
    }

    @Test("Lengths are clipped to the limits and the context, and what was clipped is counted")
    func clipping() throws {
        var trace = try trace(Self.azure)  // 4808 + 10, 110 + 27, 3180 + 0
        #expect((trace.meanPromptTokens, trace.meanAnswerTokens) == (2700, 13))
        #expect(trace.wantedContext(maximumPrompt: nil, maximumAnswer: nil) == 4818)
        #expect(trace.wantedContext(maximumPrompt: 3000, maximumAnswer: 5) == 3005)
        #expect(trace.clip(maximumPrompt: nil, maximumAnswer: nil, context: 4818) == .init(prompts: 0, answers: 0))
        #expect(trace.entries.map(\.answerTokens) == [10, 27, 1])
        #expect(trace.clip(maximumPrompt: 4000, maximumAnswer: 20, context: 2000) == .init(prompts: 2, answers: 1))
        #expect(trace.entries.map(\.promptTokens) == [1990, 110, 1999])
        #expect(trace.entries.map(\.answerTokens) == [10, 20, 1])
        #expect(trace.clip(maximumPrompt: nil, maximumAnswer: nil, context: 16) == .init(prompts: 3, answers: 2))
        #expect(trace.entries.map { $0.promptTokens + $0.answerTokens } == [16, 16, 16])
        #expect(trace.entries.map(\.answerTokens) == [8, 8, 1])
    }
}
