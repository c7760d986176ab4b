// What a terminal shows of an editor: rows, wide letters, the cursor, one state after another.
// Must not know: keys.
import Testing

@testable import CLI

@Suite("What a line editor shows")
struct EditorPainterTests {
    private func edited(_ before: String, _ after: String = "") -> EditedText {
        var text = EditedText(before + after)
        for _ in after { text.moveLeft() }
        return text
    }

    private func layout(_ before: String, _ after: String = "", width: Int) -> EditorLayout {
        EditorLayout(prompt: "> ", text: edited(before, after), width: width)
    }

    @Test("Columns are those of terminals")
    func columns() {
        for (text, columns) in [
            ("abc", 3), ("日本", 4), ("e\u{301}", 1), ("\u{1F600}", 2), ("한글", 4), ("\u{1100}\u{1161}", 2), ("ＡＢ", 4),
            ("\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", 2), ("\u{1F44D}\u{1F3FD}", 2), ("\u{1F1E9}\u{1F1EA}", 2),
            ("\u{2764}\u{FE0F}", 2), ("ก็", 1), ("\u{200B}", 0), ("\t", 4), ("\u{1B}", 2), ("ß", 1), ("🏴", 2),
        ] {
            #expect(DisplayWidth.columns(of: text) == columns, "\(text)")
        }
        #expect(DisplayWidth.shown("\u{1B}") == "^[" && DisplayWidth.shown("\u{7F}") == "^?")
        #expect(DisplayWidth.shown("\u{9B}") == "?")
    }

    @Test("Rows break at the edge, before a wide letter that has no room; a full row puts the cursor into the next")
    func rows() {
        #expect(layout("abcdefgh", width: 10).rows.map(\.text) == ["> abcdefgh", ""])
        #expect(layout("abcdefgh", width: 10).cursor == (1, 0))
        #expect(layout("abcde", "fghij", width: 10).rows.map(\.text) == ["> abcdefgh", "ij"])
        #expect(layout("日本語日本", width: 9).rows.map(\.text) == ["> 日本語", "日本"])
        #expect(layout("one\ntwo", width: 20).rows.map(\.text) == ["> one", "  two"])
        #expect(layout("on", "e\ntwo", width: 20).cursor == (0, 4))
        #expect(layout("one\n", width: 20).cursor == (1, 2))
    }

    @Test("One state after another, the terminal shows the last one and nothing else")
    func frames() {
        let states = [
            ("", ""), ("h", ""), ("Hello, world: this is longer than a row", ""), ("Hello", ", world"),
            ("日本語\nzwei", "drei"),
            ("", "日本語日本語日本語日本語"), (String(repeating: "x", count: 18), ""), (String(repeating: "x", count: 38), ""),
            ("a", ""),
        ]
        var painter = EditorPainter()
        var output = "before\r\n"
        for (before, after) in states {
            let layout = layout(before, after, width: 20)
            output += painter.frame(layout, height: 10)
            let picture = TerminalPicture(width: 20, height: 10, output)
            let shown = picture.lines[1...].prefix(layout.rows.count)
            #expect(Array(shown) == layout.rows.map { TerminalPicture(width: 20, height: 10, $0.text).line })
            #expect(
                picture.lines[0] == "before" && picture.lines.dropFirst(1 + layout.rows.count).allSatisfy(\.isEmpty))
            #expect((picture.row - 1, picture.column) == layout.cursor, "\(before)|\(after)")
        }
    }

    @Test("In terminals of few columns too each row is one; what has no room is a question mark")
    func narrow() {
        #expect(layout("ab\n日", width: 1).rows.map(\.text) == [">", " ", "a", "b", "?", ""])
        #expect(layout("ab\n日\u{1}", width: 2).rows.map(\.text) == ["> ", "ab", "日", "^A", ""])
        #expect(layout("ab\ncd", width: 4).rows.map(\.text) == ["> ab", "  cd", ""])
        let search = EditorLayout(prompt: "(reverse-i-search)`x': ", text: EditedText("x\ny"), width: 10)
        #expect(search.rows.allSatisfy { $0.columns <= 10 } && search.rows.last?.text == "y")
    }

    @Test("A text that is longer than the screen is seen around the cursor, and wholly once it is sent")
    func long() {
        let text = (0..<500).map { "line \($0)" }.joined(separator: "\n")
        var painter = EditorPainter()
        let end = layout(text, width: 30)
        var output = painter.frame(end, height: 8)
        var picture = TerminalPicture(width: 30, height: 8, output)
        #expect(picture.rows.count == 8 && picture.line == "  line 499")
        output += painter.frame(layout("", text, width: 30), height: 8)
        picture = TerminalPicture(width: 30, height: 8, output)
        #expect(picture.rows.count == 8 && picture.line == "> line 0" && picture.column == 2)
        output += painter.finish(end)
        picture = TerminalPicture(width: 30, height: 8, output)
        #expect(picture.lines == ["> line 0"] + (1..<500).map { "  line \($0)" } + [""])
    }

    @Test("After a resize all rows are taken away, also those that a terminal has broken anew")
    func resize() {
        let text = String(repeating: "ab ", count: 12)
        var painter = EditorPainter()
        _ = painter.frame(layout(text, width: 40), height: 10)
        painter.resize(width: 15)
        // A row of 38 columns has become three.
        #expect(painter.frame(layout(text, width: 15), height: 10).hasPrefix("\r\u{1B}[2A\u{1B}[J> "))
        painter.resize(width: 60)
        #expect(painter.frame(layout(text, width: 60), height: 10).hasPrefix("\r\u{1B}[2A\u{1B}[J> "))
    }
}
