// A model in a Hugging Face folder: the settings beside its weight files. Knows nothing of sizes and tokenizers.

import Sequences

/// The files of one folder.
struct HuggingFaceModel: Sendable {
    let folder: any ModelFolder
    /// config.json
    var settings: JSONObject

    /// `folder` must hold a config.json.
    init(_ folder: any ModelFolder) throws(ModelFileError) {
        guard let source = try folder.open("config.json") else {
            try Self.refuseAdapter(in: folder)
            let ggufNames = try folder.names().filter { $0.hasSuffix(".gguf") }
            throw ModelFileError(
                .missing, file: folder.path, field: "config.json", "is not in the folder",
                hint: ggufNames.first.map { "give the path of a GGUF file, e.g. \(folder.path)/\($0)" }
                    ?? "give a Hugging Face folder (config.json and *.safetensors) or a GGUF file")
        }
        self.folder = folder
        settings = try JSONReader.object(in: source, limit: FileLimits.configurationBytes, asPython: true)
    }

    /// A JSON file of the folder; nil where absent. `asPython`: as Python's `json` takes it.
    static func json(
        _ name: String, in folder: any ModelFolder, limit: Int = FileLimits.configurationBytes, asPython: Bool = true
    ) throws(ModelFileError) -> JSONObject? {
        guard let source = try folder.open(name) else { return nil }
        return try JSONReader.object(in: source, limit: limit, asPython: asPython)
    }

    /// A JSON file that helps where it is there, but that nobody needs: where it cannot be read, nil and a sentence.
    static func optionalJSON(
        _ name: String, in folder: any ModelFolder, notices: inout [Sentence]
    ) -> JSONObject? {
        do {
            return try json(name, in: folder)
        } catch {
            notices.append("\(error.description); this file is not used")
            return nil
        }
    }
}
