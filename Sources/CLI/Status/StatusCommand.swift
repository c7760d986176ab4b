// Responsible for: `tandem status`: flags in; what a coordinator says about its workers and requests once, or live.
import ArgumentParser
import Node
import Sequences

struct StatusCommand: AsyncParsableCommand, SettingsCheckable {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show a coordinator's workers, layers, memory, speed and requests, and how busy its stages are.",
        discussion: """
            Examples:
              tandem status
              tandem status --watch
              tandem status --coordinator tcp://127.0.0.1:7070 --json
              tandem status --probe ready

            With --watch, stages, speeds and requests live, as they were since the last refresh;
            q or Ctrl-C ends it. Where stdout is no terminal: a line (of JSON) each time.

            Exit status: 0 if the cluster serves, 3 if it does not, 69 if no coordinator answers.
            """)

    @OptionGroup var coordinator: CoordinatorFlag
    @Flag(help: "Print one JSON object; with --watch, one on each line.") var json = false
    @Flag(help: "Show it again and again.") var watch = false
    @Option(help: "Seconds between two refreshes (default: 1).") var interval: Double?
    @OptionGroup var probe: ProbeFlags

    func checkSettings() throws(TandemError) {
        guard (0.1...3600).contains(interval ?? 1) else {
            throw TandemError("\(.interval) is \(interval ?? 1), but must be between 0.1 and 3600")
        }
    }

    func run() async throws {
        if let question = probe.probe {
            if watch || json { throw TandemError("\(.probe) prints nothing", hint: "leave out --watch and --json") }
            return try await probe.run(question, coordinator)
        }
        if probe.healthFile != nil {
            throw TandemError("\(.healthFile) is of \(.probe), which is not given", hint: "add \(.probe) live")
        }
        if interval != nil && !watch {
            throw TandemError("\(.interval) is of \(.watch), which is not given", hint: "add \(.watch)")
        }
        try checkSettings()
        let client = try coordinator.client()
        if watch {
            do {
                try await StatusWatch(client: client, interval: interval ?? 1, isJSON: json).run()
            } catch is CancellationError { throw ExitStatus.interrupted.code }
        } else {
            let status = try await client.status()
            Terminal.put(json ? try JSONOutput.document(status) : StatusText.text(status))
            if !status.isServing { throw ExitStatus.notServing.code }
        }
    }
}
