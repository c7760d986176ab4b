// A model in GGUF files: finds the parts of a split one and puts their headers together. Knows nothing of tokenizers
// and sizes.

import Sequences

/// The headers of all files of one model.
struct GGUFModel: Sendable {
    /// In the order of their numbers; the first holds the metadata.
    let files: [GGUFFile]
    /// Of all files, by name.
    let tensors: [String: StoredTensor]

    var metadata: GGUFMetadata { files[0].metadata }
    var mainFile: String { files[0].source.name }

    /// `source` is any part; its siblings are looked for in `folder`.
    init(_ source: any ByteSource, in folder: any ModelFolder) throws(ModelFileError) {
        let opened = try GGUFFile(source)
        let count = try opened.metadata.integer("split.count") ?? 1
        guard count >= 1, count <= FileLimits.files else {
            throw ModelFileError(
                .invalidValue, file: source.name, field: "split.count", value: count,
                "must be 1 to \(FileLimits.files)")
        }
        files = count == 1 ? [opened] : try Self.parts(of: opened, count: count, in: folder)
        var tensors = try Self.join(files)
        // Tied matrices are stored once, and a few writers chose the other name.
        if tensors["token_embd.weight"] == nil { tensors["token_embd.weight"] = tensors["output.weight"] }
        self.tensors = tensors
    }

    private static func parts(
        of opened: GGUFFile, count: Int, in folder: any ModelFolder
    ) throws(ModelFileError) -> [GGUFFile] {
        guard let name = SplitName(opened.source.lastName), name.count == count else {
            throw ModelFileError(
                .mismatch, file: opened.source.name, field: "split.count", value: count,
                "the file's name does not end in -0000N-of-\(SplitName.digits(count)).gguf",
                hint: "give the parts their original names: the others are found by them")
        }
        var files: [GGUFFile] = []
        for number in 1...count {
            let partName = name.part(number)
            guard let source = try folder.open(partName) else {
                throw ModelFileError(
                    .missing, file: opened.source.name, field: "part \(number) of \(count)", value: partName,
                    "is not in the same folder", hint: "download every part into one folder")
            }
            let file = try GGUFFile(source, index: number - 1)
            try check(file.metadata, "split.no", number - 1)
            try check(file.metadata, "split.count", count)
            files.append(file)
            try StoredTensor.checkCount(files.map(\.tensors.count), file: opened.source.name)
        }
        return files
    }

    private static func check(_ metadata: GGUFMetadata, _ key: String, _ expected: Int) throws(ModelFileError) {
        let value = try metadata.required(key, metadata.integer(key))
        guard value == expected else {
            throw ModelFileError(
                .mismatch, file: metadata.file, field: key, value: value, "its name says \(expected)")
        }
    }

    private static func join(_ files: [GGUFFile]) throws(ModelFileError) -> [String: StoredTensor] {
        let all = files.flatMap(\.tensors)
        if let expected = try files[0].metadata.integer("split.tensors.count"), expected != all.count {
            throw ModelFileError(
                .mismatch, file: files[0].source.name, field: "split.tensors.count", value: expected,
                "the parts hold \(all.count) tensors")
        }
        return try StoredTensor.byName(all)
    }
}

extension StoredTensor {
    /// Holds the files of a model together to the limit for one.
    static func checkCount(_ counts: [Int], file: String) throws(ModelFileError) {
        let count = counts.reduce(0, +)
        guard count <= FileLimits.tensors else {
            throw ModelFileError(
                .limitExceeded, file: file, field: "tensor count of all parts", value: count,
                "is above the limit of \(FileLimits.tensors)")
        }
    }

    /// Tensors of several files by name; refuses a name that occurs twice.
    static func byName(_ tensors: [StoredTensor]) throws(ModelFileError) -> [String: StoredTensor] {
        var result = [String: StoredTensor](minimumCapacity: tensors.count)
        for tensor in tensors {
            if let other = result.updateValue(tensor, forKey: tensor.name) {
                throw ModelFileError(
                    .duplicate, file: tensor.fileName, field: "tensor \(tensor.name)", "is also in \(other.fileName)")
            }
        }
        return result
    }
}

/// A file name "PREFIX-00001-of-00003.gguf".
private struct SplitName {
    let prefix: Substring
    let count: Int

    init?(_ name: String) {
        guard name.hasSuffix(".gguf") else { return nil }
        let stem = name.dropLast(5)
        let pieces = stem.suffix(15)  // "-00001-of-00003"
        guard pieces.count == 15, pieces.hasPrefix("-"), pieces.dropFirst(6).hasPrefix("-of-"),
            let number = Int(pieces.dropFirst(1).prefix(5)), let count = Int(pieces.suffix(5)),
            number >= 1, number <= count
        else { return nil }
        prefix = stem.dropLast(15)
        self.count = count
    }

    func part(_ number: Int) -> String {
        "\(prefix)-\(Self.digits(number))-of-\(Self.digits(count)).gguf"
    }

    static func digits(_ number: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 5 - text.count)) + text
    }
}
