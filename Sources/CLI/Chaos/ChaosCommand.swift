// Responsible for: `tandem chaos`: flags in, faults on a cluster of its own, and what clients noticed of them out.
import ArgumentParser
import Bench
import Foundation
import Generation
import Node
import Sequences

struct ChaosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract:
            "Kill, stop, cut off, drain and add the processes of a cluster while it answers, and check every token.",
        discussion: """
            Starts a coordinator and workers on this machine, asks them questions whose answers \
            it has computed first, undisturbed, and lets faults happen at random:
              kill         a worker is killed, and started again
              stop         a worker stands still, and goes on
              cut          a worker's connections carry nothing, one way or both, or are closed
              drain        a worker is told to end, does so in order, and is started again
              join         a further worker joins
              coordinator  the coordinator is killed, and started again
            Each is told as it happens, with --seed to let the same ones happen again. At the end: \
            pauses of streams by kind of fault, and what was computed again. Examples:
              tandem chaos --minutes 5
              tandem chaos --minutes 1 --faults kill,stop --workers 4 --streams 16
              tandem chaos --minutes 60 --seed 7 --together --json --model smollm2

            Exit status: 0 where every token was right and no request was lost, else 1.
            """)

    @Option(help: "How long faults happen.") var minutes = 1.0
    @Option(
        help: ArgumentHelp("Some of \(Fault.Kind.names()) (default: all that the cluster can do).", valueName: "list"),
        transform: ValueReader.text { (text) throws(TandemError) in try Fault.Kind.parse(text) })
    var faults: String?
    @Option(help: "How many workers.") var workers = 3
    @Option(help: "Requests at the same time.") var streams = 8
    @Option(help: "The seed of faults and requests (default: drawn).", transform: SamplingFlags.parseSeed)
    var seed: UInt64?
    @Flag(help: "Faults begin while others last.") var together = false
    @Option(help: ArgumentHelp("A fault every so often (default: drawn).", valueName: "seconds")) var every: Double?
    @Option(
        name: .shortAndLong,
        help: "\(ModelArgument.forms) (default: SmolLM2 where the store has it, else the one that comes with it).")
    var model: ModelArgument?
    @Option(help: "Layers of the workers, as 0-3,4-11: others are spare.", transform: ValueReader.split)
    var split: String?
    @Option(help: "Threads of each worker (default: the cores shared among the workers).") var threads: Int?
    @Option(help: ArgumentHelp("Keep what each process says in files of this folder.", valueName: "folder"))
    var logs: String?
    @Flag(help: "Print one JSON object at the end.") var json = false

    func checkSettings() throws(TandemError) { _ = try schedule(seed: 1) }

    func run() async throws {
        let options = try schedule(seed: seed ?? UInt64.random(in: 0..<(1 << 53)))
        let path = try model?.path ?? ModelStore.standard.starter().path
        let opened = try BenchmarkModel(path: path)
        let processes = try StruckProcesses(
            .init(
                model: path, workers: workers, mostWorkers: FaultSchedule.mostWorkers(options), kinds: options.kinds,
                contextLength: min(ChaosRequests.wantedContext, opened.contextLength), streams: streams,
                threads: threads, split: split, logs: logs))
        defer { processes.stop() }
        let client = try CoordinatorClient(address: processes.address, state: processes.state)
        let running = Task {
            Terminal.say("starting a coordinator and \(workers) worker\(workers == 1 ? "" : "s") with \(opened.name)")
            try await processes.start(client)
            return try await ChaosRun(
                options, streams: streams, vocabularySize: opened.vocabularySize, on: processes, client: client,
                say: { Terminal.say($0) }
            ).run()
        }
        let isInterrupted = InterruptCount()
        let interrupt = Interrupt {
            _ = isInterrupted.increment()
            running.cancel()
        }
        defer { interrupt.stop() }
        let report: ChaosReport
        do { report = try await running.value } catch is CancellationError { throw ExitStatus.interrupted.code }
        Terminal.put(json ? try JSONOutput.document(report) : report.text)
        if !report.isRight { throw ExitStatus.failure.code }
        if isInterrupted.count > 0 { throw ExitStatus.interrupted.code }
    }

    /// What all faults follow from. Throws what the cluster cannot do.
    private func schedule(seed: UInt64) throws(TandemError) -> FaultSchedule.Options {
        try ChildFamily.checkWorkers(workers)
        try TandemError.checked(streams, .streams, in: 1...1024)
        _ = try MachineDescription.threadCount(threads)
        guard minutes > 0, minutes <= Self.mostMinutes else {
            throw TandemError(
                "\(.minutes) is \(minutes), but must be over 0 and at most \(Int(Self.mostMinutes))")
        }
        var kinds = Fault.Kind.allCases
        if let faults {
            kinds = try Fault.Kind.parse(faults)
            if workers == 1, kinds.contains(.drain) {
                throw TandemError(
                    "\(.faults) has drain, but a cluster of one worker has nobody to take its place",
                    hint: "start more with \(.workers), or leave out drain")
            }
        } else if workers == 1 {
            kinds.removeAll { $0 == .drain }
        }
        var options = FaultSchedule.Options(kinds: kinds, workers: workers, seconds: minutes * 60, seed: seed)
        options.areTogether = together
        if let every, !(0.1...3600).contains(every) {
            throw TandemError("\(.every) is \(every), but must be 0.1 to 3600")
        }
        options.every = every
        return options
    }

    /// A week.
    private static let mostMinutes = 10_080.0
}

extension ChaosCommand: SettingsCheckable {}
