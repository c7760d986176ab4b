// A model in a Hugging Face folder: finds the weight files and the settings beside them. Knows nothing of sizes and
// tokenizers.

import Sequences

/// The files of one folder.
struct HuggingFaceModel: Sendable {
    let folder: any ModelFolder
    /// config.json
    var settings: JSONObject

    /// `folder` must hold a config.json.
    init(_ folder: any ModelFolder) throws(ModelFileError) {
        guard let source = try folder.open("config.json") else {
            let ggufNames = try folder.names().filter { $0.hasSuffix(".gguf") }
            throw ModelFileError(
                .missing, file: folder.path, field: "config.json", "is not in the folder",
                hint: ggufNames.first.map { "give the path of a GGUF file, e.g. \(folder.path)/\($0)" }
                    ?? "give a Hugging Face folder (config.json and *.safetensors) or a GGUF file")
        }
        self.folder = folder
        settings = try JSONReader.object(in: source, limit: FileLimits.configurationBytes)
    }

    /// A JSON file of the folder; nil where absent.
    static func json(
        _ name: String, in folder: any ModelFolder, limit: Int = FileLimits.configurationBytes
    ) throws(ModelFileError) -> JSONObject? {
        guard let source = try folder.open(name) else { return nil }
        return try JSONReader.object(in: source, limit: limit)
    }

    /// The headers of the weight files: the named one, or those of the index, or the only one there is.
    func weights(named name: String?) throws(ModelFileError) -> [SafetensorsFile] {
        if let index = try Self.json("model.safetensors.index.json", in: folder, limit: FileLimits.tensorIndexBytes) {
            let map = try fileOfTensor(index)
            if name == nil || map.contains(where: { $0.file == name }) { return try sharded(map, index: index) }
        }
        if let name { return [try weightFile(name, index: 0)] }
        let names = try folder.names().filter { $0.hasSuffix(".safetensors") }
        if names.contains("model.safetensors") { return [try weightFile("model.safetensors", index: 0)] }
        guard names.count == 1 else {
            throw ModelFileError(
                .missing, file: folder.path, field: "model.safetensors",
                names.isEmpty
                    ? "is not in the folder" : "is not in the folder, and there are \(names.count) other weight files",
                hint: names.isEmpty
                    ? "weights in other formats (*.bin, *.pth) must be saved as safetensors first"
                    : "give the path of one of them, or add model.safetensors.index.json")
        }
        return [try weightFile(names[0], index: 0)]
    }

    private typealias FileOfTensor = [(tensor: String, file: String)]

    private func fileOfTensor(_ index: JSONObject) throws(ModelFileError) -> FileOfTensor {
        let map = try index.required("weight_map", index.object("weight_map"))
        var result: FileOfTensor = []
        for member in map.members {
            guard case .string(let file) = member.value else {
                throw map.wrong("weight_map of \(member.name)", member.value, "a file name")
            }
            result.append((member.name, file))
        }
        return result
    }

    private func sharded(_ map: FileOfTensor, index: JSONObject) throws(ModelFileError) -> [SafetensorsFile] {
        let names = Set(map.map(\.file)).sorted()
        guard !names.isEmpty, names.count <= FileLimits.files else {
            throw ModelFileError(
                .invalidValue, file: index.file, field: "weight_map", value: names.count,
                "must name 1 to \(FileLimits.files) files")
        }
        var files: [SafetensorsFile] = []
        var tensorsOfFile: [String: Set<String>] = [:]
        for (number, name) in names.enumerated() {
            guard name != ".", name != "..", !name.contains("/"), !name.contains("\0") else {
                throw ModelFileError(
                    .invalidValue, file: index.file, field: "weight_map", value: name,
                    "must be the name of a file in the same folder")
            }
            let file = try weightFile(name, index: number)
            tensorsOfFile[name] = Set(file.tensors.map(\.name))
            files.append(file)
            try StoredTensor.checkCount(files.map(\.tensors.count), file: index.file)
        }
        for (tensor, file) in map where tensorsOfFile[file]?.contains(tensor) != true {
            throw ModelFileError(
                .mismatch, file: index.file, field: "weight_map of \(tensor)", value: file,
                "that file does not hold this tensor")
        }
        return files
    }

    private func weightFile(_ name: String, index: Int) throws(ModelFileError) -> SafetensorsFile {
        guard let source = try folder.open(name) else {
            throw ModelFileError(
                .missing, file: folder.path, field: name, "is not in the folder",
                hint: "download every file of the model into one folder")
        }
        return try SafetensorsFile(source, index: index)
    }
}
