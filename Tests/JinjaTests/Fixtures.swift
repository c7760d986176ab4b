// The outcomes that jinja2 gave, as Tests/Reference/make_template_fixtures.py wrote them, and real templates.
import Foundation

@testable import Jinja

/// A text or an exception.
struct Outcome {
    var text: String?
    var length: Int?
    var sha256: String?
    var error: String?
    var message: String?

    init(_ value: Value) {
        text = value["text"]?.string
        length = value["length"]?.integer
        sha256 = value["sha256"]?.string
        error = value["error"]?.string
        message = value["message"]?.string
    }
}

extension Value {
    subscript(name: String) -> Value? {
        guard case .dictionary(let mapping) = self else { return nil }
        return mapping[.string(Text(name))]
    }

    var string: String? { if case .string(let text) = self { text.string } else { nil } }
    var integer: Int? { if case .int(let value) = self { value } else { nil } }
    var elements: [Value] { if case .list(let list) = self { list.items } else { [] } }

    /// The entries of an object, as a template's variables.
    var variables: [(String, Value)] {
        guard case .dictionary(let mapping) = self else { return [] }
        return mapping.entries.compactMap { entry in
            guard case .string(let name) = entry.key else { return nil }
            return (name.string, entry.value)
        }
    }
}

enum Fixtures {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let realTemplates = root.appending(path: "../shared/data/chat-templates/llama.cpp").standardizedFileURL
    static var hasRealTemplates: Bool { FileManager.default.fileExists(atPath: realTemplates.path) }

    static func load(_ name: String) throws -> Value {
        let url = root.appending(path: "Tests/Fixtures/templates/\(name)")
        guard let value = Value(json: try String(contentsOf: url, encoding: .utf8)) else {
            throw CocoaError(.coderInvalidValue)
        }
        return value
    }

    static func realTemplate(_ name: String) throws -> String {
        try String(contentsOf: realTemplates.appending(path: name), encoding: .utf8)
    }

    /// The moment of the fixtures' clock, in this machine's time zone.
    static let unixSeconds: Int = {
        var moment = tm()
        (moment.tm_year, moment.tm_mon, moment.tm_mday) = (126, 6, 4)
        (moment.tm_hour, moment.tm_min, moment.tm_sec, moment.tm_isdst) = (9, 5, 7, -1)
        return Int(mktime(&moment))
    }()

    static func render(_ source: String, _ variables: [(String, Value)]) throws(JinjaError) -> String {
        try Template(source).render(variables, unixSeconds: unixSeconds)
    }
}
