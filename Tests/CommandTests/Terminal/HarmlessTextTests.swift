// What others wrote, as a terminal is given it. Must not know: who wrote it.
import Testing

@testable import CLI

@Suite("What a terminal is given of others' texts")
struct HarmlessTextTests {
    @Test(
        "Control characters are seen instead of obeyed; all else stays as it is",
        arguments: [
            ("Grüße 日本\u{1F600}\n\tcode", "Grüße 日本\u{1F600}\n\tcode"), ("", ""), ("one\r\ntwo\r", "one\ntwo"),
            ("\u{1B}[2J\u{1B}]0;t\u{07}", "^[[2J^[]0;t^G"), ("\u{00}\u{08}\u{7F}", "^@^H^?"), ("\u{9B}2J", "?2J"),
            ("e\u{301}\u{200D}\u{1F1E9}\u{1F1EA}", "e\u{301}\u{200D}\u{1F1E9}\u{1F1EA}"),
        ])
    func harmless(text: String, shown: String) {
        #expect(Terminal.harmless(text) == shown)
    }
}
