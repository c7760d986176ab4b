// Responsible for: a coordinator and workers as child processes of this one, stopped together and never left behind.
// Must not know: what they are for.
import ArgumentParser
import Foundation
import Generation
import Node
import Sequences

/// The child processes of one command. Each reads a pipe whose other end only we hold, so that none outlives us.
final class ChildFamily: @unchecked Sendable {
    enum Ending { case stopped, failed }

    private let lock = NSLock()
    private let environment: [String: String]
    private var coordinator: Process?
    private var workers: [Process] = []
    private var isStopping = false
    private let ended = DispatchSemaphore(value: 0)

    /// `environment` is added to ours. Settings are not handed on: whoever starts the family has taken its own, gives them
    /// on as flags, and means others by the same name (its threads, its address).
    init(environment: [String: String] = [:]) {
        let ours = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("TANDEM_") || Settings.otherVariables.contains($0.key)
        }
        let noFile = [Settings.fileVariable: ""]
        self.environment = ours.merging(noFile) { $1 }.merging(environment) { $1 }
    }

    /// Starts a coordinator and returns the first line of its stdout, which joins a worker; nil where it ended without
    /// one, after it has said why.
    func startCoordinator(_ arguments: [String]) throws -> JoinLine? {
        let output = Pipe()
        // Whoever stops a family wants it to end now.
        let process = try start(["coordinator", "--drain-seconds", "0"] + arguments, output: output)
        lock.withLock { coordinator = process }
        var line: [UInt8] = []
        while let byte = output.fileHandleForReading.readData(ofLength: 1).first, byte != 10 { line.append(byte) }
        return JoinLine(String(decoding: line, as: UTF8.self))
    }

    /// What the coordinator has ended with, for whoever started it to end with too.
    func coordinatorStatus() -> ExitCode {
        guard let process = lock.withLock({ coordinator }) else { return ExitStatus.failure.code }
        process.waitUntilExit()
        let isCounted = process.terminationReason == .exit && process.terminationStatus != 0
        return isCounted ? ExitCode(process.terminationStatus) : ExitStatus.failure.code
    }

    /// The most workers that one command starts.
    private static let mostWorkers = 64

    /// Refuses a number of workers that is given as --workers.
    static func checkWorkers(_ count: Int) throws(TandemError) {
        try TandemError.checked(count, .workers, in: 1...mostWorkers)
    }

    /// Starts workers that join the coordinator of `line`, each with so many threads; nil: the cores shared among them. So
    /// is the memory, of which the first would reserve nearly all for itself.
    func startWorkers(_ count: Int, _ line: JoinLine, threads: Int?, _ arguments: [String]) throws {
        let share = threads ?? max(1, MachineDescription.coreCount / count)
        let pretends = arguments.contains("--simulate-stage-milliseconds")
        let part = count > 1 && !pretends ? MemoryLedger.share(of: count) : nil
        let memory = part.map { ["--memory", "\($0)"] } ?? []
        for _ in 0..<count {
            let process = try start(
                line.arguments + arguments + memory + ["--threads", "\(share)", "--drain-seconds", "0"], output: nil)
            lock.withLock { workers.append(process) }
        }
    }

    private func start(_ arguments: [String], output: Pipe?) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments + ["--exit-with-stdin"]
        process.environment = environment
        process.standardInput = Pipe()
        if let output { process.standardOutput = output }
        process.terminationHandler = { [weak self] _ in self?.ended.signal() }
        try process.run()
        return process
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
        let all = lock.withLock { workers + [coordinator].compactMap { $0 } }
        for process in all where process.isRunning { process.terminate() }
        let deadline = Date(timeIntervalSinceNow: 5)
        for process in all {
            while process.isRunning && Date() < deadline { usleep(10_000) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()
        }
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
