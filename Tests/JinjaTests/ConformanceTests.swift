// Templates and expressions come out as jinja2 renders them for Hugging Face transformers, errors included.
import Foundation
import Testing

@testable import Jinja

@Suite("Conformance with jinja2")
struct ConformanceTests {
    @Test("every small template gives jinja2's text, or an error of the same kind")
    func smallTemplates() throws {
        let fixture = try Fixtures.load("expressions.json")
        let common = try #require(fixture["variables"]).variables
        let cases = try #require(fixture["cases"]).elements
        #expect(cases.count > 700)
        for item in cases {
            let source = try #require(item["template"]?.string)
            let own = item["variables"]?.variables ?? []
            let variables = common.filter { entry in !own.contains { $0.0 == entry.0 } } + own
            let expected = Outcome(item)
            // jinja2 takes the way into Python's objects for undefined, which can be printed; here it is refused.
            if expected.error == nil, HiddenAttributes.all.contains(where: { source.contains($0.string) }) {
                #expect(throws: JinjaError.self, "\(source.debugDescription)") {
                    try Fixtures.render(source, variables)
                }
                continue
            }
            check(source, variables, expected, "\(source.debugDescription)")
        }
    }

    @Test(
        "every real template gives jinja2's text for every conversation",
        .enabled(if: Fixtures.hasRealTemplates, "../shared/data/chat-templates is not here"))
    func realTemplates() throws {
        let fixture = try Fixtures.load("chats.json")
        let chats = try #require(fixture["chats"]).elements
        let templates = try #require(fixture["templates"]).elements
        #expect(templates.count == 57)
        for template in templates {
            let name = try #require(template["template"]?.string)
            let source = try Fixtures.realTemplate(name)
            for (chat, result) in zip(chats, try #require(template["results"]).elements) {
                let variables = try #require(chat["variables"]).variables
                check(source, variables, Outcome(result), "\(name), \(chat["name"]?.string ?? "")")
            }
        }
    }

    private func check(
        _ source: String, _ variables: [(String, Value)], _ expected: Outcome, _ name: String
    ) {
        do throws(JinjaError) {
            let text = try Fixtures.render(source, variables)
            if let error = expected.error {
                Issue.record("\(name): wrote \(text.debugDescription) instead of \(error): \(expected.message ?? "")")
            } else if let wanted = expected.text {
                if Text(text) != Text(wanted) {
                    Issue.record("\(name): \(text.debugDescription) is not \(wanted.debugDescription)")
                }
            } else {
                #expect(text.utf8.count == expected.length, "\(name): \(text.prefix(3000))")
                #expect(SHA256.hash(text) == expected.sha256, "\(name)")
            }
        } catch {
            guard let wanted = expected.error else {
                Issue.record("\(name): \(error) instead of \(expected.text.debugDescription)")
                return
            }
            switch (wanted, error) {
            case ("TemplateSyntaxError", .syntax), ("TemplateAssertionError", .syntax), ("SyntaxError", .syntax): break
            case ("TemplateSyntaxError", _), ("TemplateAssertionError", _), ("SyntaxError", _):
                Issue.record("\(name): \(error) instead of \(wanted): \(expected.message ?? "")")
            case ("TemplateError", .raised(_, let message)):
                #expect(String(message.unicodeScalars.prefix(200)) == expected.message, "\(name)")
            case ("TemplateError", _), (_, .raised), (_, .syntax):
                Issue.record("\(name): \(error) instead of \(wanted): \(expected.message ?? "")")
            case ("UndefinedError", .runtime(_, let message)):
                #expect(message == expected.message, "\(name)")
            default: break
            }
        }
    }
}
