// Responsible for: what a journal has after its disk lost something, was full, or was another's. Must not know: how answers
// go on.
import Foundation
import Generation
import Sequences
import Testing

@testable import GenerationTests
@testable import Node
@testable import Wire

@Suite("Files of a journal")
struct JournalFilesTests {
    private let folder: TemporaryFolder
    private let state: StateFolder
    private static let model = ContentHash(Array(repeating: 3, count: ContentHash.byteCount))!

    init() throws {
        folder = try TemporaryFolder()
        state = StateFolder(folder.path + "/journal")
    }

    private func open(
        _ model: ContentHash = Self.model, segmentBytes: Int = JournalFiles.segmentBytes,
        write: JournalFiles.Write? = nil
    ) throws -> JournalFiles {
        guard let write else { return try JournalFiles(state, model: model, segmentBytes: segmentBytes) }
        return try JournalFiles(state, model: model, segmentBytes: segmentBytes, write: write)
    }

    private func admission(_ number: UInt64, tokens: Int = 8) -> JournalRecord {
        var request = Generate(
            id: ClientRequestID(1), request: GenerationRequest(prompt: .tokens(Array(repeating: 7, count: tokens))))
        request.identity = RequestIdentity(Array(repeating: UInt8(truncatingIfNeeded: number), count: 16))
        return .admission(JournalAdmission(number: number, owner: nil, request: request))
    }

    private func progress(_ number: UInt64, _ first: Int) -> JournalRecord {
        .progress(number: number, first: first, tokens: [SampledToken(token: Int32(first))])
    }

    private var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: state.path).sorted() }
    }

    @Test("What was written is there for the next process, owner-only, and what has ended is not")
    func reopened() throws {
        var expected = JournalState()
        do {
            let files = try open()
            #expect(files.append([admission(1), admission(2)], isDurable: true) == nil)
            #expect(files.append([progress(1, 0), progress(1, 1), .end(number: 2)], isDurable: false) == nil)
            expected = files.state
        }
        #expect(try open().state == expected && expected.entries.count == 1)
        #expect(expected.entries[0].tokens.count == 2)
        for name in try files {
            let attributes = try FileManager.default.attributesOfItem(atPath: state.path + "/" + name)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test("Cut at every byte of its last 4 KiB it opens, with every request that was safe before the cut")
    func cuts() throws {
        var ends: [(bytes: Int, number: UInt64)] = []
        do {
            let files = try open()
            let path = state.path + "/" + (try #require(try self.files.first { $0.hasSuffix(".journal") }))
            for number in 1...20 as ClosedRange<UInt64> {
                #expect(files.append([admission(number, tokens: 60)], isDurable: true) == nil)
                #expect(files.append([progress(number, 0), progress(number, 1)], isDurable: false) == nil)
                let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
                ends.append((size, number))
            }
        }
        let name = try #require(try files.first { $0.hasSuffix(".journal") })
        let bytes = try Data(contentsOf: URL(fileURLWithPath: state.path + "/" + name))
        for cut in max(0, bytes.count - 4096)...bytes.count {
            for name in try files { try FileManager.default.removeItem(atPath: state.path + "/" + name) }
            _ = FileManager.default.createFile(
                atPath: state.path + "/" + name, contents: bytes.prefix(cut), attributes: [.posixPermissions: 0o600])
            let found = try open().state.entries
            let whole = ends.prefix { $0.bytes <= cut }.count
            #expect(found.count >= whole && found.prefix(whole).allSatisfy { $0.tokens.count == 2 })
        }
    }

    @Test("Segments stay small however much ends, and each has all that counts")
    func segments() throws {
        var expected = JournalState()
        do {
            let files = try open(segmentBytes: 4096)
            _ = files.append([admission(1)], isDurable: true)
            for number in 2...300 as ClosedRange<UInt64> {
                #expect(files.append([admission(number)], isDurable: number % 7 == 0) == nil)
                #expect(files.append([progress(1, Int(number) - 2), .end(number: number)], isDurable: false) == nil)
            }
            expected = files.state
        }
        let names = try files.filter { $0 != "lock" }
        let size = try #require(
            try FileManager.default.attributesOfItem(atPath: state.path + "/" + names[0])[.size] as? Int)
        #expect(names.count == 1 && size < 16_384)
        let found = try open().state
        #expect(found.entries == expected.entries && found.entries.first?.tokens.count == 299)
    }

    @Test("However many requests come and go, files take no more than a few segments at any time")
    func bounded() throws {
        let segment = 32 << 10
        let files = try open(segmentBytes: segment)
        var (written, most) = (0, 0)
        for number in 1...4_000 as ClosedRange<UInt64> {
            var records = [admission(number, tokens: 400), progress(number, 0)]
            // Some eight are open.
            if number > 8 { records.append(.end(number: number - 8)) }
            written += records.reduce(0) { $0 + JournalBytes.framed($1).count }
            #expect(files.append(records, isDurable: number % 50 == 0) == nil)
            guard number % 10 == 0 else { continue }
            let sizes = try self.files.map { name in
                try FileManager.default.attributesOfItem(atPath: state.path + "/" + name)[.size] as? Int ?? 0
            }
            most = max(most, sizes.reduce(0, +))
        }
        #expect(written > 50 * segment && most < 3 * segment, "\(most) bytes for \(written)")
        #expect(files.segmentCount == 1 && files.state.entries.count == 8)
    }

    @Test("On a full disk nothing is safe and nothing lost, and once there is room everything is written")
    func full() throws {
        final class Disk { var isFull = false }
        let disk = Disk()
        do {
            let files = try open { file, bytes, offset in
                if !disk.isFull { return pwrite(file, bytes.baseAddress, bytes.count, off_t(offset)) }
                // The last bytes that there are.
                let count = pwrite(file, bytes.baseAddress, min(5, bytes.count), off_t(offset))
                if offset % 2 == 0 { return count }
                errno = ENOSPC
                return -1
            }
            #expect(files.append([admission(1)], isDurable: true) == nil)
            disk.isFull = true
            #expect(files.append([admission(2)], isDurable: true)?.contains("No space left") == true)
            files.forget(2)
            #expect(files.append([progress(1, 0)], isDurable: false) != nil)
            #expect(files.append([admission(3)], isDurable: true) != nil)
            files.forget(3)
            disk.isFull = false
            #expect(files.append([admission(4)], isDurable: true) == nil)
        }
        let found = try open().state.entries
        #expect(found.map(\.admission.number) == [1, 4] && found[0].tokens.count == 1)
    }

    @Test("Of another model nothing is taken up; another process with the same folder is told so")
    func others() throws {
        do {
            let files = try open()
            #expect(files.append([admission(1)], isDurable: true) == nil)
            #expect(throws: TandemError.self) { try open() }
        }
        let other = ContentHash(Array(repeating: 4, count: ContentHash.byteCount))!
        #expect(try open(other).state.entries.isEmpty)
        #expect(try open().state.entries.isEmpty)
    }

    @Test("What is no journal, or was damaged, is left out")
    func damaged() throws {
        do { #expect(try open().append([admission(1)], isDurable: true) == nil) }
        let name = try #require(try files.first { $0.hasSuffix(".journal") })
        // A segment that was not whole in its beginning when the host was lost has the one before it beside it.
        _ = FileManager.default.createFile(
            atPath: state.path + "/00000099.journal", contents: Data([1, 2, 3]), attributes: [.posixPermissions: 0o600])
        try FileManager.default.createSymbolicLink(
            atPath: state.path + "/00000100.journal", withDestinationPath: state.path + "/" + name)
        #expect(try open().state.entries.count == 1)
        #expect(try files.filter { $0.hasSuffix(".journal") }.contains("00000101.journal"))
    }
}
