// JSON from untrusted bytes: what is read, and what is refused.
import Testing

@testable import ModelFile

@Suite struct JSONReaderTests {
    private func read(_ text: String) throws -> JSONObject { try JSONReader.object(Array(text.utf8), file: "f.json") }

    @Test("Every kind of value is read")
    func values() throws {
        let object = try read(
            #" {"a": null, "b": [true, false], "c": -12, "d": 1.5e2, "e": "x\n\u00e9\ud83d\ude00\"\\\/", "#
                + #""f": {"g": []}, "h": 1e2, "i": 123456789012345678901} "#
        )
        #expect(object.members.map(\.name) == ["a", "b", "c", "d", "e", "f", "h", "i"])
        #expect(object.present("a") == nil)
        #expect(try object.array("b")?.count == 2)
        #expect(try object.integer("c") == -12)
        #expect(try object.number("d") == 150)
        #expect(try object.string("e") == "x\n\u{E9}\u{1F600}\"\\/")
        #expect(try object.object("f")?.array("g")?.isEmpty == true)
        #expect(try object.integer("h") == 100)
        #expect(try object.number("i") == 1.2345678901234568e20)
        #expect(refusal { try object.integer("i") }?.field == "i")
        #expect(refusal { try object.string("c") }?.value == "-12")
    }

    @Test(
        "What is not JSON is refused",
        arguments: [
            "", " ", "{", "}", "[]", "1", "{}x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":tru}",
            "{\"a\":NaN}",
            "{\"a\":1e999}", "{\"a\":-}", "{\"a\":1-2}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\\udc00\"}", "{\"a\":\"\\", "{\"a\":\"", "{\"a\":\"\n\"}",
            "{\"a\":[1 2]}",
            "{\"a\":1 \"b\":2}", "{\"a\":\u{0}}", "{\"a\":\"\\u00g0\"}",
        ])
    func malformed(text: String) {
        #expect(refusal { try read(text) }?.file == "f.json")
    }

    @Test("Text that is not UTF-8 is refused")
    func invalidUTF8() {
        let bytes = Array("{\"a\":\"".utf8) + [0xC3, 0x28] + Array("\"}".utf8)
        #expect(refusal { try JSONReader.object(bytes, file: "f") }?.problem.contains("UTF-8") == true)
    }

    @Test("Nesting is limited")
    func nesting() throws {
        func nested(_ depth: Int) -> String {
            "{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        _ = try read(nested(FileLimits.jsonDepth - 1))
        #expect(refusal { try read(nested(FileLimits.jsonDepth + 1)) }?.code == .limitExceeded)
        #expect(refusal { try read("{\"a\":" + String(repeating: "[", count: 1_000_000)) }?.field == "nesting")
    }

    @Test("A name that occurs twice in an object is refused; canonically equivalent names are two names")
    func duplicateNames() throws {
        #expect(refusal { try read(#"{"a": {"b": 1, "b": 2}}"#) }?.code == .duplicate)
        #expect(try read("{\"\u{E9}\": 1, \"e\u{301}\": 2}").members.count == 2)
    }

    @Test("Read as Python reads it, NaN and Infinity are numbers, and the last of equal names counts")
    func asPython() throws {
        func read(_ text: String) throws -> JSONObject {
            try JSONReader.object(Array(text.utf8), file: "f.json", asPython: true)
        }
        let object = try read(
            #"{"a": 1, "b": {"c": 1, "c": [2], "c": 3}, "a": NaN, "d": [-Infinity,Infinity], "\u0061": 5, "e": 1e999}"#)
        #expect(object.members.map(\.name) == ["b", "d", "a", "e"])
        #expect(try object.integer("a") == 5)
        #expect(try object.object("b")?.integer("c") == 3)
        #expect(try object.object("b")?.members.map(\.name) == ["c"])
        #expect(try object.number("e") == .infinity)
        #expect(refusal { try object.integer("e") }?.field == "e")
        #expect(try object.array("d")?.map(\.kindName) == ["-inf", "inf"])
        for text in [#"{"a": Nan}"#, #"{"a": -Inf}"#, #"{"a": +Infinity}"#, #"{"a": 1,}"#, #"{"a": infinity}"#] {
            #expect(refusal { try read(text) }?.code == .malformed)
        }
        let many = "{" + String(repeating: #""a": 1, "#, count: FileLimits.jsonDuplicates + 1) + #""a": 2}"#
        #expect(refusal { try read(many) }?.code == .duplicate)
    }

    @Test("A file above its limit is not read")
    func sizeLimit() {
        let file = MemoryFile(name: "big.json", content: Array("{\"a\": 1}".utf8))
        #expect(refusal { try JSONReader.object(in: file, limit: 7) }?.code == .limitExceeded)
    }
}
