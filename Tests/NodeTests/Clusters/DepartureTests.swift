// Responsible for: thousands of clients that leave in mid-stream, and what they leave behind: nothing.
// Must not know: how the coordinator notices.
import Foundation
import Generation
import Sequences
import Synchronization
import Testing
import Transport
import Wire

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    /// `TANDEM_DISCONNECTS=50000` lets so many clients leave instead of 10,000.
    @Suite("Departures")
    struct DepartureTests {
        /// How a client leaves after its first token.
        enum Departure: String, CaseIterable, Sendable {
            case closing, cancelling
        }

        private static let count =
            ProcessInfo.processInfo.environment["TANDEM_DISCONNECTS"].flatMap(Int.init) ?? 10_000
        private static let atOnce = 50
        /// What may be more in the memory of coordinator, workers and clients together at the end.
        private static let allowedGrowth = 8 << 20

        @Test("Thousands of clients that leave in mid-stream leave nothing behind", arguments: Departure.allCases)
        func leave(_ departure: Departure) async throws {
            try await TestCluster.with(try RequestTests.options, workers: 2) { cluster in
                _ = try await cluster.serving()
                try await Self.visit(cluster, count: Self.count / 5, departure)
                let before = try residentBytes()
                try await Self.visit(cluster, count: Self.count - Self.count / 5, departure)
                let growth = try residentBytes() - before
                #expect(growth < Self.allowedGrowth, "\(growth >> 10) KiB more than \(before >> 10)")
                let expected = try await References.shared.answers(of: TestFiles.tales)[0]
                let request = try Requests.mixed(for: TestFiles.tales)[0]
                #expect(try await cluster.client.generate(request).answer() == expected)
            }
        }

        @Test("Clients that leave the queue give their places up, though no token could tell that they are gone")
        func leaveQueue() async throws {
            try await TestCluster.with(try RequestTests.options, workers: 0) { cluster in
                let door = try cluster.door()
                let (asked, leaving, last) = (Cancellation(), Cancellation(), Cancellation())
                let visitors = try LoopThread(name: "visitors") {
                    let context = try door.context()
                    let clients = try (0..<100).map { _ in try RawClient(context, door) }
                    let id = ClientRequestID(1)
                    for client in clients { try client.say(.generate(Generate(id: id, request: RequestTests.endless))) }
                    asked.set()
                    while !leaving.isSet { pause(milliseconds: 5) }
                    for client in clients.dropLast() { client.close() }
                    while !last.isSet { pause(milliseconds: 5) }
                    try Self.client(clients[99], cancels: id)
                    clients[99].close()
                }
                defer {
                    leaving.set()
                    last.set()
                }
                while !asked.isSet { try await Task.sleep(for: .milliseconds(5)) }
                _ = try await cluster.status("the queue") { $0.requests.count == 100 }
                leaving.set()
                _ = try await cluster.status("the end of the queue") { $0.requests.count == 1 }
                last.set()
                try await visitors.value
                _ = try await cluster.idle()
            }
        }

        private static func client(_ client: RawClient, cancels id: ClientRequestID) throws {
            try client.say(.cancel(id))
            let reason = try client.next { reply in
                if case .event(_, .finished(let reason, _)) = reply { reason } else { nil }
            }
            try #require(reason == .cancelled)
        }

        /// Lets so many clients come and go, then waits until all blocks are free and no request is listed.
        private static func visit(_ cluster: TestCluster, count: Int, _ departure: Departure) async throws {
            let door = try cluster.door()
            let context = try door.context()
            let left = Visits(count)
            let threads = try (0..<atOnce).map { index in
                try LoopThread(name: "visitor \(index)") {
                    while left.takeOne() { try visit(context, door, departure) }
                }
            }
            for thread in threads { try await thread.value }
            _ = try await cluster.idle()
        }

        private static func visit(_ context: Context, _ door: Door, _ departure: Departure) throws {
            let client = try RawClient(context, door)
            defer { client.close() }
            let id = ClientRequestID(1)
            try client.say(.generate(Generate(id: id, request: RequestTests.endless)))
            try client.next { reply in
                switch reply {
                case .event(_, .tokens): return ()
                case .failed(_, let error): throw error
                default: return nil
                }
            }
            if departure == .cancelling { try self.client(client, cancels: id) }
        }
    }
}

/// A number that several threads count down.
private final class Visits: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    /// False once all are taken.
    func takeOne() -> Bool { left.subtract(1, ordering: .relaxed).oldValue > 0 }
}
