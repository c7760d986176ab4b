// Responsible for: the whole terminal as a picture that is drawn again and again, and its keys; as it was when we leave.
// Must not know: what is drawn.
import Foundation

/// The terminal of stdout, and stdin where that is one too. Used from one thread at a time.
final class Screen {
    private let hasColors: Bool
    /// Whether the encoding of the locale is UTF-8.
    let isFine: Bool
    private var inputSettings: termios?
    private var isShown = false

    /// nil where stdout is no terminal, or one that cannot move its cursor.
    init?(environment: [String: String] = ProcessInfo.processInfo.environment) {
        guard Terminal.isOutputInteractive, !["", "dumb"].contains(environment["TERM"] ?? "") else { return nil }
        // https://no-color.org: present and not empty.
        hasColors = (environment["NO_COLOR"] ?? "").isEmpty
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        isFine = ["utf-8", "utf8"].contains { locale.lowercased().hasSuffix($0) }
    }

    /// Takes the terminal: its second page, no cursor, no line breaks of its own, keys at once and unseen.
    func enter() {
        guard !isShown else { return }
        isShown = true
        var settings = termios()
        if Terminal.isInputInteractive, tcgetattr(STDIN_FILENO, &settings) == 0 {
            inputSettings = settings
            settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
            tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        }
        // DEC private modes of xterm: 1049 the second page, 25 the cursor, 7 line breaks at the right edge.
        Terminal.put("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J")
    }

    /// Gives it back.
    func leave() {
        guard isShown else { return }
        isShown = false
        Terminal.put("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
        if var settings = inputSettings { tcsetattr(STDIN_FILENO, TCSANOW, &settings) }
    }

    /// Columns and rows, now.
    var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Shows these lines, which fit into `size`, and nothing else. They are overwritten in place, all in one write, so
    /// that nothing flickers.
    func draw(_ lines: [StyledLine], size: (width: Int, height: Int)) {
        // At the right edge the cursor stands on the last letter: erasing the rest would erase that.
        var rows = lines.map { line in
            (hasColors ? line.coloured : line.text) + (line.width < size.width ? "\u{1B}[K" : "")
        }
        if rows.count < size.height { rows.append("\u{1B}[J") }
        Terminal.put("\u{1B}[H" + rows.joined(separator: "\r\n"))
    }

    /// Calls `body` with each byte that is typed, from a thread that lives as long as the process.
    static func readKeys(_ body: @escaping @Sendable (UInt8) -> Void) {
        guard Terminal.isInputInteractive else { return }
        Thread.detachNewThread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 1 { body(byte) } else if count == 0 || errno != EINTR { return }
            }
        }
    }
}
