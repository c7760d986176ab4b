// Reads the header of one GGUF file, versions 2 and 3: metadata and the list of tensors. Knows nothing of what they
// mean. Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

import Sequences

/// The header of one GGUF file.
struct GGUFFile: Sendable {
    static let magic: [UInt8] = Array("GGUF".utf8)

    let source: any ByteSource
    let metadata: GGUFMetadata
    /// Every tensor lies inside the file; no two share a name.
    let tensors: [StoredTensor]

    /// Reads and checks the header; `index` is the file's number in the model.
    init(_ source: any ByteSource, index: Int = 0) throws(ModelFileError) {
        var parser = GGUFParser(source)
        let (tensorCount, entryCount) = try parser.counts()
        let metadata = try parser.metadata(count: entryCount)
        var tensors = try parser.tensors(count: tensorCount, file: index)
        let alignment = try Self.alignment(metadata)
        let dataStart = (parser.position + alignment - 1) / alignment * alignment
        for index in tensors.indices { try tensors[index].move(by: dataStart, in: source) }
        self.source = source
        self.metadata = metadata
        self.tensors = tensors
    }

    private static func alignment(_ metadata: GGUFMetadata) throws(ModelFileError) -> Int {
        let alignment = try metadata.integer("general.alignment") ?? 32
        guard alignment >= 1, alignment <= FileLimits.alignment, alignment & (alignment - 1) == 0 else {
            throw ModelFileError(
                .invalidValue, file: metadata.file, field: "general.alignment", value: alignment,
                "must be a power of two up to \(FileLimits.alignment)")
        }
        return alignment
    }
}

extension StoredTensor {
    /// Turns an offset within the data section into one within the file, and checks that the tensor is inside.
    fileprivate mutating func move(by dataStart: Int, in source: any ByteSource) throws(ModelFileError) {
        let (start, startOverflow) = offset.addingReportingOverflow(dataStart)
        let (end, endOverflow) = start.addingReportingOverflow(byteCount)
        guard !startOverflow, !endOverflow, end <= source.size else {
            throw ModelFileError(
                .truncated, file: source.name, field: "offset of tensor \(name)", value: offset,
                "its \(byteCount) bytes end beyond the file's \(source.size)",
                hint: "the file is damaged or was not downloaded completely")
        }
        offset = start
    }
}

/// The sections of a GGUF header in their order.
private struct GGUFParser {
    private var reader: ByteReader
    private var arraysLeft = FileLimits.metadataNestedArrays
    private var file: String { reader.source.name }
    var position: Int { reader.position }

    init(_ source: any ByteSource) {
        reader = ByteReader(source, limit: FileLimits.metadataBytes)
    }

    /// Magic and version, then the number of tensors and of metadata entries.
    mutating func counts() throws(ModelFileError) -> (tensors: Int, entries: Int) {
        try reader.source.refuseStandIn()
        let magic = try reader.bytes(4, field: "magic")
        guard magic == GGUFFile.magic else {
            throw ModelFileError(.malformed, file: file, field: "magic", value: "\(magic)", "must be the bytes GGUF")
        }
        let version = try reader.integer(UInt32.self, field: "version")
        guard version == 2 || version == 3 else {
            let isSwapped = (1...3).contains(version.byteSwapped)
            throw ModelFileError(
                .unsupported, file: file, field: "version", value: isSwapped ? version.byteSwapped : version,
                isSwapped ? "big-endian files are not supported" : "only versions 2 and 3 are supported",
                hint: "convert the model again with a current llama.cpp")
        }
        // A tensor takes at least 32 bytes (name length, dimension count, one dimension, type, offset), an entry 13.
        let tensors = try reader.count(field: "tensor count", limit: FileLimits.tensors, itemBytes: 32)
        let entries = try reader.count(field: "metadata count", limit: FileLimits.metadataEntries, itemBytes: 13)
        return (tensors, entries)
    }

    mutating func metadata(count: Int) throws(ModelFileError) -> GGUFMetadata {
        var metadata = GGUFMetadata(file: file)
        for index in 0..<count {
            let key = try name(field: "metadata key \(index)", limit: FileLimits.metadataKeyBytes)
            let start = reader.position
            let type = try valueType(field: key)
            let value = try value(type, field: key, depth: 0)
            metadata.places.append(.init(key: key, offset: start, byteCount: reader.position - start))
            guard metadata.values.updateValue(value, forKey: key) == nil else {
                throw ModelFileError(.duplicate, file: file, field: key, "occurs twice in the metadata")
            }
        }
        return metadata
    }

    private mutating func valueType(field: String) throws(ModelFileError) -> GGUFValueType {
        let number = try reader.integer(UInt32.self, field: "type of \(field)")
        guard let type = GGUFValueType(rawValue: number) else {
            throw ModelFileError(
                .malformed, file: file, field: "type of \(field)", value: number, "is no metadata type (0 to 12)")
        }
        return type
    }

    private mutating func value(
        _ type: GGUFValueType, field: String, depth: Int
    ) throws(ModelFileError) -> GGUFValue {
        switch type {
        case .string: return .string(try text(field: field))
        case .array: return try array(field: field, depth: depth + 1)
        default:
            let bytes = try reader.bytes(type.byteCount ?? 0, field: field)
            return GGUFNumbers(type: type, bytes: bytes)[0]
        }
    }

    private mutating func array(field: String, depth: Int) throws(ModelFileError) -> GGUFValue {
        guard depth <= FileLimits.metadataArrayDepth else {
            throw ModelFileError(
                .limitExceeded, file: file, field: field,
                "its lists are nested deeper than \(FileLimits.metadataArrayDepth)")
        }
        let type = try valueType(field: "the elements of \(field)")
        // A string takes at least its length, a list its type and length.
        let itemBytes = type.byteCount ?? (type == .string ? 8 : 12)
        let count = try reader.count(
            field: "length of \(field)", limit: FileLimits.metadataBytes, itemBytes: itemBytes)
        switch type {
        case .string:
            var strings: [String] = []
            strings.reserveCapacity(count)
            for _ in 0..<count { strings.append(try text(field: field)) }
            return .strings(strings)
        case .array:
            guard count <= arraysLeft else {
                throw ModelFileError(
                    .limitExceeded, file: file, field: field, value: count,
                    "more than \(FileLimits.metadataNestedArrays) lists within lists")
            }
            arraysLeft -= count
            var arrays: [GGUFValue] = []
            for _ in 0..<count { arrays.append(try array(field: field, depth: depth + 1)) }
            return .arrays(arrays)
        default:
            return .numbers(GGUFNumbers(type: type, bytes: try reader.bytes(count * itemBytes, field: field)))
        }
    }

    /// A text that people wrote: bytes that are not UTF-8 are replaced, for they do no harm in it.
    private mutating func text(field: String) throws(ModelFileError) -> String {
        try reader.string(field: field, limit: FileLimits.metadataBytes, repairing: true) ?? ""
    }

    /// A name by which something is found: must be UTF-8.
    private mutating func name(field: String, limit: Int) throws(ModelFileError) -> String {
        guard let name = try reader.string(field: field, limit: limit, repairing: false) else {
            throw ModelFileError(.malformed, file: file, field: field, "is not UTF-8")
        }
        return name
    }

    mutating func tensors(count: Int, file index: Int) throws(ModelFileError) -> [StoredTensor] {
        var tensors: [StoredTensor] = []
        tensors.reserveCapacity(count)
        for number in 0..<count { tensors.append(try tensor(number, file: index)) }
        if let name = ExactString.firstDuplicate(in: tensors, by: \.name) {
            throw ModelFileError(.duplicate, file: file, field: "tensor \(name)", "is listed twice")
        }
        return tensors
    }

    /// One entry of the list; its offset is still within the data section.
    private mutating func tensor(_ number: Int, file index: Int) throws(ModelFileError) -> StoredTensor {
        let name = try name(field: "name of tensor \(number)", limit: FileLimits.tensorNameBytes)
        let field = "tensor \(name)"
        let rank = try reader.integer(UInt32.self, field: "dimension count of \(field)")
        guard rank >= 1, rank <= FileLimits.tensorDimensions else {
            throw ModelFileError(
                .invalidValue, file: file, field: "dimension count of \(field)", value: rank,
                "must be 1 to \(FileLimits.tensorDimensions)")
        }
        var shape: [Int] = []
        for _ in 0..<rank {
            let length = try reader.integer(UInt64.self, field: "dimension of \(field)")
            guard length >= 1, length <= UInt64(FileLimits.tensorDimension) else {
                throw ModelFileError(
                    .invalidValue, file: file, field: "dimension of \(field)", value: length,
                    "must be 1 to \(FileLimits.tensorDimension)")
            }
            shape.insert(Int(length), at: 0)
        }
        let typeNumber = try reader.integer(UInt32.self, field: "type of \(field)")
        let offset = try reader.integer(UInt64.self, field: "offset of \(field)")
        guard let offset = Int(exactly: offset) else {
            throw ModelFileError(
                .invalidValue, file: file, field: "offset of \(field)", value: offset, "is beyond every file")
        }
        let type = TensorType(gguf: typeNumber)
        return StoredTensor(
            name: name, typeName: TensorType.ggufName(typeNumber), type: type, shape: shape, fileName: file,
            file: index, offset: offset, byteCount: try byteCount(of: shape, type: type, field: field))
    }

    private func byteCount(of shape: [Int], type: TensorType?, field: String) throws(ModelFileError) -> Int {
        guard let type else { return 0 }
        guard let bytes = type.byteCount(shape: shape) else {
            throw ModelFileError(
                .invalidValue, file: file, field: "shape of \(field)", value: "\(shape)",
                "is too large, or its rows are no whole blocks of \(type.blockElements) (type \(type.name))")
        }
        return bytes
    }
}
