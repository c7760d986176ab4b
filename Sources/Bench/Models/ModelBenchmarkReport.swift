// Responsible for: what a benchmark of a model found; the property names are the keys of `tandem bench model --json` (in
// snake case). Must not know: how it was measured, how it is shown.

/// The result of one test.
package struct ModelBenchmarkRow: Sendable, Codable {
    /// "pp512", "tg64", "tg64@8" (8 sequences), "tg64+8192" (8,192 tokens in the context).
    package var test: String
    package var threads: Int
    package var tokensPerSecond: Spread
    /// Bytes that must be read, as a share of the bandwidth.
    package var bandwidthShare: Double
    /// Operations as a share of the peak: of int8 for quantized weights, of float for others.
    package var peakShare: Double
    package var peer: Spread?
    /// Our median divided by the peer's.
    package var ratio: Double?
}

/// What a run found.
package struct ModelBenchmarkReport: Sendable, Codable {
    package var model: String
    package var weightBytes: Int
    package var instructionSet: String
    package var keyValueType: String
    package var peer: String?
    package var limits: [ThreadLimits] = []
    package var loadSeconds: Double = 0
    /// Of this process, while the model was loaded and computed.
    package var peakResidentBytes: Int = 0
    package var rows: [ModelBenchmarkRow] = []
}
