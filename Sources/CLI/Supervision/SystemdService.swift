// Responsible for: what systemd is told of this process, in the protocol of sd_notify(3).
// Must not know: what the process does.
import Foundation
import Synchronization

/// The systemd that started this process and wants to hear of it.
final class SystemdService: Sendable {
    /// It ends and restarts a service of which it hears nothing for so long; nil: it does not.
    let patience: Duration?
    private let address: [UInt8]
    /// What it was told last, and whether it knows that the service is up.
    private let told = Mutex((isUp: false, status: ""))

    /// nil: nobody wants to hear. `process` is this one's id.
    init?(environment: [String: String] = ProcessInfo.processInfo.environment, process: Int32 = getpid()) {
        guard let path = environment["NOTIFY_SOCKET"], path.hasPrefix("/") || path.hasPrefix("@"), path.utf8.count > 1,
            path.utf8.count < Self.longestPath
        else { return nil }
        // An abstract socket is written with @, and has a zero in its place.
        address = path.hasPrefix("@") ? [0] + path.utf8.dropFirst() : Array(path.utf8) + [0]
        let isMine = environment["WATCHDOG_PID"].map { $0 == "\(process)" } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int($0) } ?? 0
        patience = isMine && microseconds > 0 ? .microseconds(microseconds) : nil
    }

    /// Of `sun_path`.
    private static let longestPath = 108

    /// A sign of life, with what the service does. The first says that it is up.
    func tell(_ status: String) {
        told.withLock { told in
            var lines = ["WATCHDOG=1"]
            if !told.isUp { lines.append("READY=1") }
            if told.status != status { lines.append("STATUS=\(Self.line(status))") }
            // What did not arrive is said again.
            if send(lines) { told = (true, status) }
        }
    }

    /// The service is about to end.
    func tellStopping() { _ = send(["STOPPING=1", "STATUS=stopping"]) }

    private static func line(_ text: String) -> String {
        String(text.prefix(512).map { $0.isNewline ? " " : $0 })
    }

    /// One datagram. Never waits: the caller may be a loop that others wait for.
    private func send(_ lines: [String]) -> Bool {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return false }
        defer { close(socket) }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: address) }
        let message = Array(lines.joined(separator: "\n").utf8)
        let length = socklen_t(MemoryLayout.offset(of: \sockaddr_un.sun_path)! + address.count)
        return withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(socket, message, message.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL), $0, length)
            }
        } == message.count
    }
}
