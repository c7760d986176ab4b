// Responsible for: templates, JSON and what people paste. Must not know: models.
import Jinja
import Transport

@testable import ModelFile

enum TextTargets {
    /// A chat template, and its variables as JSON.
    static func template(_ bytes: [UInt8]) {
        let parts = Input.parts(bytes, atMost: 2)
        guard let template = try? Template(parts[0].text) else { return }
        let standard = #"{"messages":[{"role":"user","content":"Hé  "}],"add_generation_prompt":true,"n":[1,2.5,null]}"#
        let variables = Value(json: parts.count > 1 ? parts[1].text : standard)?.entries ?? []
        var limits = TemplateLimits()
        (limits.steps, limits.textBytes, limits.outputBytes) = (20_000, 1 << 20, 1 << 18)
        _ = try? template.render(variables, limits: limits)
    }

    /// A document for both readers of JSON.
    static func json(_ bytes: [UInt8]) {
        for asPython in [false, true] {
            attempt { visit(.object(try JSONReader.object(bytes, file: "a.json", asPython: asPython))) }
        }
        _ = Value(json: bytes.text)
    }

    private static func visit(_ value: JSONValue) {
        _ = (value.kindName, value.whole)
        switch value {
        case .array(let elements):
            precondition(elements.isEmpty == (elements.count == 0), "an empty list with elements")
            for element in elements { visit(element) }
            _ = elements.pair
        case .object(let object):
            for member in object.members.prefix(8) {
                _ = (try? object.integer(member.name), try? object.number(member.name))
                _ = (try? object.bool(member.name), try? object.string(member.name))
            }
            for member in object.members { visit(member.value) }
        default: break
        }
    }

    /// Addresses.
    static func address(_ bytes: [UInt8]) {
        guard let endpoint = try? Endpoint(parsing: bytes.text) else { return }
        do {
            let again = try Endpoint(parsing: endpoint.description)
            precondition(again == endpoint, "\(endpoint) is another one when it is read again")
        } catch { preconditionFailure("\(endpoint) cannot be read again: \(error)") }
        _ = endpoint.isLoopback
    }
}
