// Damaged templates: whatever bytes a file holds, reading and rendering end with a text or a `JinjaError`.
import Testing

@testable import Jinja

@Suite("Damaged templates")
struct MutationTests {
    /// A small generator of numbers (xorshift), so that every run tries the same mutations.
    struct Numbers {
        var state: UInt64
        mutating func next(below bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
    }

    private static let pieces = [
        "{%", "%}", "{{", "}}", "{#", "#}", "-", "+", "(", ")", "[", "]", "{", "}", "'", "\"", "\\", "|", ".", ",", ":",
        "~",
        "**", "//", " is ", " not ", " in ", " if ", " else ", " and ", "for ", "endfor", "endif", "set ", "macro ",
        "call ",
        "recursive", "loop", "loop.length", "namespace()", "range(9**9)", "none", "true", "9223372036854775807", "-1",
        "1e308", "0", "*", "é", "\u{0}", "\n", "\r\n", "[::-1]", "|tojson", "|list", "|first", "|join", "messages",
        "x.y",
    ]

    private func mutate(_ source: [UInt8], _ numbers: inout Numbers) -> String {
        var bytes = source
        for _ in 0...numbers.next(below: 4) {
            let place = numbers.next(below: bytes.count + 1)
            let length = min(numbers.next(below: 12), bytes.count - place)
            switch numbers.next(below: 5) {
            case 0: bytes.removeSubrange(place..<(place + length))
            case 1: bytes.insert(contentsOf: Self.pieces[numbers.next(below: Self.pieces.count)].utf8, at: place)
            case 2:
                bytes.insert(
                    contentsOf: Array(bytes[place..<(place + length)]), at: numbers.next(below: bytes.count + 1))
            case 3:
                bytes.replaceSubrange(
                    place..<(place + length), with: Self.pieces[numbers.next(below: Self.pieces.count)].utf8)
            default: if place < bytes.count { bytes[place] = UInt8(numbers.next(below: 256)) }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func tryAll(_ sources: [String], _ variables: [(String, Value)], count: Int, seed: UInt64) {
        var limits = TemplateLimits()
        limits.steps = 10_000
        limits.stepsPerValue = 10
        limits.stepsPerByte = 0
        limits.textBytes = 1 << 20
        limits.textBytesPerByte = 0
        var numbers = Numbers(state: seed)
        var texts = 0
        for index in 0..<count {
            let source = mutate(Array(sources[index % sources.count].utf8), &numbers)
            do throws(JinjaError) {
                _ = try Template(source).render(variables, limits: limits)
                texts += 1
            } catch {
                #expect(error.line >= 1)
            }
        }
        #expect(texts > count / 50 && texts < count)
    }

    @Test("20,000 mutations of small templates end with a text or an error")
    func smallTemplates() throws {
        let fixture = try Fixtures.load("expressions.json")
        let sources = try #require(fixture["cases"]).elements.compactMap { $0["template"]?.string }
        tryAll(sources, try #require(fixture["variables"]).variables, count: 20_000, seed: 0x9E37_79B9_7F4A_7C15)
    }

    @Test(
        "mutations of real templates end with a text or an error",
        .enabled(if: Fixtures.hasRealTemplates, "../shared/data/chat-templates is not here"))
    func realTemplates() throws {
        let fixture = try Fixtures.load("chats.json")
        let names = try #require(fixture["templates"]).elements.compactMap { $0["template"]?.string }
        let chats = try #require(fixture["chats"]).elements
        let chat = try #require(chats.first { $0["name"]?.string == "tool call and result" }?["variables"]).variables
        tryAll(try names.map(Fixtures.realTemplate), chat, count: 2_000, seed: 0xD1B5_4A32_D192_ED03)
    }
}
