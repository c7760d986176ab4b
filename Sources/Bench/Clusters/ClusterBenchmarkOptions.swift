// Responsible for: the checked choices of a load benchmark. Must not know: how fields are spelled, sockets, how loads are made.
import Node
import Sequences

/// What load a cluster gets.
package struct ClusterBenchmarkOptions: Sendable {
    /// Requests at the times of a trace.
    package struct Trace: Sendable {
        package var trace: RequestTrace
        /// What reports call it.
        package var name: String
        /// Only the first so many requests; nil: all.
        package var requests: Int?
        /// How fast time passes; at most one of these three is given.
        package var timeScale: Double?
        /// Requests per second.
        package var rate: Double?
        /// Requests per second as a multiple of what the cluster can do with requests of mean length.
        package var load: Double?
        /// The longest prompts and answers, in tokens; nil: what the context holds.
        package var maximumPrompt: Int?
        package var maximumAnswer: Int?

        /// A whole trace at its own pace.
        package init(_ trace: RequestTrace, name: String) { (self.trace, self.name) = (trace, name) }

        /// The smallest context that shortens no request.
        package var wantedContext: Int {
            var trace = trace
            if let requests { trace.keepFirst(requests) }
            return trace.wantedContext(maximumPrompt: maximumPrompt, maximumAnswer: maximumAnswer)
        }
    }

    /// Tokens of each prompt and each answer of a closed loop.
    package var promptTokens = 512
    package var answerTokens = 128
    /// Requests at the same time.
    package var concurrency = [1]
    /// Requests of a repetition; nil: two for each that run at the same time.
    package var requests: Int?
    package var repetitions = 5
    /// Instead of closed loops; runs once.
    package var trace: Trace?
    /// Requests at the same time when capacity is measured for `Trace.load`.
    package var capacityConcurrency = 16
    package var limits = LatencyLimits()
    package var seed: UInt64 = 1

    /// The defaults.
    package init() {}

    /// The context that all requests fit in.
    package var wantedContext: Int { trace?.wantedContext ?? promptTokens + answerTokens }

    /// The most requests that are wanted to be computed at the same time.
    package var wantedConcurrency: Int { trace == nil ? concurrency.max() ?? 1 : capacityConcurrency }

    /// Refuses values without a meaning, naming the field.
    package func validate() throws(TandemError) {
        try TandemError.checked(promptTokens, .promptLength, in: 1...1_000_000)
        try TandemError.checked(answerTokens, .answerLength, in: 1...100_000)
        for count in concurrency { try TandemError.checked(count, .concurrency, in: 1...1024) }
        try TandemError.checked(requests ?? 1, .requests, in: 1...1_000_000)
        try TandemError.checked(repetitions, .repetitions, in: 1...1000)
        try TandemError.checked(capacityConcurrency, .parallelRequests, in: 1...1024)
        try Self.checkPositive(limits.firstTokenSeconds, .firstTokenLimit)
        try Self.checkPositive(limits.betweenTokensMilliseconds, .betweenTokensLimit)
        guard let trace else { return }
        try TandemError.checked(trace.requests ?? 1, .requests, in: 1...1_000_000)
        try TandemError.checked(trace.maximumPrompt ?? 1, .maximumPrompt, in: 1...1_000_000)
        try TandemError.checked(trace.maximumAnswer ?? 1, .maximumAnswer, in: 1...1_000_000)
        let paces: [(Field, Double?)] = [(.timeScale, trace.timeScale), (.rate, trace.rate), (.load, trace.load)]
        for case (let field, let value?) in paces { try Self.checkPositive(value, field) }
        guard paces.count(where: { $0.1 != nil }) < 2 else {
            throw TandemError(
                "\(.timeScale), \(.rate) and \(.load) each set the pace of a trace", hint: "give one of them")
        }
    }

    private static func checkPositive(_ value: Double, _ field: Field) throws(TandemError) {
        guard value.isFinite && value > 0 && value <= 1e9 else {
            throw TandemError("\(field) is \(value), but must be over 0 and at most 1000000000")
        }
    }
}
