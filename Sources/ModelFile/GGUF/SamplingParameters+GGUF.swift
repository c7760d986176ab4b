// An author's suggestions for choosing tokens as the fields of a GGUF file. Key names and types: llama.cpp's gguf-py.
// Knows nothing of sampling.

import Sequences

extension SamplingParameters {
    private static let prefix = "general.sampling."

    init(_ metadata: GGUFMetadata) {
        func number(_ name: String) -> Double? { try? metadata.number(Self.prefix + name) }
        self.init(
            temperature: number("temp"), topK: number("top_k"), topP: number("top_p"), minP: number("min_p"),
            repeatPenalty: number("penalty_repeat"))
    }

    /// The fields under "general.sampling".
    var ggufFields: [GGUFField] {
        let numbers = [("temp", temperature), ("top_p", topP), ("min_p", minP), ("penalty_repeat", repeatPenalty)]
        let floats = numbers.compactMap { name, value in
            value.map { GGUFField.float32(Self.prefix + name, Double($0)) }
        }
        return floats + (topK.map { [GGUFField.int32(Self.prefix + "top_k", $0)] } ?? [])
    }
}
