// Responsible for: connections that are handed on, cut in silence, one way or both, and closed. Must not know: ZeroMQ.
import Bench
import Foundation
import Testing

@testable import CLI

extension CommandTests {
    @Suite("Connections that are handed on")
    final class RelayTests {
        private let listener: Int32
        private let relay: Relay
        private var descriptors: [Int32] = []

        init() throws {
            listener = try LoopbackSocket.listening("127.0.0.1", 0)
            relay = try Relay([
                .init(
                    host: "127.0.1.9", port: 0, target: LoopbackSocket.port(of: listener), isFromWorker: true,
                    side: .coordinator)
            ])
        }

        deinit {
            relay.end()
            for descriptor in descriptors + [listener] { close(descriptor) }
        }

        /// A connection through the relay: the worker's end.
        private func connect() throws -> Int32 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(relay.port(0).bigEndian)
            address.sin_addr.s_addr = inet_addr("127.0.1.9")
            let isThere = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            try #require(isThere)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            descriptors.append(descriptor)
            return descriptor
        }

        private func accepted() async throws -> Int32 {
            var descriptor: Int32?
            _ = await eventually {
                descriptor = LoopbackSocket.accepted(by: self.listener)
                return descriptor != nil
            }
            let found = try #require(descriptor)
            descriptors.append(found)
            return found
        }

        private func say(_ text: String, _ descriptor: Int32) {
            #expect(send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) == text.utf8.count)
        }

        /// What there is now; nil: the other end is gone.
        private func hear(_ descriptor: Int32) -> String? {
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count == 0 || count < 0 && errno != EAGAIN { return nil }
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        }

        private func hears(_ text: String, _ descriptor: Int32) async -> Bool {
            var heard = ""
            return await eventually {
                heard += self.hear(descriptor) ?? ""
                return heard == text
            }
        }

        private func isGone(_ descriptor: Int32) async -> Bool { await eventually { self.hear(descriptor) == nil } }

        @Test("What is said arrives, both ways, however much; an end is one for the other side too")
        func open() async throws {
            let worker = try connect()
            let coordinator = try await accepted()
            say("to", worker)
            say("fro", coordinator)
            #expect(await hears("to", coordinator))
            #expect(await hears("fro", worker))
            let much = String(repeating: "x", count: 60_000)
            for _ in 0..<3 {
                say(much, worker)
                #expect(await hears(much, coordinator))
            }
            shutdown(worker, Int32(SHUT_RDWR))
            #expect(await isGone(coordinator))
        }

        @Test(
            "In silence nothing arrives that way, the other carries on, and what was said comes when it is over",
            arguments: Fault.Ways.allCases)
        func silent(ways: Fault.Ways) async throws {
            let worker = try connect()
            let coordinator = try await accepted()
            say("1", worker)
            #expect(await hears("1", coordinator))
            relay.cut(.silent(ways), .everybody)
            // The thread has heard of it once it lets nothing pass, or passes what it may.
            say("2", worker)
            say("3", coordinator)
            if ways == .toWorker { #expect(await hears("2", coordinator)) }
            if ways == .fromWorker { #expect(await hears("3", worker)) }
            let late = try connect()
            try await Task.sleep(for: .milliseconds(200))
            if ways != .toWorker { #expect(hear(coordinator) == "") }
            if ways != .fromWorker { #expect(hear(worker) == "") }
            #expect(LoopbackSocket.accepted(by: listener) == nil)
            relay.heal()
            if ways != .toWorker { #expect(await hears("2", coordinator)) }
            if ways != .fromWorker { #expect(await hears("3", worker)) }
            let other = try await accepted()
            say("late", late)
            #expect(await hears("late", other))
        }

        @Test("Closed, connections end at both ends, and new ones do; those of another side stay")
        func closed() async throws {
            let worker = try connect()
            let coordinator = try await accepted()
            relay.cut(.closed, .neighbour)
            say("still", worker)
            #expect(await hears("still", coordinator))
            relay.cut(.closed, .coordinator)
            #expect(await isGone(worker))
            #expect(await isGone(coordinator))
            #expect(await isGone(try connect()))
            relay.heal()
            let again = try connect()
            let found = try await accepted()
            say("again", again)
            #expect(await hears("again", found))
        }
    }
}
