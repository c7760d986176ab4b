// Integers of JSON beyond 64 bits, which templates write as they stand.
import Testing

@testable import Jinja

@Suite("Integers beyond 64 bits")
struct WideIntegerTests {
    private func render(_ template: String, _ json: String) throws -> String {
        try Template(template).render([("x", try #require(Value(json: json)))])
    }

    @Test(
        "They stay as written",
        arguments: [
            "9223372036854775808", "-9223372036854775809", "18446744073709551615",
            "123456789012345678901234567890123456789012345678901234567890",
        ])
    func asWritten(digits: String) throws {
        #expect(
            try render("{{ x }} {{ [x] }} {{ x | tojson }} {{ x | string }}", digits)
                == "\(digits) [\(digits)] \(digits) \(digits)")
        #expect(try render("{{ x | tojson }}", #"{"maximum": [\#(digits)]}"#) == #"{"maximum": [\#(digits)]}"#)
        #expect(
            try render("{{ x is integer }} {{ x is number }} {{ x is float }} {{ x | int }}", digits)
                == "True True False \(digits)")
        #expect(try render("{{ x == x }} {{ x > 5 }}", digits) == "True \(digits.hasPrefix("-") ? "False" : "True")")
    }

    @Test("As many digits as Python reads")
    func limit() {
        #expect(Value(json: String(repeating: "1", count: 4300)) != nil)
        #expect(Value(json: String(repeating: "1", count: 4301)) == nil)
        #expect(Value(json: "01234567890123456789012") == nil)
    }
}
