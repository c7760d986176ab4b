// Responsible for: a coordinator that starts with a journal of which a disk lost the end. Must not know: how a journal is
// written.
import Foundation
import Generation
import Sequences
import Testing

@testable import GenerationTests
@testable import Node
@testable import Wire

extension ClusterTests {
    @Suite("A coordinator with a journal that was cut")
    struct JournalStartTests {
        private let folder: TemporaryFolder
        private var options = CoordinatorOptions(modelPath: TestFiles.tales)

        init() throws {
            folder = try TemporaryFolder()
            options.state = StateFolder(folder.file("state"))
            options.cacheFolder = folder.file("cache")
        }

        /// Starts a coordinator on ports that are free, and keeps these.
        private mutating func start() async throws -> Int {
            for port in stride(from: 23_000 + Int(getpid()) % 2_000, to: 29_000, by: 3) {
                options.listen = "tcp://127.0.0.1:\(port)"
                guard let node = try? CoordinatorNode(options, log: TestCluster.quiet) else { continue }
                try await RunningNode(node).stop()
                return port
            }
            throw TandemError("no port is free")
        }

        /// Another one, as soon as the one before it has let go of its ports and its journal.
        private func restart() async throws -> RunningNode {
            let deadline = ContinuousClock.now + TestCluster.patience
            while true {
                do { return RunningNode(try CoordinatorNode(options, log: TestCluster.quiet)) } catch {
                    guard ContinuousClock.now < deadline else { throw error }
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
        }

        private static func admission(_ number: UInt64) -> JournalRecord {
            let prompt = (0..<40).map { Int32(100 + $0) + Int32(number) }
            var request = Generate(
                id: ClientRequestID(1), request: GenerationRequest(prompt: .tokens(prompt)))
            request.identity = RequestIdentity(Array(repeating: UInt8(number), count: 16))
            return .admission(JournalAdmission(number: number, owner: nil, request: request))
        }

        @Test("It starts wherever in the last 4 KiB that was, and goes on with all that was safe before")
        mutating func cuts() async throws {
            let port = try await start()
            let loaded = try options.open()
            let description = try options.manifest(of: loaded.model) { _, _ in }.encoded()
            let journal = options.state.folder("journal/\(port)")
            var ends: [Int] = []
            do {
                let files = try JournalFiles(journal, model: ContentHash(of: description))
                for number in 1...30 as ClosedRange<UInt64> {
                    #expect(files.append([Self.admission(number)], isDurable: true) == nil)
                    let tokens = (0..<5).map { SampledToken(token: 200 + $0) }
                    #expect(files.append([.progress(number: number, first: 0, tokens: tokens)], isDurable: true) == nil)
                    ends.append(files.length)
                }
            }
            func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: journal.path) }
            let name = try #require(try names().first { $0.hasSuffix(".journal") })
            let bytes = try Data(contentsOf: URL(fileURLWithPath: journal.path + "/" + name))
            #expect(bytes.count == ends.last && bytes.count > 4096)
            for cut in Array(stride(from: bytes.count - 4096, to: bytes.count, by: 127)) + [bytes.count] {
                for name in try names() { try FileManager.default.removeItem(atPath: journal.path + "/" + name) }
                _ = FileManager.default.createFile(
                    atPath: journal.path + "/" + name, contents: bytes.prefix(cut),
                    attributes: [.posixPermissions: 0o600])
                let node = try await restart()
                let client = try CoordinatorClient(address: "127.0.0.1:\(port)", state: options.state)
                let whole = ends.count { $0 <= cut }
                let deadline = ContinuousClock.now + TestCluster.patience
                var status = try await client.status()
                while status.requests.count < max(whole, status.journal?.requests ?? .max),
                    ContinuousClock.now < deadline
                {
                    try await Task.sleep(for: .milliseconds(20))
                    status = try await client.status()
                }
                // The request behind may be whole where its tokens are not.
                #expect(whole...whole + 1 ~= status.requests.count, "cut at \(cut) of \(bytes.count)")
                #expect(status.requests.count { $0.generatedTokens == 5 } == whole)
                #expect(status.journal?.requests == status.requests.count && status.journal?.problem == nil)
                try await node.stop()
            }
        }
    }
}
