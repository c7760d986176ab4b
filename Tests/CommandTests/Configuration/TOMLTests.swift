// Responsible for: settings files as TOML 1.0 has them: values, tables, lines, and what is refused.
// Must not know: settings.
import Testing

@testable import CLI

extension CommandTests {
    @Suite("TOML")
    struct TOMLTests {
        private static func entries(_ text: String) throws -> [[String]: TOMLValue] {
            let entries = try TOMLDocument(Array(text.utf8)).entries
            return Dictionary(entries.map { ($0.path, $0.value) }) { first, _ in first }
        }

        @Test(
            "Values of each kind are read as written",
            arguments: [
                (#"x = "a\tb\n\u00e4\U0001F600\"\\""#, TOMLValue.text("a\tb\nä😀\"\\")),
                ("x = 'C:\\no'", .text("C:\\no")), ("x = \"\"", .text("")),
                ("x = \"\"\"\nab\r\n\"c\"\" \\\n\n   d\"\"\"\"\"", .text("ab\n\"c\"\" d\"\"")),
                ("x = '''\n'a\\n''''", .text("'a\\n'")), ("x = +1_000", .number("1000")), ("x = -0", .number("0")),
                ("x = 0xFF_ff", .number("65535")), ("x = 0o17", .number("15")), ("x = 0b101", .number("5")),
                ("x = -1.5e-3", .number("-1.5e-3")), ("x = 9223372036854775807", .number("9223372036854775807")),
                ("x = +inf", .number("inf")), ("x = true", .boolean(true)), ("x=false#c", .boolean(false)),
                ("x = []", .list([])),
                ("x = [ 1, # one\n  'b',\n\n  [true], ]", .list([.number("1"), .text("b"), .list([.boolean(true)])])),
            ])
        func values(text: String, expected: TOMLValue) throws {
            #expect(try Self.entries(text) == [["x"]: expected])
        }

        @Test("Tables, dotted keys, quoted keys and tables on one line are paths")
        func paths() throws {
            let text = """
                a.b = 1
                'q.r' = 2
                [t]
                u . "v" = 3
                w = { x = 4, y.z = 5 }
                [t.s]
                k = 6
                [other]
                """
            let expected: [[String]: TOMLValue] = [
                ["a", "b"]: .number("1"), ["q.r"]: .number("2"), ["t", "u", "v"]: .number("3"),
                ["t", "w", "x"]: .number("4"), ["t", "w", "y", "z"]: .number("5"), ["t", "s", "k"]: .number("6"),
            ]
            #expect(try Self.entries(text) == expected)
            let document = try TOMLDocument(Array(text.utf8))
            #expect(document.headers.map(\.path) == [["t"], ["t", "s"], ["other"]])
            #expect(document.entries.map(\.line) == [1, 2, 4, 5, 5, 7] && document.headers.map(\.line) == [3, 6, 8])
        }

        @Test(
            "What is not TOML, or no setting, is refused with its line",
            arguments: [
                ("a = 1\na = 2", 2, "a is there already, on line 1"), ("[t]\n[t]", 2, "already"),
                ("a.b = 1\n[a]", 2, "already"), ("[a.b]\n[a]\nb.c = 1", 3, "already"),
                ("t = {a = 1}\nt.b = 2", 2, "already"), ("t = {a = 1}\n[t.c]", 2, "already"),
                ("a", 1, "= is missing"), ("a =", 1, "a value is missing"), ("= 1", 1, "stands where a key should"),
                ("a = 1 2", 1, "where the line should end"), ("a = yes", 1, "text stands in quotes"),
                ("a = 4GiB", 1, "text stands in quotes: \"4GiB\""), ("a = 012", 1, "not a number"),
                ("a = 1__0", 1, "not a number"), ("a = 9223372036854775808", 1, "not a number"),
                ("a = \"x", 1, "without a quote at its end"), ("a = \"x\ny\"", 1, "without a quote"),
                ("\na = '''x\n", 2, "without a quote"), ("a = \"\\q\"", 1, "changes"), ("a = \"\\ud800\"", 1, "number"),
                ("a = \"\u{1}\"", 1, "control character"), ("a = 1\rb = 2", 1, "control character"),
                ("a = [1 2]", 1, "a comma is missing"), ("a = [1", 1, "] or a comma"), ("[t", 1, "] is missing"),
                ("a = {b = 1,}", 1, "a key is missing"), ("a = {b = 1", 1, "} is missing"),
                ("a = 2026-11-30", 1, "is a date"), ("[[t]]", 1, "list of tables"),
                ("a = [{b = 1}]", 1, "table in a list"),
                ("a = " + String(repeating: "[", count: 100_000), 1, "nested too deep"),
                ("a = " + String(repeating: "{a=", count: 100_000), 1, "nested too deep"),
            ])
        func refused(text: String, line: Int, words: String) {
            let failure = #expect(throws: TOMLDocument.Failure.self) { try TOMLDocument(Array(text.utf8)) }
            #expect(failure?.line == line && failure?.message.contains(words) == true, "\(String(describing: failure))")
        }

        @Test(
            "Bytes that are no text are refused, and every beginning and change of a file ends in one of the two ways")
        func spoiled() throws {
            #expect(throws: TOMLDocument.Failure.self) { try TOMLDocument([0x61, 0x3D, 0x22, 0xFF, 0x22]) }
            let whole = Array("[a.\"b\"]\nc = [1, 'x', \"\\u00e4\\n\"] # d\ne = {f = -1.5, g = '''h'''}\n".utf8)
            var read = 0
            for index in whole.indices {
                if (try? TOMLDocument(Array(whole[..<index]))) != nil { read += 1 }
                for byte in [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]"), UInt8(ascii: "\n"), 0, 0xC3] {
                    var changed = whole
                    changed[index] = byte
                    if (try? TOMLDocument(changed)) != nil { read += 1 }
                }
            }
            #expect(read > 10)
        }
    }
}
