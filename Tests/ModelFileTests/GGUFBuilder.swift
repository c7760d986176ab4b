// Writes small GGUF files for tests: sound ones, and ones that lie where a test says so.

@testable import ModelFile

struct GGUFBuilder {
    indirect enum Value {
        case uint32(UInt32)
        case uint64(UInt64)
        case int32(Int32)
        case float(Float)
        case bool(Bool)
        case string(String)
        case strings([String])
        case floats([Float])
        case int32s([Int32])
        case raw(type: UInt32, bytes: [UInt8])
    }

    struct Tensor {
        var name: String
        /// Innermost first, as in the file.
        var dimensions: [UInt64]
        var type: UInt32 = 0
        var data: [UInt8]
        /// Written instead of the true offset.
        var offset: UInt64?
    }

    var magic = Array("GGUF".utf8)
    var version: UInt32 = 3
    var metadata: [(key: String, value: Value)] = []
    var tensors: [Tensor] = []
    var tensorCount: UInt64?
    var metadataCount: UInt64?
    var alignment = 32

    mutating func set(_ key: String, _ value: Value?) {
        metadata.removeAll { $0.key == key }
        if let value { metadata.append((key, value)) }
    }

    mutating func edit(_ name: String, _ change: (inout Tensor) -> Void) {
        for index in tensors.indices where tensors[index].name == name { change(&tensors[index]) }
    }

    var bytes: [UInt8] {
        var out = magic + littleEndian(version)
        out += littleEndian(tensorCount ?? UInt64(tensors.count))
        out += littleEndian(metadataCount ?? UInt64(metadata.count))
        for (key, value) in metadata { out += text(key) + encoded(value) }
        var offset = 0
        for tensor in tensors {
            out += text(tensor.name) + littleEndian(UInt32(tensor.dimensions.count))
            for dimension in tensor.dimensions { out += littleEndian(dimension) }
            out += littleEndian(tensor.type) + littleEndian(tensor.offset ?? UInt64(offset))
            offset += padded(tensor.data.count)
        }
        out += [UInt8](repeating: 0, count: padded(out.count) - out.count)
        for tensor in tensors {
            out += tensor.data + [UInt8](repeating: 0, count: padded(tensor.data.count) - tensor.data.count)
        }
        return out
    }

    func model(named name: String = "model.gguf", in folder: MemoryFolder = MemoryFolder()) throws -> Model {
        try Model(GGUFModel(MemoryFile(name: name, content: bytes), in: folder))
    }

    func tokenizer() throws -> TokenizerDescription? {
        try GGUFModel(MemoryFile(name: "model.gguf", content: bytes), in: MemoryFolder()).tokenizer()
    }

    private func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

    private func text(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }

    private func encoded(_ value: Value) -> [UInt8] {
        func type(_ number: UInt32) -> [UInt8] { littleEndian(number) }
        func list(_ element: UInt32, _ count: Int) -> [UInt8] {
            type(9) + type(element) + littleEndian(UInt64(count))
        }
        switch value {
        case .uint32(let value): return type(4) + littleEndian(value)
        case .int32(let value): return type(5) + littleEndian(value)
        case .float(let value): return type(6) + littleEndian(value.bitPattern)
        case .bool(let value): return type(7) + [value ? 1 : 0]
        case .string(let value): return type(8) + text(value)
        case .uint64(let value): return type(10) + littleEndian(value)
        case .strings(let values): return list(8, values.count) + values.flatMap(text)
        case .floats(let values): return list(6, values.count) + values.flatMap { littleEndian($0.bitPattern) }
        case .int32s(let values): return list(5, values.count) + values.flatMap(littleEndian)
        case .raw(let number, let bytes): return type(number) + bytes
        }
    }
}

func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
