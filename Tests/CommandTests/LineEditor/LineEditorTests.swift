// A message while it is written: keys in, text out. Must not know: terminals.
import Testing

@testable import CLI

@Suite("A line editor")
struct LineEditorTests {
    /// An editor that was typed into; "|" in what it gives is the cursor.
    private func typed(_ keys: [TypedKey], history: [String] = []) -> String {
        var editor = LineEditor(history: History(history))
        for key in keys { _ = editor.handle(key) }
        return editor.text.before + "|" + editor.text.after
    }

    @Test("Letters go to where the cursor is")
    func insertion() {
        #expect(typed([.text("hallo"), .left, .left, .left, .left, .backspace, .text("H")]) == "H|allo")
        #expect(typed([.text("ac"), .left, .text("b"), .right, .right, .text("d")]) == "abcd|")
        #expect(typed([.left, .backspace, .delete, .right, .home, .end, .wordLeft, .wordRight, .cutToEnd]) == "|")
        #expect(typed([.text("ab"), .home, .delete]) == "|b")
        #expect(typed([.text("ab"), .home, .endOfInput]) == "|b")
    }

    @Test("Wide letters, marks and joined pictures move and go as people see them")
    func characters() {
        #expect(typed([.text("日本語"), .left, .left, .backspace]) == "|本語")
        #expect(typed([.text("e"), .text("\u{301}x"), .left, .left]) == "|e\u{301}x")
        #expect(typed([.text("e\u{301}"), .backspace]) == "|")
        let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}"
        #expect(typed([.text("a" + family), .left, .left]) == "|a" + family)
    }

    @Test("Words are moved over, deleted and cut; what was cut comes back")
    func words() {
        #expect(typed([.text("one two-three"), .wordLeft]) == "one two-|three")
        #expect(typed([.text("one two-three"), .deleteBlankWordLeft]) == "one |")
        #expect(typed([.text("one two-three  "), .deleteWordLeft]) == "one two-|")
        #expect(typed([.text("one two"), .home, .wordRight]) == "one| two")
        #expect(typed([.text("one two"), .home, .deleteWordRight]) == "| two")
        #expect(typed([.text("one two"), .wordLeft, .cutToStart, .end, .text(" "), .yank]) == "two one |")
        #expect(typed([.text("one two"), .wordLeft, .cutToEnd, .home, .yank]) == "two|one ")
    }

    @Test("Ctrl-T changes the two letters around the cursor, at the end of a line its last two")
    func swaps() {
        #expect(typed([.text("abc"), .swap]) == "acb|")
        #expect(typed([.text("abc"), .left, .swap]) == "acb|")
        #expect(typed([.text("abc"), .left, .left, .swap]) == "ba|c")
        #expect(typed([.text("日e\u{301}"), .swap]) == "e\u{301}日|")
        for keys in [[TypedKey.swap], [.text("a"), .swap], [.text("ab"), .home, .swap], [.paste("ab\nc"), .swap]] {
            #expect(typed(keys) == typed(Array(keys.dropLast())))
        }
    }

    @Test("Several lines: by Alt-Enter, by a backslash, by a paste; keys work on the line")
    func lines() {
        #expect(typed([.text("a"), .newline, .text("b")]) == "a\nb|")
        #expect(typed([.text("a\\"), .enter, .text("b")]) == "a\nb|")
        #expect(typed([.paste("one\ntwo\nthree"), .home, .text("x")]) == "one\ntwo\nx|three")
        #expect(typed([.paste("one\ntwo\nthree"), .up, .text("x")]) == "one\ntwox|\nthree")
        #expect(typed([.paste("one\ntwo\nthree"), .home, .up, .up, .down, .text("x")]) == "one\nx|two\nthree")
        #expect(typed([.paste("one\ntwo"), .cutToStart, .cutToStart]) == "one|")
        #expect(typed([.paste("one\ntwo"), .up, .home, .cutToEnd, .cutToEnd]) == "|two")
        var editor = LineEditor()
        _ = editor.handle(.paste("a\nb\\c"))
        #expect(editor.handle(.enter) == .sent("a\nb\\c") && editor.text.isEmpty)
    }

    @Test("History is gone through, changed, and left at what was being written")
    func history() {
        let all = ["one", "two"]
        #expect(typed([.text("new"), .up], history: all) == "two|")
        #expect(typed([.text("new"), .up, .up, .up], history: all) == "one|")
        #expect(typed([.text("new"), .up, .up, .down, .down, .down], history: all) == "new|")
        #expect(typed([.up, .text("!"), .up, .down], history: all) == "two!|")
        // Also where nothing is sent the next message begins below the newest.
        #expect(typed([.up, .up, .cutToStart, .enter, .up], history: all) == "two|")
        var editor = LineEditor(history: History(all))
        _ = editor.handle(.up)
        _ = editor.handle(.text("!"))
        #expect(editor.handle(.enter) == .sent("two!"))
        #expect(editor.remember("two!") && !editor.remember("two!"))
        #expect(editor.history.entries == ["one", "two", "two!"])
        var history = History((0..<2 * History.longest).map(String.init))
        history.add("new")
        #expect(history.entries.count == History.longest && history.entries.last == "new")
    }

    @Test("Ctrl-C takes away what was written, Ctrl-D ends where nothing was")
    func ends() {
        var editor = LineEditor()
        _ = editor.handle(.text("x"))
        #expect(editor.handle(.interrupt) == .interrupted(wasEmpty: false) && editor.text.isEmpty)
        #expect(editor.handle(.interrupt) == .interrupted(wasEmpty: true))
        #expect(editor.handle(.endOfInput) == .ended)
    }
}
