// Responsible for: workers that come, go and fail to come while answers are computed, none of which is changed or interrupted.
// Must not know: how keys and values get from worker to worker.
import Foundation
import Generation
import ModelFile
import Sequences
import Testing

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Changes while it serves")
    struct LiveChangeTests {
        /// Greedy and sampled, short and long.
        private static let requests: [GenerationRequest] = [60, 350].enumerated().flatMap { place, tokens in
            Requests.pair(
                String(repeating: "The little dog saw a cat. ", count: 1 + 3 * place), tokens: tokens,
                seed: UInt64(place))
        }

        private static var options: CoordinatorOptions {
            get throws {
                var options = try ClusterShape(workers: 1, chunk: 16).options
                options.waitSeconds = 600
                return options
            }
        }

        /// Asks each request again and again, one after the other, until `body` is done; every answer must be as expected.
        private static func underLoad(_ cluster: TestCluster, _ body: () async throws -> Void) async throws {
            let expected = try await Requests.answersOfOneProcess(to: requests)
            let isOver = Cancellation()
            try await withThrowingTaskGroup(of: Int.self) { group in
                for (request, answer) in zip(requests, expected) {
                    group.addTask {
                        var count = 0
                        while !isOver.isSet || count == 0 {
                            let given = try await cluster.client.generate(request).answer()
                            #expect(given == answer)
                            count += 1
                        }
                        return count
                    }
                }
                do { try await body() } catch {
                    isOver.set()
                    throw error
                }
                isOver.set()
                for try await count in group { #expect(count > 0) }
            }
        }

        /// Waits for a plan of so many stages that serves.
        private static func stages(_ count: Int, of cluster: TestCluster) async throws -> ClusterStatus {
            try await cluster.status("a plan of \(count) stages") { $0.isServing && $0.stages.count == count }
        }

        /// Nothing was computed again, and somebody was served all the time.
        private static func expectSmooth(_ before: ClusterStatus, _ after: ClusterStatus) {
            #expect(after.epoch > before.epoch)
            #expect(after.pipeline.rebuiltLayerTokens == before.pipeline.rebuiltLayerTokens)
            #expect(!after.requests.isEmpty)
        }

        @Test("Workers that join under four streams compute with them, and no token of these is another")
        func join() async throws {
            try await TestCluster.with(try Self.options, workers: 1) { cluster in
                _ = try await Self.stages(1, of: cluster)
                try await Self.underLoad(cluster) {
                    for count in 2...3 {
                        let before = try await cluster.client.status()
                        try await cluster.join()
                        Self.expectSmooth(before, try await Self.stages(count, of: cluster))
                        try await Task.sleep(for: .milliseconds(300))
                    }
                }
                #expect(try await cluster.idle().workers.count == 3)
            }
        }

        @Test(
            "Each worker of three that is told to stop under four streams ends once others have its layers",
            arguments: 0..<3)
        func drain(place: Int) async throws {
            try await TestCluster.with(try Self.options, workers: 0) { cluster in
                var workers: [RunningNode] = []
                for count in 1...3 {
                    workers.append(try await cluster.join(drainSeconds: 600))
                    _ = try await Self.stages(count, of: cluster)
                }
                let leaver = workers[place]
                try await Self.underLoad(cluster) {
                    let before = try await cluster.client.status()
                    try await leaver.stop()
                    let after = try await Self.stages(2, of: cluster)
                    #expect(after.workers.count == 2)
                    Self.expectSmooth(before, after)
                }
                _ = try await cluster.idle()
            }
        }

        @Test(
            "A worker that goes while others are prepared for it, sooner or later, changes nothing",
            arguments: [0, 20, 60])
        func comeAndGo(milliseconds: Int) async throws {
            try await TestCluster.with(try Self.options, workers: 2) { cluster in
                _ = try await Self.stages(2, of: cluster)
                try await Self.underLoad(cluster) {
                    let guest = try await cluster.join()
                    _ = try await cluster.status("the guest") { $0.workers.count == 3 }
                    try await Task.sleep(for: .milliseconds(milliseconds))
                    try await guest.stop()
                    _ = try await Self.stages(2, of: cluster)
                }
                #expect(try await cluster.idle().workers.count == 2)
            }
        }

        @Test("A worker that cannot keep its weights changes nothing for those that serve")
        func failedPreparation() async throws {
            let cache = try TemporaryFolder()
            // Where its tensors are to lie there is something else.
            let model = try Model.open(path: TestFiles.tales)
            let manifest = try DigestBook(folder: cache.file("digests")).manifest(of: model) { _, _ in }
            for entry in manifest.entries {
                try FileManager.default.createDirectory(
                    atPath: cache.file("\(entry.digest)/full"), withIntermediateDirectories: true)
            }
            try await TestCluster.with(try Self.options, workers: 1) { cluster in
                let before = try await Self.stages(1, of: cluster)
                try await Self.underLoad(cluster) {
                    try await cluster.join(cache: cache)
                    let after = try await cluster.status("the failure") { status in
                        status.workers.last?.state.hasPrefix("set aside") == true
                    }
                    #expect(after.isServing && after.epoch == before.epoch)
                }
                #expect(try await cluster.idle().stages.count == 1)
            }
        }
    }
}
