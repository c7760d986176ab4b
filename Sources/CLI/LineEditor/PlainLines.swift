// Responsible for: lines of stdin where it is a pipe, a file or a terminal that can do nothing, of bounded length.
// Must not know: what lines mean.
import Foundation
import Sequences

/// Reads lines. What was read ahead is kept for the next.
struct PlainLines {
    private var buffer: ArraySlice<UInt8> = []
    private var isAtEnd = false
    private let descriptor: Int32

    /// Of a longer line so much is kept that whoever gets it finds it too long.
    private static let longest = RequestLimits.promptBytes + 1
    /// What has no line breaks for so long are no lines.
    private static let endless = 16 * longest

    init(descriptor: Int32 = STDIN_FILENO) { self.descriptor = descriptor }

    /// The next line without its break; nil at the end. Throws `TandemError` where nothing can be read.
    mutating func next() throws -> String? {
        var line: [UInt8] = []
        var count = 0
        while true {
            let part = buffer.prefix { $0 != UInt8(ascii: "\n") }
            line += part.prefix(Self.longest - line.count)
            count += part.count
            buffer = buffer[part.endIndex...]
            if !buffer.isEmpty {
                buffer = buffer.dropFirst()
                return String(decoding: line, as: UTF8.self)
            }
            guard count <= Self.endless else {
                throw TandemError("a line of the input has more than \(Self.endless) bytes", hint: "send shorter lines")
            }
            if isAtEnd { return count > 0 ? String(decoding: line, as: UTF8.self) : nil }
            try fill()
        }
    }

    private mutating func fill() throws {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &bytes, bytes.count)
            if count >= 0 {
                buffer = bytes[..<count]
                isAtEnd = count == 0
                return
            }
            if errno == EAGAIN {
                var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                poll(&wanted, 1, -1)
            } else if errno != EINTR {
                throw TandemError(
                    "the input cannot be read: \(String(cString: strerror(errno)))", kind: .internal,
                    hint: "type, or use a pipe")
            }
        }
    }
}
