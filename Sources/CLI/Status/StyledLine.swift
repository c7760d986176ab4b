// Responsible for: a line of text with colours that knows how wide it is. Must not know: what it says, terminals.
import Sequences

/// A line of a live view.
struct StyledLine: Equatable {
    /// What a part means; how it looks is decided here alone.
    enum Style { case plain, strong, faint, good, fair, bad }

    private struct Part: Equatable {
        var text: String
        var style: Style
    }

    private var parts: [Part] = []

    init(_ text: String = "", _ style: Style = .plain) { add(text, style) }

    /// Adds text at the end.
    mutating func add(_ text: String, _ style: Style = .plain) {
        if !text.isEmpty { parts.append(Part(text: text.printable, style: style)) }
    }

    /// Columns of a terminal.
    var width: Int { parts.reduce(0) { $0 + $1.text.count } }

    /// The line's text alone.
    var text: String { parts.map(\.text).joined() }

    /// At most `width` columns of it; `~` as the last says that there was more.
    func cut(to width: Int) -> StyledLine {
        guard self.width > width else { return self }
        var line = StyledLine()
        var room = width - 1
        for part in parts where room > 0 {
            line.add(String(part.text.prefix(room)), part.style)
            room -= part.text.count
        }
        if width > 0 { line.add("~", .faint) }
        return line
    }

    /// The text with the sequences that colour it (ECMA-48, SGR).
    var coloured: String {
        parts.map { part in
            switch part.style {
            case .plain: part.text
            case .strong: "\u{1B}[1m\(part.text)\u{1B}[0m"
            case .faint: "\u{1B}[2m\(part.text)\u{1B}[0m"
            case .good: "\u{1B}[32m\(part.text)\u{1B}[0m"
            case .fair: "\u{1B}[33m\(part.text)\u{1B}[0m"
            case .bad: "\u{1B}[31m\(part.text)\u{1B}[0m"
            }
        }.joined()
    }
}

extension String {
    /// This text with blanks behind it up to `width` columns, or in front.
    func padded(to width: Int, isRight: Bool = false) -> String {
        let blanks = String(repeating: " ", count: max(0, width - count))
        return isRight ? blanks + self : self + blanks
    }
}

/// A bar of `width` columns of which a share is full, in two parts. `isFine`: with blocks of eighths instead of `#`.
func bar(_ fraction: Double, width: Int, isFine: Bool = false) -> (full: String, empty: String) {
    let share = fraction.isFinite ? min(1, max(0, fraction)) : 0
    guard isFine else {
        let full = Int(share * Double(width))
        return (String(repeating: "#", count: full), String(repeating: ".", count: width - full))
    }
    let eighths = Int(share * Double(width * 8))
    // U+2588 is a full block; U+258F has one eighth, U+2589 seven.
    var full = String(repeating: "\u{2588}", count: eighths / 8)
    if eighths % 8 > 0, let block = Unicode.Scalar(0x2590 - eighths % 8) { full.unicodeScalars.append(block) }
    return (full, String(repeating: "\u{2591}", count: width - full.count))
}
