// Responsible for: what people set of benchmarks. Must not know: how it is spelled.
import Sequences

extension Field {
    // Of every benchmark.
    static let repetitions = Field("repetitions")
    /// Tokens of prompts, and of answers.
    static let promptLength = Field("pp")
    static let answerLength = Field("tg")
    static let batch = Field("batch")

    // Of models and kernels.
    static let shape = Field("shape")
    static let layers = Field("layers")
    static let python = Field("python")
    static let types = Field("types")
    static let level = Field("level")
    static let rows = Field("rows")
    static let columns = Field("columns")

    // Of clusters under load.
    static let concurrency = Field("concurrency")
    static let requests = Field("requests")
    static let load = Field("load")
    static let rate = Field("rate")
    static let timeScale = Field("time_scale")
    static let maximumPrompt = Field("maximum_prompt")
    static let maximumAnswer = Field("maximum_answer")
    static let firstTokenLimit = Field("slo_ttft_seconds")
    static let betweenTokensLimit = Field("slo_tbt_milliseconds")

    // Of clusters under faults.
    package static let minutes = Field("minutes")
    package static let faults = Field("faults")
    package static let every = Field("every")
    package static let streams = Field("streams")
}
