// Reads the header of one safetensors file. Knows nothing of what the tensors mean.
// Format: https://huggingface.co/docs/safetensors: a 64-bit length, that much JSON, then the data.

/// The header of one safetensors file.
struct SafetensorsFile: Sendable {
    let source: any ByteSource
    /// Every tensor lies inside the file; no two share a name (the JSON reader refuses that).
    let tensors: [StoredTensor]

    /// Reads and checks the header; `index` is the file's number in the model.
    init(_ source: any ByteSource, index: Int = 0) throws(ModelFileError) {
        try source.refuseStandIn()
        var reader = ByteReader(source, limit: source.size)
        let length = try reader.count(field: "header length", limit: FileLimits.tensorIndexBytes, itemBytes: 1)
        let header = try JSONReader.object(source.bytes(at: 8, count: length), file: source.name)
        let count = header.members.count
        guard count <= FileLimits.tensors else {
            throw ModelFileError(
                .limitExceeded, file: source.name, field: "tensor count", value: count,
                "is above the limit of \(FileLimits.tensors)")
        }
        var tensors: [StoredTensor] = []
        tensors.reserveCapacity(count)
        for member in header.members where member.name != "__metadata__" {
            tensors.append(try Self.tensor(member, in: source, dataStart: 8 + length, file: index))
        }
        tensors += Self.aliases(header["__metadata__"], of: tensors)
        self.source = source
        self.tensors = tensors
    }

    /// Tensors that share their bytes with another one are stored once; the metadata then has the other names, each with
    /// the one that is stored (`safetensors.torch.save_model`).
    private static func aliases(_ metadata: JSONValue?, of tensors: [StoredTensor]) -> [StoredTensor] {
        guard case .object(let names)? = metadata else { return [] }
        var stored: [ExactString: StoredTensor] = [:]
        for tensor in tensors { stored[ExactString(text: tensor.name)] = tensor }
        var aliases: [StoredTensor] = []
        for member in names.members.prefix(FileLimits.tensors) {
            guard case .string(let name) = member.value, var tensor = stored[ExactString(text: name)],
                stored[ExactString(text: member.name)] == nil, member.name.utf8.count <= FileLimits.tensorNameBytes
            else { continue }
            tensor.name = member.name
            aliases.append(tensor)
        }
        return aliases
    }

    private static func tensor(
        _ member: JSONObject.Member, in source: any ByteSource, dataStart: Int, file index: Int
    ) throws(ModelFileError) -> StoredTensor {
        let field = "tensor \(member.name)"
        func refuse(_ code: ModelFileError.Code, _ part: String, _ value: Any, _ problem: String) -> ModelFileError {
            ModelFileError(code, file: source.name, field: "\(part) of \(field)", value: "\(value)", problem)
        }
        guard member.name.utf8.count <= FileLimits.tensorNameBytes else {
            throw refuse(.limitExceeded, "name", member.name, "is longer than \(FileLimits.tensorNameBytes) bytes")
        }
        guard case .object(let entry) = member.value else {
            throw refuse(.malformed, "description", member.value.kindName, "must be an object")
        }
        let typeName = try entry.required("dtype", entry.string("dtype"))
        let shape = try integers(entry, "shape", field: field)
        guard shape.count <= FileLimits.safetensorsDimensions,
            shape.allSatisfy((0...FileLimits.tensorDimension).contains)
        else {
            throw refuse(.invalidValue, "shape", shape, "must be up to \(FileLimits.safetensorsDimensions) sizes")
        }
        let range = try integers(entry, "data_offsets", field: field)
        guard range.count == 2, range[0] >= 0, range[0] <= range[1] else {
            throw refuse(.invalidValue, "data_offsets", range, "must be a begin and an end")
        }
        guard range[1] <= source.size - dataStart else {
            throw refuse(
                .truncated, "data_offsets", range, "end beyond the file's \(source.size - dataStart) bytes of data")
        }
        let type = TensorType(safetensors: typeName)
        if let type {
            guard let expected = type.byteCount(shape: shape), expected == range[1] - range[0] else {
                throw refuse(.mismatch, "data_offsets", range, "is not the size of \(shape) in type \(typeName)")
            }
        }
        return StoredTensor(
            name: member.name, typeName: typeName, type: type, shape: shape, fileName: source.name, file: index,
            offset: dataStart + range[0], byteCount: range[1] - range[0])
    }

    private static func integers(
        _ entry: JSONObject, _ name: String, field: String
    ) throws(ModelFileError) -> [Int] {
        let values = try entry.required(name, entry.array(name))
        guard values.count <= 64 else {
            throw ModelFileError(
                .limitExceeded, file: entry.file, field: "\(name) of \(field)", value: values.count,
                "has too many numbers")
        }
        var result: [Int] = []
        for value in values {
            guard case .integer(let number) = value else {
                throw ModelFileError(
                    .malformed, file: entry.file, field: "\(name) of \(field)", value: value.kindName,
                    "must be whole numbers")
            }
            result.append(number)
        }
        return result
    }
}
