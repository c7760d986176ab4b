// Responsible for: a coordinator and workers as child processes of this one, stopped together and never left behind.
// Must not know: what they are for.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences

/// The child processes of one command.
final class ChildFamily: @unchecked Sendable {
    enum Ending { case stopped, failed }

    private let lock = NSLock()
    private let environment: [String: String]
    private var coordinator: ChildProcess?
    private var workers: [ChildProcess] = []
    private var isStopping = false
    private let ended = DispatchSemaphore(value: 0)

    /// `environment` is added to ours.
    init(environment: [String: String] = [:]) { self.environment = Self.environment(environment) }

    /// Ours, with more. Settings are not handed on: whoever starts a family has taken its own, gives them on as flags, and
    /// means others by the same name (its threads, its address).
    static func environment(_ more: [String: String]) -> [String: String] {
        let ours = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("TANDEM_") || Settings.otherVariables.contains($0.key)
        }
        return ours.merging([Settings.fileVariable: ""]) { $1 }.merging(more) { $1 }
    }

    /// Starts a coordinator and returns the first line of its stdout, which joins a worker; nil where it ended without
    /// one, after it has said why.
    func startCoordinator(_ arguments: [String]) throws -> JoinLine? {
        // Whoever stops a family wants it to end now.
        let process = try start(["coordinator", "--drain-seconds", "0"] + arguments, readsOutput: true)
        lock.withLock { coordinator = process }
        return JoinLine(process.firstLine())
    }

    /// What the coordinator has ended with, for whoever started it to end with too.
    func coordinatorStatus() -> ExitCode {
        guard let process = lock.withLock({ coordinator }), case .exit(let status) = process.wait(), status != 0
        else { return ExitStatus.failure.code }
        return ExitCode(status)
    }

    /// The most workers that one command starts.
    private static let mostWorkers = 64

    /// Refuses a number of workers that is given as --workers.
    static func checkWorkers(_ count: Int) throws(TandemError) {
        try TandemError.checked(count, .workers, in: 1...mostWorkers)
    }

    /// The flags that give each of so many workers its part of this machine: `threads`; nil: the cores shared among them.
    /// So is the memory, of which the first would reserve nearly all for itself, unless they only pretend to compute.
    static func share(of count: Int, threads: Int?, pretends: Bool = false) -> [String] {
        let threads = threads ?? max(1, MachineDescription.coreCount / count)
        let part = count > 1 && !pretends ? MemoryLedger.share(of: count) : nil
        return (part.map { ["--memory", "\($0)"] } ?? []) + ["--threads", "\(threads)"]
    }

    /// Starts workers that join the coordinator of `line`, each with so many threads; nil: the cores shared among them.
    func startWorkers(_ count: Int, _ line: JoinLine, threads: Int?, _ arguments: [String]) throws {
        let pretends = arguments.contains("--simulate-stage-milliseconds")
        let share = Self.share(of: count, threads: threads, pretends: pretends)
        for _ in 0..<count {
            let process = try start(line.arguments + arguments + share + ["--drain-seconds", "0"])
            lock.withLock { workers.append(process) }
        }
    }

    private func start(_ arguments: [String], readsOutput: Bool = false) throws -> ChildProcess {
        try ChildProcess(arguments, environment: environment, readsOutput: readsOutput) { [ended] in ended.signal() }
    }

    /// Whether the coordinator and all workers run.
    var isComplete: Bool {
        lock.withLock { coordinator?.isRunning == true && workers.allSatisfy(\.isRunning) }
    }

    /// Waits until the coordinator or every worker has ended, or a stop was requested.
    func waitForEnd() async -> Ending {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [self] in
                while true {
                    let state: Ending? = lock.withLock {
                        if isStopping { return .stopped }
                        if coordinator?.isRunning != true { return .failed }
                        return workers.contains { $0.isRunning } ? nil : .failed
                    }
                    if let state { return continuation.resume(returning: state) }
                    ended.wait()
                }
            }
        }
    }

    /// May be called from any thread.
    func requestStop() {
        lock.withLock { isStopping = true }
        ended.signal()
    }

    /// Ends every child, gently first, and waits for it.
    func stop() {
        ChildProcess.end(lock.withLock { workers + [coordinator].compactMap(\.self) }, withinSeconds: 5)
    }
}

/// What a coordinator prints to be pasted on other hosts: "tandem worker --join HOST:PORT#KEY#TOKEN", and further flags.
struct JoinLine {
    let text: String
    /// All but the program's name.
    let arguments: [String]
    /// Where the coordinator listens: HOST:PORT.
    var address: String { String(arguments[2].prefix { $0 != "#" }) }

    /// nil: the text is no such line.
    init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard words.count >= 4, words[1...2] == ["worker", "--join"] else { return nil }
        (self.text, arguments) = (text, Array(words.dropFirst()))
    }
}
