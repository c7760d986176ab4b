// Responsible for: tensors on disk by content: broken transfers, wrong bytes, several processes, changed files.
import Crypto
import Foundation
import Inference
import ModelFile
import Sequences
import Testing
import Wire

@testable import GenerationTests
@testable import Node

@Suite("The cache of weights")
struct WeightCacheTests {
    private func content(_ count: Int, seed: UInt64) -> (bytes: [UInt8], hash: ContentHash) {
        var random = SeededGenerator(seed: seed)
        let bytes = random.bytes(count)
        var hash = SHA256()
        hash.update(data: bytes)
        return (bytes, ContentHash(finishing: hash))
    }

    private func write(_ bytes: ArraySlice<UInt8>, to partial: PartialTensor) throws {
        try bytes.withUnsafeBytes { try partial.write($0, at: bytes.startIndex) }
    }

    @Test("A broken transfer goes on where it was left, and the tensor gets its final name only when it is whole")
    func resume() throws {
        let folder = try TemporaryFolder()
        let cache = try WeightCache(folder: folder.path)
        let (bytes, hash) = content(10_000, seed: 1)
        #expect(cache.holding(hash, byteCount: bytes.count) == .nothing)
        try write(bytes[..<4_000], to: cache.open(hash, byteCount: bytes.count))
        #expect(cache.holding(hash, byteCount: bytes.count) == .partial(bytes: 4_000))
        let again = try cache.open(hash, byteCount: bytes.count)
        #expect(again.length == 4_000)
        try write(bytes[4_000...], to: again)
        #expect(try again.finish())
        #expect(cache.holding(hash, byteCount: bytes.count) == .complete)
        #expect(try cache.check(hash))
        #expect(folder.names == [hash.description])
    }

    @Test("Wrong bytes are refused and gone")
    func wrongBytes() throws {
        let folder = try TemporaryFolder()
        let cache = try WeightCache(folder: folder.path)
        let (bytes, hash) = content(1_000, seed: 2)
        let partial = try cache.open(hash, byteCount: bytes.count)
        try write(bytes[..<999], to: partial)
        try [bytes[999] ^ 1].withUnsafeBytes { try partial.write($0, at: 999) }
        #expect(try !partial.finish())
        #expect(cache.holding(hash, byteCount: bytes.count) == .nothing)
    }

    @Test("A tensor that rots on disk is noticed")
    func rot() throws {
        let folder = try TemporaryFolder()
        let cache = try WeightCache(folder: folder.path)
        let (bytes, hash) = content(1_000, seed: 3)
        try Data(bytes.dropLast() + [bytes[999] ^ 1]).write(to: URL(fileURLWithPath: folder.file(hash.description)))
        #expect(cache.holding(hash, byteCount: bytes.count) == .complete)
        #expect(try !cache.check(hash))
    }

    @Test("Two that receive the same tensor at once do not disturb each other")
    func twoAtOnce() throws {
        let folder = try TemporaryFolder()
        let cache = try WeightCache(folder: folder.path)
        let (bytes, hash) = content(5_000, seed: 4)
        let first = try cache.open(hash, byteCount: bytes.count)
        let second = try cache.open(hash, byteCount: bytes.count)
        try write(bytes[..<2_500], to: first)
        try write(bytes[...], to: second)
        #expect(try second.finish())
        try write(bytes[2_500...], to: first)
        #expect(try first.finish())
        #expect(try cache.check(hash))
    }

    @Test("Three in one process fill files of their own, and a file that got its final name meanwhile is left alone")
    func threeAtOnce() throws {
        let folder = try TemporaryFolder()
        let cache = try WeightCache(folder: folder.path)
        let (bytes, hash) = content(3_000, seed: 6)
        let partials = try (0..<3).map { _ in try cache.open(hash, byteCount: bytes.count) }
        #expect(folder.names.count == 3)
        for (index, partial) in partials.enumerated() { try write(bytes[..<(500 * (index + 1))], to: partial) }
        for partial in partials.reversed() {
            try write(bytes[...], to: partial)
            #expect(try partial.finish())
            #expect(try cache.check(hash))
        }
    }

    @Test("Throwing away what was received leaves a complete tensor to the others that read it")
    func discard() throws {
        let folder = try TemporaryFolder()
        let cache = try WeightCache(folder: folder.path)
        let (bytes, hash) = content(1_000, seed: 7)
        let (first, second) = (
            try cache.open(hash, byteCount: bytes.count), try cache.open(hash, byteCount: bytes.count)
        )
        try write(bytes[...], to: first)
        #expect(try first.finish())
        try write(bytes.map { $0 ^ 1 }[...], to: second)
        #expect(try !second.finish())
        #expect(try cache.check(hash))
        #expect(folder.names == [hash.description])
    }

    @Test("A cache keeps its identity, and no other has it")
    func identity() throws {
        let (one, other) = (try TemporaryFolder(), try TemporaryFolder())
        let identity = try #require(try WeightCache(folder: one.path).identity)
        #expect(try WeightCache(folder: one.path).identity == identity)
        #expect(try WeightCache(folder: other.path).identity != identity)
    }

    @Test("A folder that cannot be made is told with a hint")
    func unwritable() {
        let error = #expect(throws: TandemError.self) { try WeightCache(folder: "/dev/null/cache") }
        #expect(error?.hint?.description.contains("XDG_CACHE_HOME") == true)
    }

    @Test("Digests are remembered until the file changes")
    func digests() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("model.gguf")
        try FileManager.default.copyItem(atPath: TestFiles.tales, toPath: path)
        let book = DigestBook(folder: folder.file("digests"))
        let model = try Model.open(path: path)
        var hashed = 0
        let first = try book.manifest(of: model) { done, _ in hashed = done }
        #expect(hashed > 0)
        hashed = 0
        #expect(try book.manifest(of: model) { done, _ in hashed = done }.entries == first.entries)
        #expect(hashed == 0)
        let tensor = try #require(model.tensors.last)
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.seek(toOffset: UInt64(tensor.offset))
        try handle.write(contentsOf: Data([0xAA, 0x55, 0xAA, 0x55]))
        try handle.close()
        let changed = try book.manifest(of: Model.open(path: path)) { _, _ in }
        #expect(changed.entries.last?.digest != first.entries.last?.digest)
        #expect(changed.entries.first == first.entries.first)
    }

    @Test("Every tensor has the digest of its own bytes, also where several are pieces of one stored matrix")
    func pieces() throws {
        let folder = try TemporaryFolder()
        for path in try TestFiles.everyFolder() {
            let model = try Model.load(path: path)
            let manifest = try DigestBook(folder: folder.file("digests")).manifest(of: model) { _, _ in }
            for (tensor, entry) in zip(model.tensors, manifest.entries) {
                #expect(try DigestBook.digest(of: tensor, in: model) == entry.digest, "\(path): \(tensor.name)")
            }
        }
    }

    @Test("A file rewritten in place, or replaced, with the same size and time of modification has new digests")
    func rewritten() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("model.gguf")
        try FileManager.default.copyItem(atPath: TestFiles.tales, toPath: path)
        let book = DigestBook(folder: folder.file("digests"))
        let model = try Model.open(path: path)
        let first = try book.manifest(of: model) { _, _ in }
        let tensor = try #require(model.tensors.last)
        let stamp = try #require(try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date)
        var content = try Data(contentsOf: URL(fileURLWithPath: path))
        for (round, replaces) in [false, true].enumerated() {
            for index in tensor.offset..<tensor.offset + 4 { content[index] ^= 0x11 + UInt8(round) }
            if replaces {
                try content.write(to: URL(fileURLWithPath: path), options: .atomic)
            } else {
                let handle = try #require(FileHandle(forUpdatingAtPath: path))
                try handle.write(contentsOf: content)
                try handle.close()
            }
            try FileManager.default.setAttributes([.modificationDate: stamp], ofItemAtPath: path)
            let changed = try book.manifest(of: Model.open(path: path)) { _, _ in }
            #expect(changed.entries.last?.digest != first.entries.last?.digest)
            #expect(try book.manifest(of: Model.open(path: path)) { _, _ in }.entries == changed.entries)
            let direct = try DigestBook.digest(of: tensor, in: Model.open(path: path))
            #expect(changed.entries.last?.digest == direct)
        }
    }

    @Test("A name that leads to another file of the same size and time has new digests", arguments: [false, true])
    func otherFile(isHardLink: Bool) throws {
        let folder = try TemporaryFolder()
        let files = FileManager.default
        let (path, one, other) = (folder.file("model.gguf"), folder.file("one"), folder.file("other"))
        try files.copyItem(atPath: TestFiles.tales, toPath: one)
        let tensor = try #require(try Model.open(path: one).tensors.last)
        var content = try Data(contentsOf: URL(fileURLWithPath: one))
        for index in tensor.offset..<tensor.offset + 4 { content[index] ^= 0x11 }
        try content.write(to: URL(fileURLWithPath: other))
        let stamp = Date(timeIntervalSince1970: 1_700_000_000)
        for file in [one, other] { try files.setAttributes([.modificationDate: stamp], ofItemAtPath: file) }
        let book = DigestBook(folder: folder.file("digests"))
        var digests: [ContentHash?] = []
        for target in [one, other, one] {
            try? files.removeItem(atPath: path)
            if isHardLink {
                try files.linkItem(atPath: target, toPath: path)
            } else {
                try files.createSymbolicLink(atPath: path, withDestinationPath: target)
            }
            digests.append(try book.manifest(of: Model.open(path: path)) { _, _ in }.entries.last?.digest)
        }
        #expect(digests[0] == digests[2] && digests[0] != digests[1])
    }

    @Test("The digests of an open file that was replaced are not taken for those of the one in its place")
    func replacedWhileOpen() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("model.gguf")
        try FileManager.default.copyItem(atPath: TestFiles.tales, toPath: path)
        let book = DigestBook(folder: folder.file("digests"))
        let old = try Model.open(path: path)
        let tensor = try #require(old.tensors.last)
        var content = try Data(contentsOf: URL(fileURLWithPath: path))
        for index in tensor.offset..<tensor.offset + 4 { content[index] ^= 0x11 }
        try content.write(to: URL(fileURLWithPath: path), options: .atomic)
        let before = try book.manifest(of: old) { _, _ in }
        let after = try book.manifest(of: Model.open(path: path)) { _, _ in }
        #expect(before.entries.last?.digest != after.entries.last?.digest)
        #expect(try after.entries.last?.digest == DigestBook.digest(of: tensor, in: Model.open(path: path)))
    }

    @Test("Layers are told whose tensors are all here, also of another process, and none once one of them is gone")
    func layers() throws {
        let folder = try TemporaryFolder()
        let model = try Model.load(path: TestFiles.tales)
        let manifest = try DigestBook(folder: folder.file("digests")).manifest(of: model) { _, _ in }
        let hash = ContentHash(of: manifest.encoded())
        let cache = try WeightCache(folder: folder.file("weights"))
        #expect(cache.layers(of: hash).isEmpty)
        let count = model.configuration.layerCount
        for layers in [0..<1, count - 1..<count] {
            for entry in manifest.restricted(to: layers).entries {
                var bytes = [UInt8](repeating: 0, count: entry.tensor.byteCount)
                try bytes.withUnsafeMutableBytes { try model.read(entry.tensor, at: 0, into: $0) }
                let partial = try cache.open(entry.digest, byteCount: bytes.count)
                if partial.length < bytes.count { try write(bytes[partial.length...], to: partial) }
                #expect(try partial.finish())
            }
        }
        cache.note(0..<1, of: hash, manifest.restricted(to: 0..<1))
        #expect(cache.layers(of: hash) == [0..<1])
        // The layers between are noted, and not here.
        cache.note(1..<count, of: hash, manifest.restricted(to: 1..<count))
        #expect(try WeightCache(folder: folder.file("weights")).layers(of: hash) == [0..<1, count - 1..<count])
        #expect(cache.layers(of: content(5, seed: 9).hash).isEmpty)
        let head = try #require(manifest.restricted(to: count - 1..<count).entries.last)
        try FileManager.default.removeItem(atPath: folder.file("weights") + "/\(head.digest)")
        #expect(!cache.layers(of: hash).contains(count - 1..<count))
        let name = folder.file("weights") + "/\(hash).layers"
        let noted = try Data(contentsOf: URL(fileURLWithPath: name))
        for cut in stride(from: 0, to: noted.count, by: 7) {
            try noted.prefix(cut).write(to: URL(fileURLWithPath: name))
            #expect(cache.layers(of: hash).allSatisfy { $0 == 0..<1 })
        }
    }
}
