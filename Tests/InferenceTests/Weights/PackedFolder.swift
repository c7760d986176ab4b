// A quantized folder of the fixtures in memory, to be changed.
//
// Responsible for: its settings and tensors apart, and the model that they make.
// Must not know: what becomes of it.

import Foundation
import Sequences
import Testing

@testable import Inference
@testable import ModelFile

struct PackedFolder: ModelFolder {
    struct Tensor {
        var type: String
        var shape: [Int]
        var data: [UInt8]
    }

    let path = "folder"
    var configuration: [UInt8]
    var tensors: [String: Tensor] = [:]
    /// Changes what stands in the header, whatever the tensors are.
    var header: (@Sendable ([UInt8]) -> [UInt8])?

    init(_ name: String) throws { try self.init(at: TestFiles.packed.appendingPathComponent(name)) }

    init(at folder: URL) throws {
        configuration = Array(try Data(contentsOf: folder.appendingPathComponent("config.json")))
        let bytes = Array(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")))
        let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length])) as? [String: Any]
        for (name, value) in try #require(header) {
            guard let entry = value as? [String: Any], let type = entry["dtype"] as? String else { continue }
            let range = try #require(entry["data_offsets"] as? [Int])
            tensors[name] = Tensor(
                type: type, shape: try #require(entry["shape"] as? [Int]),
                data: Array(bytes[8 + length + range[0]..<8 + length + range[1]]))
        }
    }

    /// Changes a field of the quantization's configuration.
    mutating func set(_ name: String, _ value: Any) throws {
        var fields = try #require(
            try JSONSerialization.jsonObject(with: Data(configuration)) as? [String: Any])
        for key in ["quantization", "quantization_config"] {
            guard var inner = fields[key] as? [String: Any] else { continue }
            inner[name] = value
            fields[key] = inner
        }
        configuration = Array(try JSONSerialization.data(withJSONObject: fields))
    }

    // MARK: As a folder

    private struct Source: ByteSource {
        let name: String
        let content: [UInt8]
        var size: Int { content.count }

        func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ModelFileError) {
            try checkRange(at: offset, count: buffer.count)
            content.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[offset..<offset + buffer.count])) }
        }
    }

    func names() -> [String] { ["config.json", "model.safetensors"] }

    func open(_ name: String) throws(ModelFileError) -> (any ByteSource)? {
        switch name {
        case "config.json": Source(name: name, content: configuration)
        case "model.safetensors": Source(name: name, content: weights)
        default: nil
        }
    }

    private var weights: [UInt8] {
        var entries: [String] = []
        var data: [UInt8] = []
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            let range = [data.count, data.count + tensor.data.count]
            entries.append(
                "\"\(name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),\"data_offsets\":\(range)}")
            data += tensor.data
        }
        let text = Array("{\(entries.joined(separator: ","))}".utf8)
        let header = header?(text) ?? text
        return (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + data
    }

    /// Opened, with tensors that can be read.
    func model() throws -> Model {
        let model = try Model(HuggingFaceModel(self))
        return model.replacing(
            tensors: model.tensors, source: UnpackedTensors(model.packed, others: model), variant: "")
    }

    // MARK: Reading

    static func bytes(of tensor: TensorDescriptor, _ range: Range<Int>, _ model: Model) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        try bytes.withUnsafeMutableBytes { try model.read(tensor, at: range.lowerBound, into: $0) }
        return bytes
    }

    /// All tensors as they are kept; how many bytes.
    static func readAll(of model: Model) throws -> Int {
        try model.tensors.reduce(0) { $0 + (try bytes(of: $1, 0..<$1.byteCount, model).count) }
    }

    // MARK: Spoiling

    private static let texts = [
        "0", "-1", "1", "3", "7", "128", "1e999", "65537", "4194304", "4294967296", "9223372036854775807", "null",
        "true", "[]", "{}", "\"F8_E4M3\"", "\"U32\"", "\"I32\"", "\"I8\"", "\"BF16\"", "\"F16\"", "\"awq\"", "\"gptq\"",
    ]

    /// One change; `below` draws.
    mutating func spoil(_ below: (Int) -> Int) throws {
        let names = tensors.keys.sorted()
        // Mostly parts of matrices.
        let name = names[below(names.count)]
        switch below(8) {
        case 0: tensors[name] = nil
        case 1:
            guard let count = tensors[name]?.data.count, count > 0 else { return }
            tensors[name]?.data[below(count)] = UInt8(below(256))
        case 2:
            guard let rank = tensors[name]?.shape.count, rank > 0 else { return }
            tensors[name]?.shape[below(rank)] = [0, 1, 2, 31, 33, 64, 96, 128, 1 << 22, 1 << 32][below(10)]
        case 3: tensors[name]?.type = ["I32", "U32", "F16", "BF16", "F32", "I8", "F8_E4M3", "I64"][below(8)]
        case 4:
            let count = tensors[name]?.data.count ?? 0
            tensors[name]?.data.removeLast(min(below(64), count))
        case 5:
            let other = names[below(names.count)]
            if let tensor = tensors[other] { tensors[name] = tensor }
        case 6:
            let (place, text) = (below(1 << 20), Self.texts[below(Self.texts.count)])
            header = { Self.replaceValue($0, place, text) }
        default: configuration = Self.replaceValue(configuration, below(1 << 20), Self.texts[below(Self.texts.count)])
        }
    }

    /// Puts `text` in the place of a number, a word or a mark.
    private static func replaceValue(_ bytes: [UInt8], _ place: Int, _ text: String) -> [UInt8] {
        let starts = bytes.indices.filter { bytes[$0] == UInt8(ascii: ":") || bytes[$0] == UInt8(ascii: "[") }
        guard !starts.isEmpty else { return bytes }
        let start = starts[place % starts.count] + 1
        let end = bytes[start...].firstIndex { [UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]")].contains($0) }
        return Array(bytes[..<start]) + Array(text.utf8) + Array(bytes[(end ?? bytes.endIndex)...])
    }
}
