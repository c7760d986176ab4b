// Responsible for: `tandem drain` and `tandem undrain`: a worker whose layers go to others while the cluster serves, and
// back. Must not know: how others take them over.
import ArgumentParser
import Foundation
import Node
import Sequences

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Have others take over a worker's layers while the cluster serves; then it can be stopped.",
        discussion: """
            Waits until the worker has no layers. It stays joined, and is left out of plans until \
            `tandem undrain`. Where the others have no room for its layers nothing changes, and the \
            reason is told. A worker that gets SIGTERM (Ctrl-C, `systemctl stop`) is drained too, and \
            then ends. Run it on the coordinator's host, as the user who runs the coordinator. Examples:
              tandem drain host-b
              tandem drain host-b/4711        (one of several on a host, as `tandem status` shows it)
              tandem undrain host-b
            """)

    @Argument(help: "Its host, or HOST/PID, as `tandem status` shows it, or its id.") var worker: String
    @OptionGroup var coordinator: CoordinatorFlag
    @Flag(name: .customLong("no-wait"), help: "Return at once, and let it happen.") var returnsAtOnce = false
    @Flag(help: "Print one JSON object.") var json = false

    private static let interval = Duration.milliseconds(200)

    func run() async throws {
        let client = try coordinator.client()
        let id = try await WorkerName(worker).id(among: client.status().workers)
        var outcome = try await client.drain(id)
        if outcome.state == .draining, !returnsAtOnce {
            Terminal.say("\(outcome.message)")
            outcome = try await awaitEnd(of: id, client)
        }
        Terminal.put(json ? try JSONOutput.document(outcome) : "\(outcome.message)\n")
    }

    /// Until it has no layers, or is gone; a change that came to nothing is told.
    private func awaitEnd(of id: String, _ client: CoordinatorClient) async throws -> DrainOutcome {
        while true {
            try await Task.sleep(for: Self.interval)
            let workers = try await client.status().workers
            guard let found = workers.first(where: { $0.id == id }) else {
                return DrainOutcome(.drained, "\(worker) is gone")
            }
            if found.layers == nil { return DrainOutcome(.drained, "\(worker) has no layers any more") }
            if !found.isDraining {
                throw TandemError("\(worker) is not left out any more: somebody counted it in again", kind: .cancelled)
            }
        }
    }
}

struct UndrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain",
        abstract: "Count a worker in again that was drained.",
        discussion: """
            Example:
              tandem undrain host-b
            """)

    @Argument(help: "Its host, or HOST/PID, as `tandem status` shows it, or its id.") var worker: String
    @OptionGroup var coordinator: CoordinatorFlag
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let client = try coordinator.client()
        let id = try await WorkerName(worker).id(among: client.status().workers)
        let outcome = try await client.drain(id, ends: true)
        Terminal.put(json ? try JSONOutput.document(outcome) : "\(outcome.message)\n")
    }
}

/// How a person names a worker.
struct WorkerName {
    let text: String

    init(_ text: String) { self.text = text }

    /// The id of the only one that it may mean. Throws where there is none, or more than one.
    func id(among workers: [ClusterStatus.Worker]) throws(TandemError) -> String {
        let found = workers.filter { $0.id == text || $0.host == text || "\($0.host)/\($0.pid)" == text }
        if let only = found.first, found.count == 1 { return only.id }
        let names = (found.isEmpty ? workers : found).map { "\($0.host)/\($0.pid)" }.joined(separator: ", ")
        if found.isEmpty {
            throw TandemError(
                "no worker is called \(text)", kind: .notFound,
                hint: names.isEmpty ? "none has joined" : Sentence("there are \(names)"))
        }
        throw TandemError("\(found.count) workers run on \(text)", hint: Sentence("name one of \(names)"))
    }
}
