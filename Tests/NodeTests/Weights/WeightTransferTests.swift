// Responsible for: which weight bytes cross the network when workers start, start again, break off, or share a cache.
// Must not know: how they cross it.
import Foundation
import ModelFile
import Testing

@testable import GenerationTests
@testable import Node

extension ClusterTests {
    @Suite("Weights on their way")
    struct WeightTransferTests {
        private static func options(_ split: String) throws -> CoordinatorOptions {
            try ClusterShape(split: split, workers: split.split(separator: ",").count, chunk: 128).options
        }

        private static func sumOfBytes() throws -> Int {
            try Model.open(path: TestFiles.tales).tensors.reduce(0) { $0 + $1.byteCount }
        }

        /// The state once every worker has told of all its bytes, and `bytes` of them in all.
        private static func counted(_ cluster: TestCluster, _ bytes: Int) async throws -> [ClusterStatus.Worker] {
            try await cluster.status("the count of \(bytes) bytes") { status in
                status.isServing
                    && status.workers.map { $0.transferredBytes + $0.cachedBytes }.reduce(0, +) == bytes
            }.workers
        }

        @Test("A worker without a model file receives its shard once, and nothing when it starts again")
        func restart() async throws {
            let cache = try TemporaryFolder()
            let total = try Self.sumOfBytes()
            for round in 0..<2 {
                try await TestCluster.with(try Self.options("0-5"), workers: 0) { cluster in
                    try await cluster.join(cache: cache)
                    let worker = try await Self.counted(cluster, total)[0]
                    #expect(worker.transferredBytes == (round == 0 ? total : 0))
                }
            }
            #expect(!cache.names.contains { $0.hasSuffix(".partial") })
        }

        @Test("A worker of the same coordinator that is stopped and started again transfers nothing")
        func rejoin() async throws {
            let cache = try TemporaryFolder()
            let total = try Self.sumOfBytes()
            try await TestCluster.with(try Self.options("0-5"), workers: 0) { cluster in
                let worker = try await cluster.join(cache: cache)
                _ = try await Self.counted(cluster, total)
                try await worker.stop()
                try await cluster.join(cache: cache)
                let again = try await Self.counted(cluster, total)
                #expect(again.map(\.transferredBytes) == [0])
            }
        }

        @Test("A worker with its own copy of the model receives nothing")
        func ownCopy() async throws {
            let cache = try TemporaryFolder()
            let total = try Self.sumOfBytes()
            try await TestCluster.with(try Self.options("0-5"), workers: 0) { cluster in
                try await cluster.join(cache: cache, model: TestFiles.tales)
                #expect(try await Self.counted(cluster, total).map(\.transferredBytes) == [0])
            }
            #expect(cache.names.filter { $0.count == 64 }.isEmpty)
        }

        @Test("What was received before a break is not sent again, and what lies damaged in the cache is")
        func breakAndRot() async throws {
            let cache = try TemporaryFolder()
            let model = try Model.open(path: TestFiles.tales)
            let manifest = try DigestBook(folder: cache.file("digests")).manifest(of: model) { _, _ in }
            let total = try Self.sumOfBytes()
            let largest = try #require(manifest.entries.max { $0.tensor.byteCount < $1.tensor.byteCount })
            let rotten = try #require(manifest.entries.min { $0.tensor.byteCount < $1.tensor.byteCount })
            let bytes = try Self.bytes(of: largest.tensor, in: model)
            let kept = bytes.count / 2 + 1
            try Data(bytes[..<kept]).write(to: URL(fileURLWithPath: cache.file("\(largest.digest).partial")))
            try Data(repeating: 7, count: rotten.tensor.byteCount)
                .write(to: URL(fileURLWithPath: cache.file("\(rotten.digest)")))
            try await TestCluster.with(try Self.options("0-5"), workers: 0) { cluster in
                try await cluster.join(cache: cache)
                #expect(try await Self.counted(cluster, total).map(\.transferredBytes) == [total - kept])
            }
        }

        @Test("A damaged beginning is noticed, and the tensor sent anew")
        func damagedBeginning() async throws {
            let cache = try TemporaryFolder()
            let model = try Model.open(path: TestFiles.tales)
            let manifest = try DigestBook(folder: cache.file("digests")).manifest(of: model) { _, _ in }
            let largest = try #require(manifest.entries.max { $0.tensor.byteCount < $1.tensor.byteCount })
            try Data(repeating: 7, count: 100_000)
                .write(to: URL(fileURLWithPath: cache.file("\(largest.digest).partial")))
            try await TestCluster.with(try Self.options("0-5"), workers: 0) { cluster in
                try await cluster.join(cache: cache)
                _ = try await cluster.serving()
                let request = try Requests.mixed(for: TestFiles.tales)[0]
                let expected = try await References.shared.answers(of: TestFiles.tales)[0]
                #expect(try await cluster.client.generate(request).answer() == expected)
            }
        }

        @Test("A cached tensor that is changed while a worker lives is fetched again before that worker uses it again")
        func changedMeanwhile() async throws {
            let cache = try TemporaryFolder()
            let model = try Model.open(path: TestFiles.tales)
            let manifest = try DigestBook(folder: cache.file("digests")).manifest(of: model) { _, _ in }
            let last = try #require(manifest.entries.first { $0.tensor.name == "blk.5.ffn_down.weight" })
            var options = try Self.options("0-5")
            options.split = nil
            try await TestCluster.with(options, workers: 0) { cluster in
                try await cluster.join(cache: cache)
                _ = try await cluster.serving()
                let request = try Requests.mixed(for: TestFiles.tales)[0]
                let expected = try await References.shared.answers(of: TestFiles.tales)[0]
                #expect(try await cluster.client.generate(request).answer() == expected)
                // The last layers go to another worker, and come back after the file of one was changed in place.
                let other = try await cluster.join()
                _ = try await cluster.status("two stages") { $0.isServing && $0.stages.count == 2 }
                let handle = try #require(FileHandle(forUpdatingAtPath: cache.file("\(last.digest)")))
                try handle.write(contentsOf: Data(repeating: 0x55, count: last.tensor.byteCount))
                try handle.close()
                try await other.stop()
                _ = try await cluster.status("one stage") { $0.isServing && $0.stages.count == 1 }
                #expect(try await cluster.client.generate(request).answer() == expected)
            }
        }

        @Test("Two workers that share a cache and a tensor both serve, also after a break", arguments: [0, 100_000])
        func sharedCache(received: Int) async throws {
            let cache = try TemporaryFolder()
            let model = try Model.open(path: TestFiles.tales)
            let manifest = try DigestBook(folder: cache.file("digests")).manifest(of: model) { _, _ in }
            let shared = try #require(manifest.entries.first { $0.tensor.name == "token_embd.weight" })
            if received > 0 {
                let bytes = try Self.bytes(of: shared.tensor, in: model)
                try Data(bytes[..<received]).write(to: URL(fileURLWithPath: cache.file("\(shared.digest).partial")))
            }
            try await TestCluster.with(try Self.options("0-2,3-5"), workers: 0) { cluster in
                try await cluster.join(cache: cache)
                try await cluster.join(cache: cache)
                let status = try await cluster.status("service") { status in
                    status.isServing || status.workers.contains { $0.state.hasPrefix("set aside") }
                }
                #expect(status.isServing, "\(status.workers.map(\.state))")
            }
        }

        @Test("Two that go on from the same broken transfer do not spoil each other's file")
        func twoGoOn() throws {
            let folder = try TemporaryFolder()
            let cache = try WeightCache(folder: folder.path)
            let model = try Model.open(path: TestFiles.tales)
            let tensor = try #require(model.tensors.first)
            let digest = try DigestBook.digest(of: tensor, in: model)
            let bytes = try Self.bytes(of: tensor, in: model)
            try Data(bytes[..<1000]).write(to: URL(fileURLWithPath: folder.file("\(digest).partial")))
            // As a worker does it: where to go on is asked of `holding`, before the file is opened.
            guard case .partial(let start) = cache.holding(digest, byteCount: bytes.count) else {
                Issue.record("nothing is held")
                return
            }
            let first = try cache.open(digest, byteCount: bytes.count)
            let second = try cache.open(digest, byteCount: bytes.count)
            for partial in [first, second] {
                try bytes[start...].withUnsafeBytes { try partial.write($0, at: start) }
            }
            #expect(try first.finish())
            #expect(try second.finish())
            #expect(try cache.check(digest))
        }

        @Test("One that goes on from a broken transfer which another has finished meanwhile spoils nothing")
        func finishedMeanwhile() throws {
            let folder = try TemporaryFolder()
            let cache = try WeightCache(folder: folder.path)
            let model = try Model.open(path: TestFiles.tales)
            let tensor = try #require(model.tensors.first)
            let digest = try DigestBook.digest(of: tensor, in: model)
            let bytes = try Self.bytes(of: tensor, in: model)
            try Data(bytes[..<1000]).write(to: URL(fileURLWithPath: folder.file("\(digest).partial")))
            // Both were told to go on from byte 1000; the second opens its file only after the first has finished.
            func goOn() throws -> Bool {
                let partial = try cache.open(digest, byteCount: bytes.count)
                try bytes[1000...].withUnsafeBytes { try partial.write($0, at: 1000) }
                return try partial.finish()
            }
            #expect(try goOn())
            #expect(try goOn())
            #expect(try cache.check(digest))
        }

        private static func bytes(of tensor: TensorDescriptor, in model: Model) throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
            try bytes.withUnsafeMutableBytes { try model.read(tensor, at: 0, into: $0) }
            return bytes
        }
    }
}
