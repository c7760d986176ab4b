// The config.json of a Hugging Face folder as a configuration: the way to the family's reader, and what the readers
// share. Field names and defaults are those of the `...Config` classes of the transformers library.

import Sequences

extension HuggingFaceModel {
    var file: String { settings.file }

    /// By the `model_type`.
    func family() throws(ModelFileError) -> HuggingFaceFamily {
        try HuggingFaceFamily(
            named: settings.required("model_type", settings.string("model_type")), file: file)
    }

    /// The configuration, validated; `tensors` are those of the weight files.
    func configuration(_ tensors: [String: StoredTensor]) throws(ModelFileError) -> ModelConfiguration {
        let family = try family()
        try refuseClassifier(tensors)
        let configuration = try family.configuration(self, tensors)
        try configuration.validate(file: file)
        return configuration
    }

    /// A whole number that must be there where `value` is nil.
    func integer(_ name: String, default value: Int? = nil) throws(ModelFileError) -> Int {
        try settings.required(name, settings.integer(name) ?? value)
    }

    /// A number for which null means something else than nothing: nil for null, `value` where the field is absent.
    func number(_ name: String, absent value: Double?) throws(ModelFileError) -> Double? {
        settings[name] == nil ? value : try settings.number(name)
    }

    /// What config.json says; where it says nothing, a model without an output matrix is tied.
    func isTied(_ tensors: [String: StoredTensor], default value: Bool) throws(ModelFileError) -> Bool {
        if let stated = try settings.bool("tie_word_embeddings") { return stated }
        // A model inside another may not name its kind.
        let family = try settings.string("model_type").flatMap(HuggingFaceFamily.init(rawValue:)) ?? .llama
        return value || family.names.outputs.allSatisfy { tensors[$0] == nil }
    }

    /// Refuses a field that names a kind other than these.
    func require(_ name: String, isOneOf names: [String], default value: String) throws(ModelFileError) {
        let found = try settings.string(name) ?? value
        guard names.contains(found) else {
            throw ModelFileError(
                .unsupported, file: file, field: name, value: "\"\(found)\"",
                "is not supported (supported: \(names.joined(separator: ", ")))")
        }
    }

    /// Refuses a field that has another value than the one that is computed.
    func require(_ name: String, is expected: Bool, default value: Bool) throws(ModelFileError) {
        let found = try settings.bool(name) ?? value
        guard found == expected else {
            throw ModelFileError(
                .unsupported, file: file, field: name, value: found, "is not supported (supported: \(expected))")
        }
    }
}

// MARK: Sliding windows

extension HuggingFaceModel {
    /// "sliding_window" for the layers that "layer_types" or, where that is absent, `slides` names; nil where there is
    /// no window or no such layer. `absent`: the window where the field is absent (null: there is none).
    func slidingWindow(
        layerCount: Int, absent: Int?, where slides: (Int) -> Bool
    ) throws(ModelFileError) -> ModelConfiguration.SlidingWindow? {
        guard let length = try windowLength(absent: absent) else { return nil }
        let layers = try layerTypes(layerCount: layerCount, such: "sliding_attention").or(
            ModelConfiguration.layers(layerCount, file: file, where: slides))
        guard let layers, layers.contains(true) else { return nil }
        return ModelConfiguration.SlidingWindow(length: length, layers: layers)
    }

    /// "sliding_window"; nil where it is null: there is none.
    func windowLength(absent: Int?) throws(ModelFileError) -> Int? {
        settings["sliding_window"] == nil ? absent : try settings.integer("sliding_window")
    }

    /// "layer_types": which layers are of the kind `such`, while all others have full attention; nil where absent.
    func layerTypes(layerCount: Int, such kind: String) throws(ModelFileError) -> [Bool]? {
        guard let types = try settings.array("layer_types") else { return nil }
        guard types.count == layerCount else {
            throw ModelFileError(
                .mismatch, file: file, field: "layer_types", value: types.count,
                "must name as many layers as there are, \(layerCount)")
        }
        var areSuch: [Bool] = []
        for type in types {
            switch type {
            case .string(kind): areSuch.append(true)
            case .string("full_attention"): areSuch.append(false)
            default:
                throw ModelFileError(
                    .unsupported, file: file, field: "layer_types", value: type.kindName,
                    "is not supported (supported: full_attention, \(kind))")
            }
        }
        return areSuch
    }
}
