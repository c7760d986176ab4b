// Ctrl-R: what was sent is found by what it holds. Must not know: terminals.
import Testing

@testable import CLI

@Suite("A search in a history")
struct HistorySearchTests {
    private static let entries = ["alpha one", "beta two", "alpha three", "alpha three", "gamma\nalpha 日本"]

    /// What is shown after keys: the prompt of the search, and the text with its cursor.
    private func shown(_ keys: [TypedKey], in entries: [String] = Self.entries) -> String {
        var editor = LineEditor(history: History(entries))
        for key in keys { _ = editor.handle(key) }
        return (editor.search?.prompt ?? "") + editor.text.before + "|" + editor.text.after
    }

    @Test("Each letter narrows it, Ctrl-R goes to what is older, Ctrl-S back; the same text is passed over")
    func found() {
        #expect(shown([.searchBackward]) == "(reverse-i-search)`': |")
        #expect(shown([.searchBackward, .text("al")]) == "(reverse-i-search)`al': gamma\n|alpha 日本")
        #expect(shown([.searchBackward, .text("al"), .text("pha t")]) == "(reverse-i-search)`alpha t': |alpha three")
        let two: [TypedKey] = [.searchBackward, .text("alpha"), .searchBackward]
        #expect(shown(two) == "(reverse-i-search)`alpha': |alpha three")
        #expect(shown(two + [.searchBackward]) == "(reverse-i-search)`alpha': |alpha one")
        #expect(shown(two + [.searchBackward, .searchForward]) == "(reverse-i-search)`alpha': |alpha three")
        #expect(shown(two + [.searchBackward, .searchBackward]) == "(failed reverse-i-search)`alpha': |alpha one")
        #expect(shown([.searchBackward, .text("本")]) == "(reverse-i-search)`本': gamma\nalpha 日|本")
        #expect(shown([.searchBackward, .paste("a\nal")]) == "(reverse-i-search)`a al': gamm|a\nalpha 日本")
    }

    @Test("What is not found leaves what was; a letter taken back finds again, the last one what was written")
    func failing() {
        let keys: [TypedKey] = [.text("draft"), .searchBackward, .text("be"), .text("x")]
        #expect(shown(keys) == "(failed reverse-i-search)`bex': |beta two")
        #expect(shown(keys + [.backspace]) == "(reverse-i-search)`be': |beta two")
        #expect(shown(keys + [.backspace, .backspace, .backspace]) == "(reverse-i-search)`': draft|")
        #expect(shown(keys + [.abandon]) == "draft|")
        #expect(shown([.text("draft"), .searchBackward, .text("x")]) == "(failed reverse-i-search)`x': draft|")
        #expect(
            shown([.searchBackward, .text("x"), .searchBackward, .searchForward, .backspace], in: []).hasSuffix("|"))
    }

    @Test("Enter sends what is found, Ctrl-C takes it away, Escape keeps it, any other key goes on from it")
    func ends() {
        let keys: [TypedKey] = [.searchBackward, .text("two")]
        #expect(shown(keys + [.escape]) == "beta |two")
        #expect(shown(keys + [.end, .text("!")]) == "beta two!|")
        #expect(shown(keys + [.up]) == "alpha one|" && shown(keys + [.down]) == "alpha three|")
        // What was written before is still below the newest.
        #expect(shown([.text("draft")] + keys + [.escape] + Array(repeating: .down, count: 5)) == "draft|")
        #expect(
            shown(keys + [.escape, .searchBackward, .searchBackward]) == "(failed reverse-i-search)`two': beta |two")
        var editor = LineEditor(history: History(Self.entries))
        for key in keys { _ = editor.handle(key) }
        #expect(editor.handle(.enter) == .sent("beta two") && editor.search == nil && editor.text.isEmpty)
        // The next search for nothing is the last one again.
        for key in [TypedKey.searchBackward, .searchBackward] { _ = editor.handle(key) }
        #expect(editor.text.text == "beta two")
        #expect(editor.handle(.interrupt) == .interrupted(wasEmpty: false) && editor.search == nil)
        #expect(editor.text.isEmpty && editor.handle(.endOfInput) == .ended)
    }
}
