// Responsible for: the bytes of values that stand in several messages: sampled tokens, sampling parameters, sentences.
// Must not know: sockets, time.

import Sequences

extension SampledToken {
    var proto: PSampledToken {
        var p = PSampledToken()
        p.token = token
        if let logProbability { p.logProbability = logProbability }
        p.topTokens = top.map(\.token)
        p.topLogProbabilities = top.map(\.logProbability)
        return p
    }

    init(_ p: PSampledToken) throws(WireError) {
        let check = Check("SampledToken")
        let tokens = try check.ids(p.topTokens, "topTokens", atMost: RequestLimits.topLogProbabilities)
        guard p.topLogProbabilities.count == tokens.count else {
            throw WireError(
                "SampledToken has \(tokens.count) top tokens and \(p.topLogProbabilities.count) log-probabilities")
        }
        self.init(
            token: try check.id(p.token, "token"),
            logProbability: p.hasLogProbability ? try check.logProbability(p.logProbability, "logProbability") : nil,
            top: zip(
                tokens, try check.logProbabilities(p.topLogProbabilities, "topLogProbabilities", atMost: tokens.count)
            )
            .map { TokenProbability(token: $0, logProbability: $1) })
    }
}

extension SamplingParameters {
    var proto: PSampling {
        var p = PSampling()
        if let temperature { p.temperature = temperature }
        if let topK { p.topK = UInt32(topK) }
        if let topP { p.topP = topP }
        if let minP { p.minP = minP }
        if let repeatPenalty { p.repeatPenalty = repeatPenalty }
        p.presencePenalty = presencePenalty
        p.frequencyPenalty = frequencyPenalty
        p.biasedTokens = logitBias.map(\.token)
        p.biases = logitBias.map(\.bias)
        p.seed = seed
        if let logProbabilityCount { p.logProbabilityCount = UInt32(logProbabilityCount) }
        return p
    }

    init(_ p: PSampling) throws(WireError) {
        let check = Check("Sampling")
        self.init()
        if p.hasTemperature { temperature = try check.finite(p.temperature, "temperature") }
        if p.hasTopK { topK = try check.count(p.topK, "topK", to: Int(Int32.max)) }
        if p.hasTopP { topP = try check.finite(p.topP, "topP") }
        if p.hasMinP { minP = try check.finite(p.minP, "minP") }
        if p.hasRepeatPenalty { repeatPenalty = try check.finite(p.repeatPenalty, "repeatPenalty") }
        presencePenalty = try check.finite(p.presencePenalty, "presencePenalty")
        frequencyPenalty = try check.finite(p.frequencyPenalty, "frequencyPenalty")
        let tokens = try check.ids(p.biasedTokens, "biasedTokens", atMost: RequestLimits.biasedTokens)
        guard p.biases.count == tokens.count else {
            throw WireError("Sampling has \(tokens.count) biased tokens and \(p.biases.count) biases")
        }
        for (token, bias) in zip(tokens, p.biases) {
            // An infinite bias bans or forces a token; only NaN has no meaning.
            if bias.isNaN { throw WireError("Sampling.biases has a value that is not a number") }
            logitBias.append(LogitBias(token: token, bias: bias))
        }
        seed = p.seed
        if p.hasLogProbabilityCount {
            logProbabilityCount = try check.count(
                p.logProbabilityCount, "logProbabilityCount", to: RequestLimits.topLogProbabilities)
        }
    }
}

extension Sentence {
    var proto: PSentence {
        var p = PSentence()
        var room = Limits.sentenceBytes
        for part in parts.prefix(Limits.sentenceParts) {
            p.parts.append(clipped(part, to: room))
            room -= min(room, part.utf8.count)
        }
        return p
    }
}

extension Check {
    /// A sentence whose parts together are no longer than a sentence may be.
    func sentence(_ p: PSentence, _ field: String) throws(WireError) -> Sentence {
        let parts = try array(p.parts, field, atMost: Limits.sentenceParts)
        _ = try count(parts.reduce(0) { $0 + $1.utf8.count }, field + "'s bytes", to: Limits.sentenceBytes)
        return Sentence(parts: parts.map(\.printable))
    }
}
