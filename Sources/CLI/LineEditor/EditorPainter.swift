// Responsible for: what is written so that a terminal shows an editor's rows, in place of those it showed before.
// Must not know: terminals, keys.

/// Remembers what is shown, from the row of the prompt on.
struct EditorPainter {
    private var shown: [EditorLayout.Row] = []
    private var cursor = (row: 0, column: 0)
    /// The first row that is shown where not all fit.
    private var top = 0

    /// Shows as many rows around the cursor as there is room for.
    mutating func frame(_ layout: EditorLayout, height: Int) -> String {
        let room = max(1, height)
        if layout.cursor.row < top { top = layout.cursor.row }
        if layout.cursor.row >= top + room { top = layout.cursor.row - room + 1 }
        top = max(0, min(top, layout.rows.count - room))
        let rows = Array(layout.rows[top...].prefix(room))
        let place = (row: layout.cursor.row - top, column: layout.cursor.column)
        let text = erasing() + Self.text(of: rows) + Self.up(rows.count - 1 - place.row) + "\r"
        (shown, cursor) = (rows, place)
        return text + (place.column > 0 ? "\u{1B}[\(place.column)C" : "")
    }

    /// Shows all rows for good; what follows begins below them.
    mutating func finish(_ layout: EditorLayout) -> String {
        defer { forget() }
        return erasing() + Self.text(of: layout.rows) + "\r\n"
    }

    /// Nothing is shown, and the cursor stands at the start of a row.
    mutating func forget() { self = EditorPainter() }

    /// The terminal has another width: most break rows that are too long for it.
    mutating func resize(width: Int) {
        let width = max(1, width)
        func rows(_ columns: Int) -> Int { max(1, (columns + width - 1) / width) }
        let above = shown.prefix(cursor.row).reduce(0) { $0 + rows($1.columns) }
        cursor = (above + cursor.column / width, cursor.column % width)
        shown = []
    }

    private func erasing() -> String { "\r" + Self.up(cursor.row) + "\u{1B}[J" }

    private static func text(of rows: [EditorLayout.Row]) -> String { rows.map(\.text).joined(separator: "\r\n") }

    private static func up(_ count: Int) -> String { count > 0 ? "\u{1B}[\(count)A" : "" }
}
