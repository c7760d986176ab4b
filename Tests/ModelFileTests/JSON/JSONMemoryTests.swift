// What JSON costs in memory: little beside the file's bytes, whatever somebody put into it. Must not know what the
// files mean.
import Glibc
import Testing

@testable import ModelFile

@Suite struct JSONMemoryTests {
    /// A document of `size` bytes that repeats one item.
    private static func document(_ item: String, size: Int = 1 << 18) -> [UInt8] {
        var bytes = Array("{\"a\":[".utf8)
        bytes.reserveCapacity(size)
        let item = Array(item.utf8)
        while bytes.count + item.count + 8 < size {
            bytes += item
            bytes.append(UInt8(ascii: ","))
        }
        return bytes + Array("0]}".utf8)
    }

    /// Bytes that this process has from the allocator: all that it holds ("system" and "mmap") but what is free ("fast"
    /// and "rest"). Found by name, because the header that declares `malloc_info` is not in Swift's Glibc.
    private static func allocated() throws -> Int {
        typealias Report = @convention(c) (Int32, UnsafeMutablePointer<FILE>) -> Int32
        let symbol = try #require(dlsym(nil, "malloc_info"))
        var text: UnsafeMutablePointer<CChar>?
        var size = 0
        let stream = try #require(open_memstream(&text, &size))
        _ = unsafeBitCast(symbol, to: Report.self)(0, stream)
        fclose(stream)
        defer { free(text) }
        let lines = String(cString: try #require(text)).split(separator: "\n")
        func bytes(_ label: String) throws -> Int {
            let line = lines.last { $0.hasPrefix("<" + label) }
            let number = line?.split(separator: "\"").compactMap { Int($0) }.last
            return try #require(number)
        }
        return try bytes("system type=\"current\"") + bytes("total type=\"mmap\"")
            - bytes("total type=\"fast\"") - bytes("total type=\"rest\"")
    }

    /// The fewest bytes that three runs keep: other tests allocate meanwhile.
    private static func kept<Value>(by make: () throws -> Value) throws -> Int {
        var fewest = Int.max
        for _ in 0..<3 {
            let before = try allocated()
            let value = try make()
            fewest = min(fewest, try allocated() - before)
            withExtendedLifetime(value) {}
        }
        return fewest
    }

    @Test(
        "A document keeps at most half of its size beside its bytes, whatever it holds",
        arguments: [
            "[]", "{}", "1", "null", "\"\"", "\"\\n\"", "[1]", "{\"a\":1}", "{\"a\":1,\"b\":{}}", "[[],[[]],{\"\":[]}]",
            String(repeating: "[", count: 60) + String(repeating: "]", count: 60),
            String(repeating: "[", count: 60) + "\"" + String(repeating: "x", count: 1024) + "\""
                + String(repeating: "]", count: 60),
        ])
    func hostileShapes(item: String) throws {
        let bytes = Self.document(item)
        let kept = try Self.kept { try JSONReader.object(bytes, file: "f.json") }
        #expect(kept <= bytes.count / 2 + 1 << 18, "\(kept) bytes for \(bytes.count)")
    }

    @Test("Values of every length are found again behind long ones, and their names behind escapes")
    func longValues() throws {
        for length in [0, 1, 1000, 1021, 1022, 1023, 1024, 1025, 5000] {
            let text = String(repeating: "é\\\"", count: length / 4) + String(repeating: "x", count: length % 4)
            let list = "[" + String(repeating: "[1,\"]\"],", count: length / 8) + "7]"
            let inner = "{\"a\":\"\(text)\",\"\\u0062\":\(list),\"c\": [ ] }"
            let object = try JSONReader.object(Array("{\"x\": \(inner), \"y\": [\(inner) , 5]}".utf8), file: "f")
            for part in [
                try #require(try object.object("x")),
                try #require(try object.array("y")?.first { _ in true }?.asObject),
            ] {
                #expect(part.members.map(\.name) == ["a", "b", "c"])
                #expect(try part.string("a") == text.replacing("\\\"", with: "\""))
                let values = try #require(try part.array("b"))
                #expect(values.count == length / 8 + 1)
                guard case .integer(7)? = values.map({ $0 }).last else { return #expect(Bool(false)) }
                #expect(try part.array("c")?.isEmpty == true)
            }
            #expect(try object.array("y")?.count == 2)
        }
    }

    @Test("Among many names the one that occurs twice is found, however it is written")
    func manyNames() throws {
        let names = (0..<20_000).map { "\"n\($0)\":0" }.joined(separator: ",")
        let object = try JSONReader.object(Array("{\(names)}".utf8), file: "f")
        #expect(object.members.count == 20_000)
        #expect(try object.integer("n19999") == 0)
        #expect(refusal { try JSONReader.object(Array("{\(names),\"\\u006e7\":1}".utf8), file: "f") }?.field == "n7")
        #expect(refusal { try JSONReader.object(Array("{\"\\u006e7\":1,\(names)}".utf8), file: "f") }?.field == "n7")
    }
}

extension JSONValue {
    fileprivate var asObject: JSONObject? {
        guard case .object(let object) = self else { return nil }
        return object
    }
}
