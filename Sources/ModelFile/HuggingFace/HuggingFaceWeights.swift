// Finds the weight files of a Hugging Face folder: by the index, or where that contradicts what is there, without it.
// Knows nothing of what the tensors mean.
import Sequences

/// The headers of a model's weight files.
struct HuggingFaceWeights {
    /// At least one.
    var files: [SafetensorsFile] = []
    /// What the index says of tensors that no file holds; the first.
    var contradiction: ModelFileError?
    /// Tensors that the index puts into files which are not in the folder.
    var absent: [StoredTensor] = []
    var notices: [Sentence] = []

    /// All tensors by name; those that are absent are marked.
    func tensors() throws(ModelFileError) -> [String: StoredTensor] {
        var result = try StoredTensor.byName(files.flatMap(\.tensors))
        for tensor in absent where result[tensor.name] == nil { result[tensor.name] = tensor }
        return result
    }
}

extension HuggingFaceModel {
    private static let indexName = "model.safetensors.index.json"
    private static let wholeName = "model.safetensors"

    /// The headers of the weight files: the named one, or those of the index, or without one
    /// those that are complete by their names, or the only one there is.
    func weights(named name: String?) throws(ModelFileError) -> HuggingFaceWeights {
        var notices: [Sentence] = []
        if let index = try self.index(named: name, notices: &notices),
            name == nil || index.map.contains(where: { $0.file == name })
        {
            return try weights(of: index)
        }
        var weights = HuggingFaceWeights(notices: notices)
        if let name {
            weights.files = [try weightFile(name, index: 0)]
            return weights
        }
        let names = try folder.names().filter { $0.hasSuffix(".safetensors") }
        if let parts = complete(Set(names)) ?? (names.count == 1 ? names : nil) {
            weights.files = try open(parts, index: folder.path)
            return weights
        }
        throw noWeights(names)
    }

    /// Why there are no weights in a folder that has these weight files.
    private func noWeights(_ names: [String]) -> ModelFileError {
        ModelFileError(
            .missing, file: folder.path, field: Self.wholeName,
            names.isEmpty
                ? "is not in the folder" : "is not in the folder, and there are \(names.count) other weight files",
            hint: names.isEmpty
                ? "weights in other formats (*.bin, *.pth) must be saved as safetensors first"
                : "give the path of one of them, or add \(Self.indexName)")
    }

    /// Which file holds which tensor, and the path of the index that says so.
    private struct Index {
        var map: [(tensor: String, file: String)]
        var path: String
        /// Names of files, sorted.
        var files: [String] { Set(map.map(\.file)).sorted() }
    }

    /// The index; nil where there is none, or one that cannot be read beside weights that need none.
    private func index(named name: String?, notices: inout [Sentence]) throws(ModelFileError) -> Index? {
        do throws(ModelFileError) {
            let json = try Self.json(Self.indexName, in: folder, limit: FileLimits.tensorIndexBytes)
            return try json.map { json throws(ModelFileError) in try index(json) }
        } catch {
            let isWhole = complete(Set(try folder.names())) != nil
            guard name != nil || isWhole else { throw error }
            notices.append("\(error.description); the index is not used")
            return nil
        }
    }

    private func index(_ json: JSONObject) throws(ModelFileError) -> Index {
        let map = try json.required("weight_map", json.object("weight_map"))
        var result = Index(map: [], path: json.file)
        for member in map.members {
            guard case .string(let file) = member.value else {
                throw map.wrong("weight_map of \(member.name)", member.value, "a file name")
            }
            result.map.append((member.name, file))
        }
        let names = result.files
        guard !names.isEmpty, names.count <= FileLimits.files else {
            throw ModelFileError(
                .invalidValue, file: json.file, field: "weight_map", value: names.count,
                "must name 1 to \(FileLimits.files) files")
        }
        for name in names where name == "." || name == ".." || name.contains("/") || name.contains("\0") {
            throw ModelFileError(
                .invalidValue, file: json.file, field: "weight_map", value: name,
                "must be the name of a file in the same folder")
        }
        for name in names where !name.hasSuffix(".safetensors") {
            throw ModelFileError(
                .invalidValue, file: json.file, field: "weight_map", value: name, "must name safetensors files")
        }
        return result
    }

    private func weights(of index: Index) throws(ModelFileError) -> HuggingFaceWeights {
        let entries = Set(try folder.names())
        let there = index.files.filter(entries.contains)
        if there.count < index.files.count, let others = complete(entries) {
            let shown = others.count == 1 ? others[0] : "\(others[0]) and the parts that follow it"
            let notice: Sentence =
                "\(index.path) names files that are not in the folder; weights are read from \(shown) without it"
            var weights = HuggingFaceWeights(notices: [notice])
            weights.files = try open(others, index: index.path)
            return weights
        }
        guard !there.isEmpty else {
            throw ModelFileError(
                .missing, file: folder.path, field: index.files[0], "is not in the folder",
                hint: "download every file of the model into one folder")
        }
        var weights = HuggingFaceWeights(files: try open(there, index: index.path))
        let held = Set(weights.files.flatMap(\.tensors).map { ExactString(text: $0.name) })
        for (tensor, file) in index.map where !held.contains(ExactString(text: tensor)) {
            if entries.contains(file) {
                weights.contradiction =
                    weights.contradiction
                    ?? ModelFileError(
                        .mismatch, file: index.path, field: "weight_map of \(tensor)", value: file,
                        "that file does not hold this tensor")
            } else {
                weights.absent.append(
                    StoredTensor(
                        name: tensor, typeName: "", shape: [], fileName: "\(folder.path)/\(file)", file: 0, offset: 0,
                        byteCount: 0, isAbsent: true))
            }
        }
        return weights
    }

    /// The headers of these files; `index` is named where they hold too many tensors.
    private func open(_ names: [String], index: String) throws(ModelFileError) -> [SafetensorsFile] {
        var files: [SafetensorsFile] = []
        for (number, name) in names.enumerated() {
            files.append(try weightFile(name, index: number))
            try StoredTensor.checkCount(files.map(\.tensors.count), file: index)
        }
        return files
    }

    /// Weight files that are complete by their names: the one for all, or all parts "model-00001-of-00003.safetensors".
    private func complete(_ entries: Set<String>) -> [String]? {
        if entries.contains(Self.wholeName) { return [Self.wholeName] }
        let (begin, end) = ("model-00001-of-", ".safetensors")
        for first in entries.sorted() where first.hasPrefix(begin) && first.hasSuffix(end) {
            let digits = first.dropFirst(begin.count).dropLast(end.count)
            guard digits.count == 5, let count = Int(digits), (1...FileLimits.files).contains(count) else { continue }
            let names = (1...count).map { number in
                "model-" + String(repeating: "0", count: 5 - "\(number)".count) + "\(number)-of-\(digits)\(end)"
            }
            if names.allSatisfy(entries.contains) { return names }
        }
        return nil
    }

    private func weightFile(_ name: String, index: Int) throws(ModelFileError) -> SafetensorsFile {
        guard let source = try folder.open(name) else {
            throw ModelFileError(
                .missing, file: folder.path, field: name, "is not in the folder",
                hint: "download every file of the model into one folder")
        }
        return try SafetensorsFile(source, index: index)
    }

    /// Tied matrices are stored once; where that is under the name of the output matrix, it is found as the embedding,
    /// too.
    func withTiedEmbedding(
        _ tensors: [String: StoredTensor], _ family: HuggingFaceFamily
    ) throws(ModelFileError) -> [String: StoredTensor] {
        let names = family.names
        guard names.outerPrefixes.allSatisfy({ tensors[$0 + names.embeddingName] == nil }),
            tensors[names.embeddingName] == nil, try settings.bool("tie_word_embeddings") ?? true,
            var tied = names.outputs.lazy.compactMap({ tensors[$0] }).first
        else { return tensors }
        let prefix = names.outerPrefixes.first { prefix in
            tensors.keys.contains { $0.hasPrefix(prefix + names.layers) }
        }
        var result = tensors
        tied.name = (prefix ?? "") + names.embeddingName
        result[tied.name] = tied
        return result
    }
}
