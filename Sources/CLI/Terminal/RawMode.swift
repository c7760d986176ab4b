// Responsible for: a terminal that gives each key at once, unseen, and as it was when we leave, however we leave.
// Must not know: what keys mean.
import Foundation
import Synchronization

/// The mode of the terminal of stdin; one owner for the process.
enum RawMode {
    private struct State: Sendable {
        var settings: termios?
        var output = STDERR_FILENO
    }

    private static let state = Mutex(State())

    // DEC private mode 2004 of xterm: what is pasted comes between two marks.
    private static let pasteMarksOn = "\u{1B}[?2004h"
    private static let pasteMarksOff = "\u{1B}[?2004l"
    private static let patienceMilliseconds: Int32 = 200

    /// Takes the terminal; `output` is a descriptor through which it is written to. Ctrl-C and the like become keys.
    /// What is written goes on to be completed with carriage returns. False where it is no terminal.
    @discardableResult
    static func enter(output: Int32) -> Bool {
        state.withLock { state in
            if state.settings != nil { return true }
            var settings = termios()
            guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return false }
            let before = settings
            settings.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG | IEXTEN)
            settings.c_iflag &= ~tcflag_t(ICRNL | INLCR | IGNCR | IXON)
            settings.c_cc.6 = 1  // VMIN
            settings.c_cc.5 = 0  // VTIME
            guard tcsetattr(STDIN_FILENO, TCSADRAIN, &settings) == 0 else { return false }
            (state.settings, state.output) = (before, output)
            write(pasteMarksOn, to: output)
            return true
        }
    }

    /// Gives it back; nothing where it was not taken.
    static func leave() {
        state.withLock { state in
            guard var settings = state.settings else { return }
            state.settings = nil
            // A terminal that takes nothing any more must not keep us from leaving.
            var wanted = pollfd(fd: state.output, events: Int16(POLLOUT), revents: 0)
            let isTaking = poll(&wanted, 1, patienceMilliseconds) == 1
            if isTaking { write(pasteMarksOff, to: state.output) }
            tcsetattr(STDIN_FILENO, isTaking ? TCSADRAIN : TCSANOW, &settings)
        }
    }

    /// Columns and rows of the terminal, now.
    static var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(STDIN_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    private static func write(_ text: String, to descriptor: Int32) {
        _ = Array(text.utf8).withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    }
}
