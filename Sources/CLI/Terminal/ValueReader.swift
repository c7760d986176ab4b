// Responsible for: reading the text of a flag's value where it is parsed, so that what a command would refuse is refused
// alike on the command line, in a file of settings and in the environment. Must not know: which flags there are.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences

/// For `@Option(transform:)`.
enum ValueReader {
    typealias Reading<Value> = @Sendable (String) throws -> Value

    /// Reads with `read`; what that throws becomes the one sentence with which the parser refuses the value.
    static func value<Value>(_ read: @escaping @Sendable (String) throws(TandemError) -> Value) -> Reading<Value> {
        { text in
            do throws(TandemError) { return try read(text) } catch { throw ValueRefusal(error) }
        }
    }

    /// Takes the text as it is, where `read` can read it.
    static func text<Value>(_ read: @escaping @Sendable (String) throws(TandemError) -> Value) -> Reading<String> {
        value { (text) throws(TandemError) in
            _ = try read(text)
            return text
        }
    }

    /// A whole number from 0 to `last`.
    static func number(_ field: Field, to last: Int, as example: Int) -> Reading<Int> {
        value { (text) throws(TandemError) in
            guard let number = Int(text), (0...last).contains(number) else {
                throw TandemError("\(field) is \(text)", hint: "write a number from 0 to \(last), as \(example)")
            }
            return number
        }
    }

    /// Whole numbers with commas between them.
    static func numbers(_ field: Field) -> Reading<String> {
        text { (text) throws(TandemError) in try numbers(text, field) }
    }

    /// "1,2,8" as numbers.
    static func numbers(_ list: String, _ field: Field) throws(TandemError) -> [Int] {
        var numbers: [Int] = []
        for item in list.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = Int(item) else {
                throw TandemError("\(field) is \(list)", hint: "write whole numbers with commas between them, as 1,2,8")
            }
            numbers.append(number)
        }
        return numbers
    }

    /// The address of a coordinator.
    static func address(_ field: Field) -> Reading<String> {
        text { (text) throws(TandemError) in try JoinAddress(parsing: text, field) }
    }

    /// The addresses of a coordinator and of those that may take its place.
    static func addresses(_ field: Field) -> Reading<String> {
        text { (text) throws(TandemError) in try JoinAddress.list(parsing: text, field) }
    }

    /// The name of a type of weights.
    static func weightType(_ field: Field) -> Reading<String> {
        text { (text) throws(TandemError) in try checkWeightType(text, field) }
    }

    /// The name of a type of keys and values.
    static let keyValueType: Reading<String> = text { (text) throws(TandemError) in try checkKeyValueType(text) }

    /// Layers of workers.
    static let split: Reading<String> = text { (text) throws(TandemError) in try LayerSplit.parse(text) }

    /// Bytes: "4GiB", "512MiB", "2GB" or a number of them.
    static let memory: Reading<Int> = value { (text) throws(TandemError) in
        let units: [(String, Int)] = [
            ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("KB", 1000), ("MB", 1_000_000),
            ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("B", 1),
        ]
        let unit = units.first { text.lowercased().hasSuffix($0.0.lowercased()) }
        let digits = unit.map { String(text.dropLast($0.0.count)) } ?? text
        guard let number = Double(digits.filter { $0 != " " }), number > 0, number * Double(unit?.1 ?? 1) < 1e18 else {
            throw TandemError("\(.memory) is \(text)", hint: "write an amount such as 4GiB or 512MiB")
        }
        return Int(number * Double(unit?.1 ?? 1))
    }
}

/// Why a value is refused. The parser puts words of its own in front of the description.
private struct ValueRefusal: Error, CustomStringConvertible {
    let description: String

    /// No sentence has it: `TandemError` takes commands to terminals away.
    static let mark: Character = "\u{1}"

    init(_ error: TandemError) {
        description = "\(Self.mark)" + error.sentence
    }
}

extension TandemError {
    /// What is wrong and what to write instead, in one sentence without a full stop.
    var sentence: String {
        guard let hint else { return Self.part(message) }
        let words = Self.part(hint)
        return "\(Self.part(message)); \(words.prefix(1).lowercased())\(words.dropFirst())"
    }

    private static func part(_ sentence: Sentence) -> String {
        let text = sentence.spelled
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }
}

extension ParsableCommand {
    /// What the parser says of a command line that it does not take: the sentence of whoever read the value, where there is
    /// one. A value that is no number gets one that is taken.
    static func refusal(_ error: any Error, of arguments: [String]) -> String {
        let words = message(for: error)
        if let mark = words.lastIndex(of: ValueRefusal.mark) { return String(words[words.index(after: mark)...]) }
        guard let end = words.range(of: "is invalid for '--", options: .backwards)?.upperBound,
            words.hasSuffix(">'"), let example = example(of: String(words[end...].prefix { $0 != " " }), arguments)
        else { return words }
        return words + "; write \(example)"
    }

    /// A value that the parser takes for an option that takes some text, but not all.
    private static func example(of key: String, _ arguments: [String]) -> String? {
        let command = arguments.prefix { !$0.hasPrefix("-") }
        return ["a number such as 8", "a number such as 0.5"].first { example in
            let value = example.split(separator: " ").last ?? ""
            do { _ = try parseAsRoot(command + ["--\(key)=\(value)"]) } catch {
                return !message(for: error).contains("invalid for '--\(key) ")
            }
            return true
        }
    }
}
