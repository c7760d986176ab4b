// Responsible for: the process's streams: data on stdout, talk on stderr, prompts from stdin or files.
import Foundation
import Node
import Sequences

/// Writes to the two output streams.
enum Terminal {
    static let isInteractive = isatty(STDERR_FILENO) == 1
    static let isInputInteractive = isatty(STDIN_FILENO) == 1
    static let isOutputInteractive = isatty(STDOUT_FILENO) == 1

    /// Text in the terminal's dim letters (ECMA-48, SGR 2).
    static func dim(_ text: String) -> String { "\u{1B}[2m\(text)\u{1B}[22m" }

    /// A line of talk on stderr.
    static func say(_ line: String) { write(line + "\n", to: STDERR_FILENO) }

    /// Talk without an end of line.
    static func sayPart(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Data on stdout, at once. A reader that went away ends the process, as it does for every filter.
    static func put(_ text: String) {
        if !write(text, to: STDOUT_FILENO) { exitNow(0) }
    }

    @discardableResult
    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                return false
            }
            bytes = bytes.dropFirst(count)
        }
        return true
    }

    /// All of stdin as bytes.
    static func readAll() -> [UInt8] { Array(FileHandle.standardInput.readDataToEndOfFile()) }

    /// All of the file that a flag names. Throws `TandemError` where it cannot be read.
    static func readFile(_ path: String, called name: String, flag: String) throws -> Data {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TandemError("the \(name) \(path) cannot be read", hint: "check the path given to \(flag)")
        }
        return data
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
