// Responsible for: what somebody else put into the cache, changed in it, or could: none of it is used or written to.
// Must not know: how tensors come into the cache.
import Crypto
import Foundation
import Generation
import Inference
import ModelFile
import Sequences
import Testing
import Wire

@testable import GenerationTests
@testable import Node

@Suite("A cache that others reach")
struct CacheSafetyTests {
    private let outer: TemporaryFolder
    private let cache: WeightCache
    private let bytes: [UInt8]
    private let digest: ContentHash

    init() throws {
        outer = try TemporaryFolder()
        cache = try WeightCache(folder: outer.file("cache"))
        var random = SeededGenerator(seed: 9)
        bytes = random.bytes(8_000)
        var hash = SHA256()
        hash.update(data: bytes)
        digest = ContentHash(finishing: hash)
    }

    private var path: String { outer.file("cache/\(digest)") }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    /// Receives the tensor as a worker does.
    private func receive() throws {
        let partial = try cache.open(digest, byteCount: bytes.count)
        try bytes.withUnsafeBytes { try partial.write($0, at: 0) }
        #expect(try partial.finish())
    }

    private func read() throws -> [UInt8] {
        var read = [UInt8](repeating: 0, count: bytes.count)
        try read.withUnsafeMutableBytes { try cache.read(digest, at: 0, into: $0) }
        return read
    }

    /// Changes a byte in place and restores size and time of modification.
    private func spoil() throws {
        let stamp = try #require(try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date)
        // The system's clock for files goes in steps of some milliseconds.
        Thread.sleep(forTimeInterval: 0.05)
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.write(contentsOf: [bytes[0] ^ 1])
        try handle.close()
        try FileManager.default.setAttributes([.modificationDate: stamp], ofItemAtPath: path)
    }

    @Test("A tensor that is changed after this process received or checked it is not read any more", arguments: [0, 1])
    func changed(round: Int) throws {
        try receive()
        if round == 1 { #expect(try cache.check(digest)) }
        #expect(try read() == bytes)
        try spoil()
        #expect(throws: ModelFileError.self) { try read() }
        #expect(try !cache.check(digest))
        #expect(cache.holding(digest, byteCount: bytes.count) == .complete)
        try receive()
        #expect(try read() == bytes)
    }

    @Test("A tensor that another process puts in place of the same is read, as it has the same bytes")
    func replaced() throws {
        try receive()
        #expect(try read() == bytes)
        let other = try WeightCache(folder: outer.file("cache"))
        let partial = try other.open(digest, byteCount: bytes.count)
        try bytes.withUnsafeBytes { try partial.write($0, at: 0) }
        #expect(try partial.finish())
        #expect(try read() == bytes)
        unlink(path)
        #expect(throws: ModelFileError.self) { try read() }
    }

    @Test(
        "What has the name of a tensor on its way and is no file of ours is not written to",
        arguments: ["symbolic link", "dangling link", "second name", "pipe", "writable by others", "folder"])
    func partial(kind: String) throws {
        let victim = outer.file("victim")
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: victim))
        let partial = path + ".partial"
        switch kind {
        case "symbolic link": symlink(victim, partial)
        case "dangling link": symlink(outer.file("new"), partial)
        case "second name": link(victim, partial)
        case "pipe": mkfifo(partial, 0o600)
        case "folder": mkdir(partial, 0o700)
        default:
            try Data(bytes[..<100]).write(to: URL(fileURLWithPath: partial))
            chmod(partial, 0o666)
        }
        #expect(cache.holding(digest, byteCount: bytes.count) == .nothing)
        try receive()
        #expect(try read() == bytes)
        #expect(try Data(contentsOf: URL(fileURLWithPath: victim)) == Data([1, 2, 3]))
        #expect(!FileManager.default.fileExists(atPath: outer.file("new")))
    }

    @Test("What has the name of a complete tensor and is no file of ours is fetched again, and replaced")
    func complete() throws {
        let elsewhere = outer.file("elsewhere")
        try Data(bytes).write(to: URL(fileURLWithPath: elsewhere))
        for makes in [symlink, link] {
            #expect(makes(elsewhere, path) == 0)
            #expect(cache.holding(digest, byteCount: bytes.count) == .nothing)
            #expect(try !cache.check(digest))
            try receive()
            #expect(try read() == bytes)
            unlink(path)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: elsewhere)) == Data(bytes))
    }

    @Test("Folder and files are their owner's alone, and one that others can write is refused with what to do")
    func modes() throws {
        try receive()
        _ = cache.identity
        #expect(mode(outer.file("cache")) == 0o700)
        for name in ["identity", digest.description] { #expect(mode(outer.file("cache/" + name)) == 0o600) }
        chmod(outer.file("cache"), 0o775)
        chmod(path, 0o644)
        let error = #expect(throws: TandemError.self) { try WeightCache(folder: outer.file("cache")) }
        #expect(error?.hint?.description.contains("chmod 700 \(outer.file("cache"))") == true)
        chmod(outer.file("cache"), 0o700)
        #expect(try WeightCache(folder: outer.file("cache")).check(digest))
        #expect(mode(path) == 0o600)
    }

    @Test("Digests that another user could have written down are not believed")
    func records() throws {
        let model = try Model.open(path: TestFiles.fixture("llama-f32"))
        let book = DigestBook(folder: outer.file("digests"))
        func hashes() throws -> Bool {
            var hashed = false
            _ = try book.manifest(of: model) { _, _ in hashed = true }
            return hashed
        }
        // A model that changed a moment ago is not noted down.
        for _ in 0..<100 where try hashes() { Thread.sleep(forTimeInterval: 0.02) }
        #expect(try !hashes())
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: outer.file("digests")).first)
        let record = outer.file("digests/" + name)
        #expect(mode(record) == 0o600 && mode(outer.file("digests")) == 0o700)
        chmod(record, 0o666)
        #expect(try hashes())
        #expect(try !hashes() && mode(record) == 0o600)
        let moved = outer.file("moved.json")
        #expect(rename(record, moved) == 0 && symlink(moved, record) == 0)
        #expect(try hashes())
    }

    @Test("Bytes for which the disk has no room are not fetched, and the sentence has the numbers")
    func room() throws {
        try cache.checkRoom(for: 0)
        try cache.checkRoom(for: 1)
        let error = #expect(throws: TandemError.self) { try cache.checkRoom(for: 1 << 60) }
        #expect(error?.message.description.contains("1048576.0 TiB more") == true)
        #expect(error?.kind == .unavailable)
    }

    @Test("A full disk is one sentence")
    func fullDisk() throws {
        let mount = outer.file("small")
        mkdir(mount, 0o700)
        guard Glibc.mount("tmpfs", mount, "tmpfs", 0, "size=64k") == 0 else {
            print("SKIPPED: a full disk cannot be made here, as nothing can be mounted")
            return
        }
        defer { umount(mount) }
        let small = try WeightCache(folder: mount + "/cache")
        let partial = try small.open(digest, byteCount: 1 << 20)
        let many = [UInt8](repeating: 1, count: 1 << 18)
        let error = #expect(throws: TandemError.self) { try many.withUnsafeBytes { try partial.write($0, at: 0) } }
        #expect(error?.message.description == "the disk of the weight cache \(mount)/cache is full")
    }
}
