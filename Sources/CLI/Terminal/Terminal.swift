// Responsible for: the streams that the process writes to: data on stdout, talk on stderr.
import Foundation
import Sequences

/// Writes to the two output streams.
enum Terminal {
    static let isInteractive = isatty(STDERR_FILENO) == 1
    static let isInputInteractive = isatty(STDIN_FILENO) == 1
    static let isOutputInteractive = isatty(STDOUT_FILENO) == 1

    /// Text in the terminal's dim letters (ECMA-48, SGR 2).
    static func dim(_ text: String) -> String { "\u{1B}[2m\(text)\u{1B}[22m" }

    /// What a terminal is to show of a text that somebody else wrote: line breaks and tabs stay, and all else that
    /// would be a command to it is seen as ^X.
    static func harmless(_ text: String) -> String {
        let isControl = { (scalar: Unicode.Scalar) in
            scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
        }
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if !isControl(scalar) {
                shown.append(scalar)
            } else if scalar != "\r" {  // of a line break, most often
                shown += scalar.isASCII ? ["^", Unicode.Scalar(UInt8(scalar.value) ^ 0x40)] : ["?"]
            }
        }
        return String(shown)
    }

    /// A line of talk on stderr.
    static func say(_ line: String) { write((isInteractive ? harmless(line) : line) + "\n", to: STDERR_FILENO) }

    /// What is to be known of a model whose files were guessed at in part, or used in part.
    static func warn(_ notices: [Sentence]) {
        for notice in notices { say("warning: \(notice.spelled)") }
    }

    /// Talk without an end of line.
    static func sayPart(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Data on stdout, at once. A reader that went away ends the process in silence, as it does every filter; output
    /// that is lost for any other reason is an error, and ends it too.
    static func put(_ text: String) {
        guard let reason = write(text, to: STDOUT_FILENO) else { return }
        if reason == EPIPE { exitNow(0) }
        let isClosed = reason == EBADF
        say("error: the output cannot be written: \(isClosed ? "it is closed" : String(cString: strerror(reason)))")
        say("hint: \(isClosed ? "write it to a file, or to /dev/null" : "free some space, or write it elsewhere")")
        exitNow(ExitStatus.failure.rawValue)
    }

    /// nil: all of it is written. Otherwise the number of the error.
    @discardableResult
    private static func write(_ text: String, to descriptor: Int32) -> Int32? {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                bytes = bytes.dropFirst(count)
            } else if errno == EAGAIN {
                var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&request, 1, -1)
            } else if errno != EINTR {
                return errno
            }
        }
        return nil
    }

    /// Keeps the numbers of streams that are closed from being given to files and sockets: what was meant for the
    /// terminal would be written into them. Reading from or writing to such a stream fails as before.
    static func holdStreams() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is this one.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}

/// Ends the process without running exit handlers of threads that still work.
func exitNow(_ status: Int32) -> Never {
    RawMode.leave()
    fflush(nil)
    _exit(status)
}

/// A write to a closed pipe is an error to be handled, not a signal that kills.
func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
