// Responsible for: what systemd is told, read from a socket in its place. Must not know: what nodes do.
import Foundation
import Node
import Testing

@testable import CLI

extension CommandTests {
    @Suite("A service of systemd")
    struct SystemdServiceTests {
        /// A socket in the place of systemd's.
        private final class Listener {
            let name: String
            private let socket: Int32

            init(_ name: String) throws {
                self.name = name
                socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                let bytes = name.hasPrefix("@") ? [0] + name.utf8.dropFirst() : Array(name.utf8)
                withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
                let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
                let result = withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, length) }
                }
                try #require(result == 0)
            }

            deinit { close(socket) }

            /// The lines of the next message; nil: there is none within `milliseconds`.
            func next(milliseconds: Int32 = 0) -> [String]? {
                var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
                guard poll(&waiting, 1, milliseconds) == 1 else { return nil }
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = recv(socket, &buffer, buffer.count, 0)
                return String(decoding: buffer[..<max(0, count)], as: UTF8.self).components(separatedBy: "\n")
            }
        }

        @Test("The first sign says that it is up; a status is said when it changes", arguments: [false, true])
        func signs(isAbstract: Bool) throws {
            let folder = try TemporaryFolder()
            let listener = try Listener(isAbstract ? "@tandem-\(UUID().uuidString)" : folder.path + "/notify")
            let service = try #require(SystemdService(environment: ["NOTIFY_SOCKET": listener.name], process: 7))
            service.tell("waiting\nfor workers")
            #expect(listener.next() == ["WATCHDOG=1", "READY=1", "STATUS=waiting for workers"])
            service.tell("waiting\nfor workers")
            #expect(listener.next() == ["WATCHDOG=1"])
            service.tell("serving")
            #expect(listener.next() == ["WATCHDOG=1", "STATUS=serving"])
            service.tellStopping()
            #expect(listener.next() == ["STOPPING=1", "STATUS=stopping"])
            #expect(listener.next() == nil)
        }

        @Test("Where systemd does not read, nobody waits, and what it missed is said again")
        func full() throws {
            let listener = try Listener("@tandem-\(UUID().uuidString)")
            let service = try #require(SystemdService(environment: ["NOTIFY_SOCKET": listener.name]))
            for number in 0..<10_000 { service.tell("\(number)") }
            while listener.next() != nil {}
            service.tell("last")
            #expect(listener.next() == ["WATCHDOG=1", "STATUS=last"])
            service.tell("last")
            #expect(listener.next() == ["WATCHDOG=1"])
        }

        @Test("A status of any length and with any line break is one line of one message")
        func long() throws {
            let listener = try Listener("@tandem-\(UUID().uuidString)")
            let service = try #require(SystemdService(environment: ["NOTIFY_SOCKET": listener.name]))
            service.tell(String(repeating: "a\r\nREADY=1\u{2028}", count: 10_000))
            let lines = try #require(listener.next())
            #expect(lines.count == 3 && lines[2].hasPrefix("STATUS=a READY=1 a ") && lines[2].count < 600)
        }

        @Test(
            "Without a socket that can be one there is nobody to tell",
            arguments: [nil, "", "/", "@", "relative", "vsock:2:1", "/" + String(repeating: "x", count: 200)])
        func nobody(name: String?) {
            let environment = name.map { ["NOTIFY_SOCKET": $0] } ?? [:]
            #expect(SystemdService(environment: environment) == nil)
        }

        @Test("A watchdog counts where it is of this process")
        func watchdog() throws {
            func patience(_ more: [String: String]) -> Duration? {
                let environment = ["NOTIFY_SOCKET": "/nowhere"].merging(more) { $1 }
                return SystemdService(environment: environment, process: 7)?.patience
            }
            #expect(patience(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"]) == .seconds(30))
            #expect(patience(["WATCHDOG_USEC": "30000000"]) == .seconds(30))
            #expect(patience(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"]) == nil)
            for nonsense in ["", "-1", "0", "99999999999999999999", "x"] {
                #expect(patience(["WATCHDOG_USEC": nonsense]) == nil)
            }
            let environment = ["NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": "1500000"]
            let service = try #require(SystemdService(environment: environment))
            #expect(NodeSupervision(service, nil).supervisor?.interval == .milliseconds(500))
            #expect(NodeSupervision(nil, nil).supervisor == nil)
        }

        @Test("A coordinator says that it is up before any worker came, that it serves, and that it stops")
        func coordinator() async throws {
            let listener = try Listener("@tandem-\(UUID().uuidString)")
            let folder = try TemporaryFolder()
            let process = try TandemProcess(
                ["coordinator", "--model", Place.tales, "--listen", "tcp://127.0.0.1:0"], cache: folder,
                environment: ["NOTIFY_SOCKET": listener.name, "WATCHDOG_USEC": "1500000"])
            let minutes: Int32 = 300_000
            let first = try #require(listener.next(milliseconds: minutes), "\(process.talkSoFar)")
            #expect(first.contains("READY=1") && first.last?.contains("0 joined") == true, "\(first)")
            // Nothing happens to it, and still it gives signs of life.
            for _ in 0..<3 { #expect(listener.next(milliseconds: minutes) == ["WATCHDOG=1"]) }
            _ = await eventually { process.outputSoFar.contains("\n") }
            let address = String(
                process.outputSoFar.split(whereSeparator: \.isWhitespace)[3].prefix { $0 != "#" })
            let worker = try TandemProcess(
                ["worker", "--join", address, "--threads", "1"], cache: TemporaryFolder(), state: folder)
            var status = ""
            while let message = listener.next(milliseconds: minutes), !status.contains("serving") {
                status = message.last ?? ""
            }
            #expect(status.contains("on 1 worker; requests: 0 running"), "\(status)")
            process.signal(SIGTERM)
            var last: [String]? = []
            while let message = listener.next(milliseconds: minutes) {
                last = message
                if message.first == "STOPPING=1" { break }
            }
            #expect(last?.first == "STOPPING=1")
            let outcome = try await process.wait()
            #expect(outcome.status == 0)
            worker.signal(SIGTERM)
            #expect(try await worker.wait().status == 0)
        }
    }
}
