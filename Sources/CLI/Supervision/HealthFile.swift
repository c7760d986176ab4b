// Responsible for: a file in which a node's loop says that it is alive, for probes that are processes of their own.
// Must not know: what the node does, who asks.
import Foundation
import Node
import Sequences

/// Three lines: whether the node does its part, when that was written, and what it does.
struct HealthFile: Sendable {
    /// What a probe may ask.
    enum Question: String, CaseIterable, Sendable {
        /// Whether the loop turns.
        case live
        /// Whether the node does its part, too.
        case ready
    }

    let path: String

    /// A loop that has not written for so long hangs: it writes every two seconds.
    private static let limitSeconds = 15.0

    /// Replaces the file. A probe is a matter of convenience: what cannot be written is not there to be read.
    func write(_ state: NodeState, now: Double = HealthFile.now) {
        let text = "\(state.isReady ? "ready" : "waiting")\n\(now)\n\(state.sentence)\n"
        let new = path + ".new"
        let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard file >= 0 else { return }
        let bytes = Array(text.utf8)
        let isWritten = Glibc.write(file, bytes, bytes.count) == bytes.count
        close(file)
        if isWritten { rename(new, path) }
    }

    /// Throws the reason where the answer is no.
    func check(_ question: Question, now: Double = HealthFile.now) throws(TandemError) {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw TandemError("\(path) is not there: the node has not begun, or does not write it", kind: .unavailable)
        }
        let lines = text.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false)
        guard lines.count == 3, let written = Double(lines[1]) else {
            throw TandemError("\(path) is no file of a node's health", kind: .unavailable)
        }
        let age = now - written
        guard (-1...Self.limitSeconds).contains(age) else {
            throw TandemError("the node has said nothing for \(Int(max(-1, min(age, 1e9)))) s", kind: .unavailable)
        }
        if question == .ready && lines[0] != "ready" {
            throw TandemError(
                "the node is not ready: \(lines[2].trimmingCharacters(in: .newlines))", kind: .unavailable)
        }
    }

    /// Seconds on a clock that all processes of a machine share, and that never goes back.
    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
