// Responsible for: traces of requests that others have published: when each came, and how long prompt and answer were.
// Must not know: files, sockets, what the tokens are.
import Foundation
import Node
import Sequences

/// Requests in the order of their times.
package struct RequestTrace: Sendable, Equatable {
    /// One request.
    package struct Entry: Sendable, Equatable {
        /// Seconds since the first request.
        package var time: Double
        package var promptTokens: Int
        package var answerTokens: Int
        /// Ids of the blocks of `LoadPrompts.blockTokens` tokens that the prompt consists of; equal ids, equal tokens.
        package var blocks: [Int] = []
    }

    package var entries: [Entry]

    /// Reads a trace in one of these forms, which its content tells apart:
    /// - Azure's LLM inference traces, 2023 and 2024 (https://github.com/Azure/AzurePublicDataset): CSV whose header has
    ///   TIMESTAMP, ContextTokens and GeneratedTokens, with times as "2023-11-16 18:17:03.9799600"; or lines of JSON with
    ///   these keys.
    /// - Mooncake's (https://github.com/kvcache-ai/Mooncake): lines of JSON with timestamp (milliseconds), input_length,
    ///   output_length and, where they are known, hash_ids.
    ///
    /// Throws a sentence with the number of the line that is wrong; `name` is what it calls the trace.
    package init(_ bytes: Data, name: String) throws(TandemError) {
        entries = []
        let marks: [UInt8] = [0xEF, 0xBB, 0xBF]
        let content = bytes.starts(with: marks) ? bytes.dropFirst(marks.count) : bytes
        var header: CSVHeader?
        var number = 0
        for line in content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            let text = String(decoding: line, as: UTF8.self).trimmingCharacters(
                in: .whitespaces.union(.controlCharacters))
            if text.isEmpty { continue }
            do throws(TraceLineError) {
                if let header {
                    entries.append(try header.entry(text))
                } else if text.hasPrefix("{") {
                    entries.append(try Self.entry(json: line))
                } else {
                    header = try CSVHeader(text)
                }
            } catch { throw TandemError("line \(number) of \(name) \(error.message)", hint: Self.forms) }
        }
        guard let start = entries.map(\.time).min() else {
            throw TandemError("\(name) holds no requests", hint: Self.forms)
        }
        for index in entries.indices { entries[index].time -= start }
        // Stable: requests of the same time keep their order.
        let order = entries.indices.sorted { (entries[$0].time, $0) < (entries[$1].time, $1) }
        entries = order.map { entries[$0] }
    }

    private static let forms: Sentence =
        "traces are Azure's (TIMESTAMP,ContextTokens,GeneratedTokens) or Mooncake's "
        + "(lines of JSON with timestamp, input_length, output_length)"

    private static func entry(json line: Data) throws(TraceLineError) -> Entry {
        let read: JSONEntry
        do { read = try JSONDecoder().decode(JSONEntry.self, from: line) } catch {
            throw TraceLineError("is no JSON object of numbers and times")
        }
        let entry: Entry
        if let time = read.timestamp, let prompt = read.inputLength, let answer = read.outputLength {
            entry = Entry(time: time / 1000, promptTokens: prompt, answerTokens: answer, blocks: read.hashIDs ?? [])
        } else if let time = read.azureTime, let prompt = read.contextTokens, let answer = read.generatedTokens {
            entry = Entry(time: try TraceTime.seconds(time), promptTokens: prompt, answerTokens: answer)
        } else {
            throw TraceLineError("lacks a time, the length of a prompt or the length of an answer")
        }
        return try entry.checked()
    }
}

/// What is wrong with a line, as the end of a sentence about it.
private struct TraceLineError: Error {
    let message: String
    init(_ message: String) { self.message = message }
}

/// The keys of both forms.
private struct JSONEntry: Decodable {
    var timestamp: Double?
    var inputLength: Int?
    var outputLength: Int?
    var hashIDs: [Int]?
    var azureTime: String?
    var contextTokens: Int?
    var generatedTokens: Int?

    private enum CodingKeys: String, CodingKey {
        case timestamp
        case inputLength = "input_length"
        case outputLength = "output_length"
        case hashIDs = "hash_ids"
        case azureTime = "TIMESTAMP"
        case contextTokens = "ContextTokens"
        case generatedTokens = "GeneratedTokens"
    }
}

extension RequestTrace.Entry {
    /// Far more than any model's context: what is longer is a mistake.
    private static let mostTokens = 1_000_000_000

    fileprivate func checked() throws(TraceLineError) -> Self {
        guard time.isFinite else { throw TraceLineError("has a time that is no number") }
        guard (1...Self.mostTokens).contains(promptTokens) else {
            throw TraceLineError("has a prompt of \(promptTokens) tokens")
        }
        guard (0...Self.mostTokens).contains(answerTokens) else {
            throw TraceLineError("has an answer of \(answerTokens) tokens")
        }
        return self
    }
}

/// Which column holds what.
private struct CSVHeader {
    private let time: Int
    private let prompt: Int
    private let answer: Int
    private let count: Int

    init(_ line: String) throws(TraceLineError) {
        let names = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard let time = names.firstIndex(of: "TIMESTAMP"), let prompt = names.firstIndex(of: "ContextTokens"),
            let answer = names.firstIndex(of: "GeneratedTokens")
        else { throw TraceLineError("begins no trace") }
        (self.time, self.prompt, self.answer, count) = (time, prompt, answer, names.count)
    }

    func entry(_ line: String) throws(TraceLineError) -> RequestTrace.Entry {
        let cells = line.split(separator: ",", omittingEmptySubsequences: false)
        guard cells.count == count else { throw TraceLineError("has \(cells.count) columns instead of \(count)") }
        guard let prompt = Int(cells[prompt]), let answer = Int(cells[answer]) else {
            throw TraceLineError("has a length that is no whole number")
        }
        return try RequestTrace.Entry(
            time: TraceTime.seconds(String(cells[time])), promptTokens: prompt, answerTokens: answer
        ).checked()
    }
}

/// Times as "2023-11-16 18:17:03.9799600", with or without a zone behind.
private enum TraceTime {
    /// Seconds since some midnight; a zone is not looked at, as all times of a trace have the same.
    static func seconds(_ text: String) throws(TraceLineError) -> Double {
        let pattern = /(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d(?:\.\d+)?)(?:Z|[+-]\d\d:?\d\d)?/
        guard let match = try? pattern.wholeMatch(in: text), let year = Int(match.1), let month = Int(match.2),
            let day = Int(match.3), let hour = Int(match.4), let minute = Int(match.5), let second = Double(match.6),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { throw TraceLineError("has no time such as 2023-11-16 18:17:03.979") }
        return Double((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    }

    /// Days from a fixed day to one of the Gregorian calendar; years begin in March, so that the leap day is their last.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let (years, months) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
        return 365 * years + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1
    }
}
