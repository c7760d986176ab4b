// Responsible for: what people mean by the keys they press. Must not know: bytes, what becomes of it.

/// A key, or text that came in one piece.
enum TypedKey: Equatable, Sendable {
    case text(String)
    /// Text between the terminal's marks of a paste; its line breaks are line feeds.
    case paste(String)
    case enter, newline
    case left, right, up, down, home, end, wordLeft, wordRight
    case backspace, delete, deleteWordLeft, deleteBlankWordLeft, deleteWordRight, cutToStart, cutToEnd, yank
    case swap
    /// Of a search in the history: to what is older, to what is newer, back to what was written.
    case searchBackward, searchForward, abandon
    /// The escape key alone.
    case escape
    case interrupt, endOfInput, suspend, clearScreen
}
