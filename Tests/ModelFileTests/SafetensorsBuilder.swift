// Writes small safetensors files for tests.
import Foundation

struct SafetensorsBuilder {
    struct Tensor {
        var name: String
        var type = "F32"
        var shape: [Int]
        var bytes: Int
    }

    var tensors: [Tensor] = []
    var metadata = ["format": "pt"]

    mutating func edit(_ name: String, _ change: (inout Tensor) -> Void) {
        for index in tensors.indices where tensors[index].name == name { change(&tensors[index]) }
    }

    func bytes() throws -> [UInt8] {
        var header: [String: Any] = ["__metadata__": metadata]
        var offset = 0
        for tensor in tensors {
            header[tensor.name] = [
                "dtype": tensor.type, "shape": tensor.shape, "data_offsets": [offset, offset + tensor.bytes],
            ]
            offset += tensor.bytes
        }
        return Self.file(header: try jsonBytes(header), data: (0..<offset).map { UInt8($0 % 251) })
    }

    static func file(header: [UInt8], data: [UInt8]) -> [UInt8] {
        littleEndian(UInt64(header.count)) + header + data
    }
}
