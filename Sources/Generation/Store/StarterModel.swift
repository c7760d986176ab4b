// Responsible for: the models that serve where nobody names one, and what each is good at.
// Must not know: how they are served, flags.
import Sequences

/// A model to begin with.
package struct StarterModel: Sendable, Equatable {
    /// Its name in the model store.
    package let name: String
    /// What it does, after "which".
    package let ability: String
    /// What it does well with this seed and temperature.
    package let prompt: String
    package let seed: UInt64
    package let temperature: Float

    /// SmolLM2-135M-Instruct in Q4_1, as `Deploy/fetch-model` gets it.
    package static let smolLM2 = StarterModel(
        name: "SmolLM2-135M-Instruct.Q4_1", ability: "answers simple questions",
        prompt: "Give me three tips for a good night's sleep.", seed: 7, temperature: 0.6)
    /// The one that comes with Tandem.
    package static let tales = StarterModel(
        name: "tandem-tales", ability: "tells simple stories", prompt: "Once upon a time", seed: 16, temperature: 0.7)
    /// The best first.
    package static let all = [smolLM2, tales]

    /// How to get the best.
    package static let advice = "`Deploy/fetch-model smollm2` gets \(smolLM2.name)"
}

extension ModelStore {
    /// The best model to begin with that is here. Throws where there is none.
    package func starter() throws(TandemError) -> (model: StarterModel, path: String) {
        let entries = entries
        for model in StarterModel.all {
            if let entry = entries.first(where: { $0.name == model.name }) { return (model, entry.path) }
        }
        throw TandemError(
            "there is no \(.model), and neither \(StarterModel.all.map(\.name).joined(separator: " nor ")) is here",
            hint: "name one, or begin with a small one: \(StarterModel.advice)")
    }
}
