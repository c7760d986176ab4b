// Responsible for: conversations as JSON in OpenAI's form, in files. Must not know: what is answered.
import Foundation
import Generation
import Sequences

/// A JSON list of messages, each with a role and content.
enum MessageList {
    /// Bytes of a file: in JSON a byte of a message may take six.
    private static let longest = 6 * RequestLimits.promptBytes

    /// The messages of a file; `field` is what named it. Throws `TandemError` where it holds something else.
    static func read(_ path: String, _ field: Field) throws -> [ChatMessage] {
        let bytes = try InputText.file(path, called: "file of messages", field, limit: longest)
        return try parse(Data(bytes), called: path)
    }

    /// The messages that `data` holds: a list, or an object with one under "messages".
    static func parse(_ data: Data, called name: String) throws(TandemError) -> [ChatMessage] {
        let hint: Sentence = #"write a list such as [{"role": "user", "content": "Hello"}]"#
        let value = try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
        let list = (value as? [String: Any])?["messages"] ?? value
        guard let entries = list as? [Any] else {
            throw TandemError("\(name) is not a JSON list of messages", hint: hint)
        }
        guard !entries.isEmpty else { throw TandemError("\(name) has no messages", hint: hint) }
        guard entries.count <= RequestLimits.chatMessages else {
            throw TandemError(
                "\(name) has \(entries.count) messages; at most \(RequestLimits.chatMessages) are allowed")
        }
        var messages: [ChatMessage] = []
        for (index, entry) in entries.enumerated() {
            let place = "message \(index + 1) of \(name)"
            guard let fields = entry as? [String: Any] else {
                throw TandemError("\(place) is not an object", hint: hint)
            }
            messages.append(try message(fields, place))
        }
        return messages
    }

    private static func message(_ fields: [String: Any], _ place: String) throws(TandemError) -> ChatMessage {
        guard let name = fields["role"] as? String else { throw TandemError("\(place) has no role") }
        // "developer" is what OpenAI calls the system's role of late.
        guard let role = name == "developer" ? .system : ChatMessage.Role(rawValue: name) else {
            let names = ChatMessage.Role.allCases.map(\.rawValue).joined(separator: ", ")
            throw TandemError("\(place) has the role \(name)", hint: "roles are \(names)")
        }
        if let calls = fields["tool_calls"] as? [Any], !calls.isEmpty {
            throw TandemError("\(place) has tool_calls, which cannot be sent", hint: "write them as content")
        }
        let reasoning = ["reasoning_content", "reasoning", "thinking"].compactMap { fields[$0] as? String }.first
        return ChatMessage(role: role, content: try content(fields["content"], place), reasoning: reasoning)
    }

    /// A text, or a list of parts that are texts, each then in a line of its own.
    private static func content(_ value: Any?, _ place: String) throws(TandemError) -> String {
        if let text = value as? String { return text }
        guard let parts = value as? [Any] else { throw TandemError("\(place) has no content that is text") }
        var texts: [String] = []
        for part in parts {
            let fields = part as? [String: Any]
            guard let text = part as? String ?? fields?["text"] as? String else {
                let type = fields?["type"] as? String ?? "no type"
                throw TandemError("\(place) has content of \(type)", hint: "only text can be sent")
            }
            texts.append(text)
        }
        return texts.joined(separator: "\n")
    }

    private struct Entry: Encodable {
        var role: String
        var content: String
        var reasoning_content: String?
    }

    /// What `parse` reads.
    static func text(_ messages: [ChatMessage]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let entries = messages.map {
            Entry(role: $0.role.rawValue, content: $0.content, reasoning_content: $0.reasoning)
        }
        return String(decoding: try encoder.encode(entries), as: UTF8.self) + "\n"
    }
}
