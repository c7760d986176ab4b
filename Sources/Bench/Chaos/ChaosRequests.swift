// Responsible for: the requests that streams ask under faults: of several kinds, the same for the same seed. Must not
// know: their answers, sockets.
import ModelFile
import Sequences

/// Requests by number.
package enum ChaosRequests {
    /// Lengths and sampling of a kind of requests.
    private struct Form {
        let prompt: Int
        let answer: Int
        var temperature: Float = 0
        var logProbabilities: Int?
        var repeatPenalty: Float?
    }

    private static let forms = [
        Form(prompt: 24, answer: 240),
        Form(prompt: 200, answer: 160, temperature: 0.9),
        Form(prompt: 8, answer: 32, temperature: 1),
        Form(prompt: 40, answer: 120, logProbabilities: 3),
        Form(prompt: 100, answer: 300, temperature: 0.7, repeatPenalty: 1.1),
        Form(prompt: 400, answer: 64, temperature: 0.8, logProbabilities: 2),
        Form(prompt: 300, answer: 200),
        Form(prompt: 12, answer: 48),
    ]

    /// The context that all requests fit in.
    package static let wantedContext = 512

    /// As many kinds as there are, and twice as many requests as streams, at least.
    package static func count(streams: Int) -> Int { max(forms.count, 2 * streams) }

    /// `count` requests. Prompts are of ids below `vocabularySize`; all are cut to `contextLength`.
    package static func all(_ count: Int, seed: UInt64, vocabularySize: Int, contextLength: Int) -> [GenerationRequest]
    {
        let prompts = LoadPrompts(seed: seed, vocabularySize: vocabularySize)
        return (0..<count).map { number in
            let form = forms[number % forms.count]
            let scale = min(1, Double(contextLength) / Double(wantedContext))
            func scaled(_ length: Int) -> Int { max(1, Int(Double(length) * scale)) }
            let prompt = prompts.distinct(number: number, count: scaled(form.prompt))
            var request = GenerationRequest.load(prompt: prompt, answerTokens: scaled(form.answer))
            request.sampling.temperature = form.temperature
            request.sampling.repeatPenalty = form.repeatPenalty
            request.sampling.logProbabilityCount = form.logProbabilities
            request.sampling.seed = SplitMix64.number(at: seed &+ UInt64(number)) >> 11
            return request
        }
    }
}
