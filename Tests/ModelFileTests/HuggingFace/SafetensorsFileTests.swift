// The header of safetensors files: what is read, and every way in which it is refused.
import Testing

@testable import ModelFile

@Suite struct SafetensorsFileTests {
    private func open(header: String, data: Int = 16, length: UInt64? = nil) throws -> SafetensorsFile {
        let header = Array(header.utf8)
        let bytes = littleEndian(length ?? UInt64(header.count)) + header + [UInt8](repeating: 0, count: data)
        return try SafetensorsFile(MemoryFile(name: "m.safetensors", content: bytes))
    }

    @Test("Names, types, shapes and offsets are read; metadata is skipped")
    func reads() throws {
        let file = try open(
            header: """
                {"__metadata__": {"format": "pt"},
                 "a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [8, 16]},
                 "b": {"dtype": "I64", "shape": [], "data_offsets": [0, 8]}}
                """)
        #expect(file.tensors.map(\.name) == ["a", "b"])
        #expect(file.tensors[0].shape == [2, 1])
        #expect(file.tensors[0].byteCount == 8)
        #expect(file.tensors[0].offset == file.source.size - 8)
        #expect(file.tensors[1].type == nil)
        #expect(file.tensors[1].typeName == "I64")
    }

    @Test(
        "A header that is longer than the file or its limit is refused",
        arguments: [1 << 20, 1 << 40, .max] as [UInt64])
    func headerLength(length: UInt64) {
        #expect(refusal { try open(header: "{}", length: length) }?.field == "header length")
    }

    @Test(
        "A header that is not the JSON of a safetensors file is refused",
        arguments: [
            "", "[]", "{", "{\"a\": 1}", "{\"a\": {}}", "{\"a\": {\"dtype\": \"F32\", \"shape\": [1]}}",
            "{\"a\": {\"dtype\": 1, \"shape\": [1], \"data_offsets\": [0, 4]}}",
            "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0]}}",
            "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 0]}}",
            "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [-4, 0]}}",
            "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 8]}}",
            "{\"a\": {\"dtype\": \"F32\", \"shape\": [1.5], \"data_offsets\": [0, 4]}}",
            "{\"a\": {\"dtype\": \"F32\", \"shape\": [-1], \"data_offsets\": [0, 4]}}",
            "{\"a\": {\"dtype\": \"F32\", \"shape\": [1,1,1,1,1,1,1,1,1], \"data_offsets\": [0, 4]}}",
            "{\"a\": {\"dtype\": \"F32\", \"shape\": [8], \"data_offsets\": [0, 32]}}",
            "{\"a\": {\"dtype\": \"F32\", \"shape\": [4294967296, 4294967296, 4294967296], \"data_offsets\": [0, 4]}}",
            "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [\(Int.max), \(Int.max)]}}",
        ])
    func badHeaders(header: String) {
        #expect(refusal { try open(header: header) }?.file == "m.safetensors")
    }

    @Test("A kernel of five dimensions, as models with images have, is a tensor like others")
    func manyDimensions() throws {
        let header = "{\"a\": {\"dtype\": \"F32\", \"shape\": [1,1,1,1,1], \"data_offsets\": [0, 4]}}"
        #expect(try open(header: header).tensors.first?.shape == [1, 1, 1, 1, 1])
    }

    @Test("Two tensors of one name are refused")
    func duplicates() {
        let tensor = "{\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}"
        let error = refusal { try open(header: "{\"a\": \(tensor), \"a\": \(tensor)}") }
        #expect(error?.code == .duplicate)
        #expect(error?.field == "a")
    }

    @Test("A file of less than a length is refused")
    func tooShort() {
        #expect(refusal { try SafetensorsFile(MemoryFile(name: "m", content: [1, 2])) }?.code == .truncated)
    }
}
