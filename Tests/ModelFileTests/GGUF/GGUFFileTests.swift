// The header of GGUF files: what is read, and every way in which it is refused.
import Testing

@testable import ModelFile

@Suite struct GGUFFileTests {
    private func open(_ file: GGUFBuilder) throws -> GGUFFile {
        try GGUFFile(MemoryFile(name: "model.gguf", content: file.bytes))
    }

    @Test("Values of every type are read", arguments: [2, 3] as [UInt32])
    func values(version: UInt32) throws {
        var file = GGUFBuilder()
        file.version = version
        let scalars: [(UInt32, [UInt8])] = [
            (0, [200]), (1, [0xFF]), (2, [0x34, 0x12]), (3, [0xFE, 0xFF]), (4, [1, 0, 0, 0x80]),
            (5, [0xFF, 0xFF, 0xFF, 0xFF]), (6, littleEndian(Float(1.5).bitPattern)), (7, [1]),
            (10, littleEndian(UInt64.max)), (11, littleEndian(Int64.min)), (12, littleEndian(2.5.bitPattern)),
        ]
        for (type, bytes) in scalars { file.set("value.\(type)", .raw(type: type, bytes: bytes)) }
        file.set("text", .string("é"))
        file.set("broken text", .raw(type: 8, bytes: littleEndian(UInt64(1)) + [0xFF]))
        let metadata = try open(file).metadata
        #expect(try metadata.integer("value.0") == 200)
        #expect(try metadata.integer("value.1") == -1)
        #expect(try metadata.integer("value.2") == 0x1234)
        #expect(try metadata.integer("value.3") == -2)
        #expect(try metadata.integer("value.4") == 0x8000_0001)
        #expect(try metadata.integer("value.5") == -1)
        #expect(try metadata.number("value.6") == 1.5)
        #expect(try metadata.bool("value.7") == true)
        #expect(try metadata.number("value.10") == Double(UInt64.max))
        #expect(try metadata.integer("value.11") == Int.min)
        #expect(try metadata.number("value.12") == 2.5)
        #expect(try metadata.string("text") == "é")
        #expect(try metadata.string("broken text") == "\u{FFFD}")
        #expect(try metadata.integer("absent") == nil)
        #expect(refusal { try metadata.integer("text") }?.field == "text")
        #expect(refusal { try metadata.integer("value.10") }?.code == .malformed)
    }

    @Test("Lists are read, also nested ones")
    func lists() throws {
        var file = GGUFBuilder()
        file.set("texts", .strings(["", "b"]))
        file.set("numbers", .int32s([1, -2]))
        let inner = littleEndian(UInt32(0)) + littleEndian(UInt64(2)) + [7, 8]
        file.set("nested", .raw(type: 9, bytes: littleEndian(UInt32(9)) + littleEndian(UInt64(1)) + inner))
        let metadata = try open(file).metadata
        #expect(try metadata.strings("texts") == ["", "b"])
        let numbers = try #require(try metadata.numbers("numbers"))
        guard case .integer(-2) = numbers[1] else { return #expect(Bool(false)) }
        guard case .arrays(let lists) = metadata.values["nested"], case .numbers(let bytes) = lists.first else {
            return #expect(Bool(false))
        }
        #expect(bytes.bytes == [7, 8])
    }

    @Test("Lists nested too deeply are refused")
    func deepLists() {
        var file = GGUFBuilder()
        var bytes = littleEndian(UInt32(0)) + littleEndian(UInt64(0))
        for _ in 0..<1000 { bytes = littleEndian(UInt32(9)) + littleEndian(UInt64(1)) + bytes }
        file.set("deep", .raw(type: 9, bytes: bytes))
        let error = refusal { try open(file) }
        #expect(error?.code == .limitExceeded)
        #expect(error?.field == "deep")
    }

    @Test("Counts larger than the file or a limit are refused before anything is allocated")
    func hugeCounts() {
        for count in [UInt64.max, 1 << 63, 1 << 40, 1 << 25, 1000] {
            var file = GGUFBuilder()
            file.tensorCount = count
            #expect(refusal { try open(file) }?.field == "tensor count")
            file.tensorCount = 0
            file.metadataCount = count
            #expect(refusal { try open(file) }?.field == "metadata count")
            file.metadataCount = nil
            for type in [8, 9, 0, 12] as [UInt32] {
                file.metadata = [("list", .raw(type: 9, bytes: littleEndian(type) + littleEndian(count)))]
                #expect(refusal { try open(file) }?.field == "length of list", "type \(type), count \(count)")
            }
            file.metadata = [("text", .raw(type: 8, bytes: littleEndian(count)))]
            #expect(refusal { try open(file) }?.field == "text length")
        }
    }

    @Test("A file that ends anywhere in its header or its data is refused")
    func truncation() throws {
        let file = TinyModels.llamaGGUF()
        let bytes = file.bytes
        let last = try #require(file.tensors.last)
        let dataEnd = bytes.count - (32 - last.data.count % 32) % 32
        for count in 0..<dataEnd {
            let source = MemoryFile(name: "short.gguf", content: Array(bytes[..<count]))
            let error = refusal { try GGUFFile(source) }
            #expect(error?.file == "short.gguf")
            if error == nil { break }
        }
        _ = try GGUFFile(MemoryFile(name: "whole", content: Array(bytes[..<dataEnd])))
    }

    @Test("Wrong magic, versions and byte order are told apart")
    func magicAndVersion() {
        var file = GGUFBuilder()
        file.magic = Array("GGML".utf8)
        #expect(refusal { try open(file) }?.field == "magic")
        file = GGUFBuilder()
        file.version = 1
        #expect(refusal { try open(file) }?.description.contains("only versions 2 and 3") == true)
        file.version = UInt32(3).byteSwapped
        #expect(refusal { try open(file) }?.description.contains("big-endian") == true)
    }

    @Test("Names that occur twice are refused")
    func duplicates() throws {
        var file = TinyModels.llamaGGUF()
        file.metadata.append(("general.name", .string("again")))
        #expect(refusal { try open(file) }?.code == .duplicate)
        file = TinyModels.llamaGGUF()
        file.tensors.append(file.tensors[0])
        let error = refusal { try open(file) }
        #expect(error?.code == .duplicate)
        #expect(error?.field == "tensor token_embd.weight")
    }

    @Test("Names that are not UTF-8 are refused")
    func namesInUTF8() {
        var bytes = TinyModels.llamaGGUF().bytes
        bytes[32] = 0xFF  // inside the first key
        #expect(refusal { try GGUFFile(MemoryFile(name: "m", content: bytes)) }?.field == "metadata key 0")
    }

    @Test("A tensor with impossible dimensions or offsets is refused by name")
    func impossibleTensors() {
        func error(_ change: (inout GGUFBuilder.Tensor) -> Void) -> ModelFileError? {
            var file = TinyModels.llamaGGUF()
            file.edit("output.weight", change)
            return refusal { try open(file) }
        }
        let field = "tensor output.weight"
        #expect(error { $0.dimensions = [] }?.field == "dimension count of \(field)")
        #expect(error { $0.dimensions = [1, 1, 1, 1, 1] }?.field == "dimension count of \(field)")
        #expect(error { $0.dimensions = [4, 0] }?.field == "dimension of \(field)")
        #expect(error { $0.dimensions = [4, .max] }?.field == "dimension of \(field)")
        #expect(error { $0.dimensions = [1 << 32, 1 << 32, 2] }?.field == "shape of \(field)")
        #expect(error { $0.dimensions = [4, 1 << 30] }?.code == .truncated)
        #expect(error { $0.offset = .max }?.field == "offset of \(field)")
        #expect(error { $0.offset = UInt64(Int.max) }?.code == .truncated)
        #expect(error { $0.type = 8 }?.problem.contains("whole blocks of 32") == true)
    }

    @Test("Offsets need not be aligned, and tensors may overlap")
    func unalignedOffsets() throws {
        var file = TinyModels.llamaGGUF()
        file.edit("output.weight") { $0.offset = 3 }
        let model = try file.model()
        let tensor = try #require(model.tensors.first { $0.name == "output.weight" })
        var bytes = [UInt8](repeating: 0, count: 4)
        try bytes.withUnsafeMutableBytes { try model.read(tensor, at: 1, into: $0) }
        #expect(bytes == [4, 5, 6, 7])
    }

    @Test("The alignment of the data is read and checked")
    func alignment() throws {
        var file = TinyModels.llamaGGUF()
        file.alignment = 256
        file.set("general.alignment", .uint32(256))
        let model = try file.model()
        var first = [UInt8](repeating: 9, count: 2)
        try first.withUnsafeMutableBytes { try model.read(model.tensors[0], at: 0, into: $0) }
        #expect(first == [0, 1])
        for value in [0, 3, 1 << 30] as [UInt32] {
            file.set("general.alignment", .uint32(value))
            #expect(refusal { try open(file) }?.field == "general.alignment")
        }
    }

    @Test("Values shown in messages are short and free of control characters")
    func printableValues() {
        var file = TinyModels.llamaGGUF()
        file.set("general.architecture", .string("\u{1B}[31m" + String(repeating: "x", count: 10_000)))
        let error = refusal { try file.model() }
        #expect(error?.description.contains("\u{1B}") == false)
        let supported = Architecture.allCases.map(\.name).joined(separator: ", ")
        #expect((error?.description.count ?? 1000) < 200 + supported.count)
    }
}
