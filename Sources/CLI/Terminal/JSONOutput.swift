// Responsible for: the form of the JSON that commands print, the same for all of them: one object, keys in snake case.
// Must not know: what any command tells.
import Foundation
import Generation

/// A result as JSON. Documentation.docc/JSON-output.md describes what each command prints.
enum JSONOutput {
    /// Goes up where a key changes its meaning or goes away; a new key does not change it.
    static let schemaVersion = 1

    /// An object on one line, its break included.
    static func line(_ value: some Encodable) throws -> String { try text(Versioned(value: value)) }

    /// An object on several lines, to read and to look things up in.
    static func document(_ value: some Encodable) throws -> String {
        try text(Versioned(value: value), .prettyPrinted)
    }

    /// A text in quotes, and a line break.
    static func quoted(_ value: String) throws -> String { try text(value) }

    private static func text(
        _ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting = []
    ) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
        encoder.keyEncodingStrategy = .custom { Key(stringValue: key($0.last?.stringValue ?? "")) }
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }

    /// "contextLength" as "context_length". A property `promptTokens` is a count in all reports; the key `prompt_tokens`
    /// is the list of them in an answer.
    static func key(_ name: String) -> String { name == "promptTokens" ? "prompt_token_count" : name.inSnakeCase }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// The keys of a value, and one that says how they are to be read.
    private struct Versioned<Value: Encodable>: Encodable {
        enum CodingKeys: CodingKey { case schemaVersion }

        let value: Value

        func encode(to encoder: any Encoder) throws {
            try value.encode(to: encoder)
            var object = encoder.container(keyedBy: CodingKeys.self)
            try object.encode(JSONOutput.schemaVersion, forKey: .schemaVersion)
        }
    }
}
