// Responsible for: what is read whole: stdin, files, pipes, never more than so many bytes. Must not know: what is in it.
import Foundation
import Sequences

/// Everything that a stream holds, bounded.
package enum InputText {
    /// All of stdin. Throws `TandemError` where it cannot be read, or has more than `limit` bytes.
    package static func standardInput(limit: Int) throws(TandemError) -> [UInt8] {
        switch readAll(STDIN_FILENO, limit: limit) {
        case .whole(let bytes): return bytes
        case .tooLong: throw tooLong("standard input", limit)
        case .failed(let number):
            throw TandemError(
                "standard input cannot be read: \(number == EBADF ? "it is closed" : String(cString: strerror(number)))",
                kind: kind(number),
                hint: "give a file or a pipe as standard input, or name a file to read")
        }
    }

    /// All of the file, pipe or device at `path`, which `field` names; `name` says what it is. Throws `TandemError`.
    package static func file(_ path: String, called name: String, _ field: Field, limit: Int) throws(TandemError)
        -> [UInt8]
    {
        func failure(_ number: Int32) -> TandemError {
            TandemError(
                "the \(name) \(path) cannot be read: \(String(cString: strerror(number)))", kind: kind(number),
                hint: "check the path given to \(field)")
        }
        // Without O_NONBLOCK: whoever writes to a named pipe may come later than we.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        switch readAll(descriptor, limit: limit) {
        case .whole(let bytes): return bytes
        case .tooLong: throw tooLong("the \(name) \(path)", limit)
        case .failed(let number): throw failure(number)
        }
    }

    private enum Outcome {
        case whole([UInt8]), tooLong
        case failed(Int32)
    }

    private static let pieceBytes = 1 << 16

    private static func readAll(_ descriptor: Int32, limit: Int) -> Outcome {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        while true {
            let count = read(descriptor, &piece, piece.count)
            if count > 0 {
                guard bytes.count + count <= limit else { return .tooLong }
                bytes += piece[..<count]
            } else if count == 0 {
                return .whole(bytes)
            } else if errno == EAGAIN {
                var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                poll(&request, 1, -1)
            } else if errno != EINTR {
                return .failed(errno)
            }
        }
    }

    private static func tooLong(_ what: String, _ limit: Int) -> TandemError {
        TandemError("\(what) has more than \(limit) bytes; at most that many are read", hint: "shorten it")
    }

    private static func kind(_ number: Int32) -> TandemError.Kind {
        number == EACCES || number == EPERM ? .forbidden : .internal
    }
}
