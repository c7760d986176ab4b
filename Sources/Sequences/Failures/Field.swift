// Responsible for: the names of what people set, so that a message can name it and each way in spells it as its own
// people do: a flag, a key of JSON. Must not know: who spells how.

/// Something that people set by name. Modules add their own.
package struct Field: Hashable, Sendable {
    /// In snake case, as JSON spells it: "max_tokens".
    package let name: String

    /// The field of that name.
    package init(_ name: String) { self.name = name }
}

extension Field {
    // Of a request; those of sampling stand with its parameters.
    package static let promptTokens = Field("prompt_tokens")
    package static let tools = Field("tools")
    package static let templateVariables = Field("template_variables")
    package static let raw = Field("raw")
    package static let maximumTokens = Field("max_tokens")
    package static let stop = Field("stop")
    package static let stopTokens = Field("stop_token")
    package static let priority = Field("priority")

    // Of whoever serves a model.
    package static let model = Field("model")
    package static let context = Field("context")
    package static let threads = Field("threads")
    package static let chunk = Field("chunk")
    package static let quantization = Field("quantize")
    package static let keyValueType = Field("kv_type")
    package static let split = Field("split")
    package static let simulated = Field("simulate")
    package static let simulatedStageMilliseconds = Field("simulate_stage_milliseconds")
}
