// Responsible for: `tandem status --probe`: a yes or no for whoever restarts a node or sends it requests.
// Must not know: how a node writes its health file, how a coordinator answers.
import ArgumentParser
import Node
import Sequences

extension HealthFile.Question: ExpressibleByArgument {}

/// The flags of a probe.
struct ProbeFlags: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Print nothing; exit 0 for yes, 1 for no. live: it turns. ready: it serves, or a worker has joined.",
            valueName: "live|ready"))
    var probe: HealthFile.Question?
    @Option(help: ArgumentHelp("Look into this file of a node on this machine, instead of asking.", valueName: "file"))
    var healthFile: String?

    /// Asks, and throws where the answer is no. `coordinator` is asked where there is no file.
    func run(_ question: HealthFile.Question, _ coordinator: CoordinatorFlag) async throws {
        do {
            if let healthFile { return try HealthFile(path: healthFile).check(question) }
            let status = try await Self.status(of: coordinator)
            if question == .ready && !status.isServing {
                throw TandemError("the cluster does not serve: \(status.explanation)", kind: .unavailable)
            }
        } catch let error as TandemError where error.kind == .unavailable {
            Terminal.say("no: \(error.message.spelled)")
            throw ExitStatus.failure.code
        }
    }

    /// A probe that takes longer than this says no.
    private static let limit = Duration.seconds(3)

    private static func status(of coordinator: CoordinatorFlag) async throws -> ClusterStatus {
        let client = try coordinator.client()
        let address = coordinator.coordinator
        return try await withThrowingTaskGroup(of: ClusterStatus.self) { group in
            group.addTask { try await client.status() }
            group.addTask {
                try await Task.sleep(for: limit)
                // The thread that waits for the coordinator would keep the group from ending.
                Terminal.say("no: the coordinator at \(address) did not answer within \(limit)")
                exitNow(ExitStatus.failure.rawValue)
            }
            defer { group.cancelAll() }
            guard let status = try await group.next() else { throw CancellationError() }
            return status
        }
    }
}
