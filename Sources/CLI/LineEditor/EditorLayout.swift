// Responsible for: a prompt and a text as rows of a terminal, and where in them the cursor is.
// Must not know: terminals.

/// Rows that fit into a width.
struct EditorLayout: Equatable {
    struct Row: Equatable {
        var text = ""
        var columns = 0
    }

    private(set) var rows = [Row()]
    private(set) var cursor = (row: 0, column: 0)
    private let width: Int

    /// Lines behind the first are as far from the edge as the first behind its prompt, unless that leaves no room.
    init(prompt: String, text: EditedText, width: Int) {
        self.width = max(width, 1)
        let columns = DisplayWidth.columns(of: prompt)
        let indent = String(repeating: " ", count: columns <= self.width / 2 ? columns : 0)
        add(prompt, indent: indent)
        add(text.before, indent: indent)
        if rows[rows.count - 1].columns >= self.width { rows.append(Row()) }
        cursor = (rows.count - 1, rows[rows.count - 1].columns)
        add(text.after, indent: indent)
    }

    private mutating func add(_ text: String, indent: String) {
        for character in text {
            if character.isNewline {
                rows.append(Row(text: indent, columns: indent.count))
                continue
            }
            var (shown, columns) = (DisplayWidth.shown(character), DisplayWidth.columns(of: character))
            // What is wider than the terminal would move all that follows.
            if columns > width { (shown, columns) = ("?", 1) }
            if rows[rows.count - 1].columns + columns > width { rows.append(Row()) }
            rows[rows.count - 1].text += shown
            rows[rows.count - 1].columns += columns
        }
    }

    static func == (first: EditorLayout, second: EditorLayout) -> Bool {
        first.rows == second.rows && first.cursor == second.cursor
    }
}
