// Responsible for: the two forms of the JSON that commands print.
import Foundation

/// A result as JSON.
enum JSONOutput {
    /// One line, its break included: what answers of `--json` are. Keys are the property names, sorted.
    static func line(_ value: some Encodable) throws -> String { try text(value, [], .useDefaultKeys) }

    /// Several lines to read and to look things up in; keys in snake case, sorted.
    static func document(_ value: some Encodable) throws -> String {
        try text(value, .prettyPrinted, .convertToSnakeCase)
    }

    /// The same on one line: what repeats is an object per line.
    static func documentLine(_ value: some Encodable) throws -> String { try text(value, [], .convertToSnakeCase) }

    private static func text(
        _ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting, _ keys: JSONEncoder.KeyEncodingStrategy
    ) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
        encoder.keyEncodingStrategy = keys
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}
