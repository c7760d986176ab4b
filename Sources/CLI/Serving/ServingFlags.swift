// Responsible for: the flags of a coordinator that say how much it takes on and how it computes, shared by `coordinator`
// and `up`. Must not know: what the numbers do.
import ArgumentParser
import Node
import Sequences

/// Whether something is done.
enum Switch: String, ExpressibleByArgument, CaseIterable {
    case on, off

    var isOn: Bool { self == .on }
}

/// Flags that say where a coordinator listens.
struct ListenFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Where workers and clients connect: HOST, HOST:PORT or '*' for all addresses of this host. The two ports that \
            follow serve results and weights; port 0 takes free ones.
            """,
            valueName: "address"))
    var listen: String = CoordinatorOptions.defaultListen
    @Option(
        help: ArgumentHelp("The port, where --listen names none (default: 7070).", valueName: "n"),
        transform: ValueReader.number(.port, to: 65_532, as: CoordinatorOptions.defaultPort))
    var port: Int?

    /// HOST:PORT. Throws where both flags name a port.
    func endpoint() throws(TandemError) -> String {
        let host = listen.hasPrefix("tcp://") ? String(listen.dropFirst("tcp://".count)) : listen
        let hasPort = host.hasPrefix("[") ? !host.hasSuffix("]") : host.contains(":")
        guard let port else { return hasPort ? listen : "\(host):\(CoordinatorOptions.defaultPort)" }
        if listen == CoordinatorOptions.defaultListen { return "127.0.0.1:\(port)" }
        guard !hasPort else {
            throw TandemError("\(.listen) is \(listen), and \(.port) names a port too", hint: "leave out one of them")
        }
        return "\(host):\(port)"
    }

    /// The same flags for `tandem coordinator`.
    var arguments: [String] { ["--listen", listen] + (port.map { ["--port", "\($0)"] } ?? []) }
}

/// Flags that bound and tune a coordinator's work; none of them changes an answer.
struct ServingFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "KV memory is for N requests as long as the context; of shorter ones more run at a time.", valueName: "n"))
    var parallel = CoordinatorOptions.defaultParallelRequests
    @Option(help: ArgumentHelp("Requests computed at once, if there is KV memory for them.", valueName: "n"))
    var maxRunning = CoordinatorOptions.defaultMaximumRunning
    @Option(
        help: ArgumentHelp(
            "Requests that may wait; further ones are refused at once, with the time to try again.", valueName: "n"))
    var queue = CoordinatorOptions.defaultMaximumWaiting
    @Option(help: ArgumentHelp("Tokens of prompts computed in one step, at most.", valueName: "n"))
    var chunk = CoordinatorOptions.defaultChunk
    @Option(
        help: ArgumentHelp(
            "While answers are written, prompts get so large a share of each step that it takes about so long.",
            valueName: "n"))
    var stepMilliseconds = CoordinatorOptions.defaultStepMilliseconds
    @Option(
        help: ArgumentHelp(
            "Guess answers ahead from what was said before, where stages would be idle.",
            valueName: "switch"))
    var speculate = Switch.on
    @Option(
        help: ArgumentHelp(
            "Compute what prompts have in common at their beginnings once.", valueName: "switch"))
    var prefixCache = Switch.on

    /// Copies the flags into `options`.
    func apply(to options: inout CoordinatorOptions) {
        options.parallelRequests = parallel
        options.maximumRunning = maxRunning
        options.maximumWaiting = queue
        options.chunk = chunk
        options.stepMilliseconds = stepMilliseconds
        options.guesses = speculate.isOn
        options.keepsPrefixes = prefixCache.isOn
    }

    /// The same flags for `tandem coordinator`.
    var arguments: [String] {
        let numbers = [
            ("--parallel", parallel), ("--max-running", maxRunning), ("--queue", queue), ("--chunk", chunk),
            ("--step-milliseconds", stepMilliseconds),
        ]
        return numbers.flatMap { [$0, "\($1)"] }
            + ["--speculate", speculate.rawValue, "--prefix-cache", prefixCache.rawValue]
    }
}
