// Responsible for: `tandem up`: a coordinator and its workers as child processes of one terminal, stopped together.
import ArgumentParser
import Foundation
import Node

struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Start a coordinator and N workers on this machine.",
        discussion: """
            Ctrl-C stops all of them. Examples:
              tandem up --model model.gguf --workers 2
              tandem up --model model.gguf --workers 3 --split 0-3,4-7,8-11
            """)

    @Option(name: .shortAndLong, help: "A GGUF file or a Hugging Face folder.") var model: String
    @OptionGroup var quantization: QuantizationFlag
    @Option(help: "How many workers.") var workers: Int = 2
    @Option(help: "Where clients connect; port 0 takes a free one.") var listen = CoordinatorOptions.defaultListen
    @Option(help: "Layers of each worker, as 0-3,4-11.") var split: String?
    @Option(help: "The longest prompt and answer together, in tokens.") var context: Int?
    @Option(help: "Threads of each worker (default: the cores shared among the workers).") var threads: Int?
    @Flag(help: "Allow listening beyond this machine although links are not encrypted.") var insecure = false

    func run() async throws {
        guard (1...64).contains(workers) else {
            throw NodeError("--workers is \(workers), but must be between 1 and 64")
        }
        var arguments = ["coordinator", "--model", model, "--listen", listen, "--min-workers", "\(workers)"]
        if let type = quantization.quantize { arguments += ["--quantize", type] }
        if let split { arguments += ["--split", split] }
        if let context { arguments += ["--context", "\(context)"] }
        if insecure { arguments.append("--insecure") }
        let family = ChildFamily()
        defer { family.stop() }
        let interrupt = Interrupt { family.requestStop() }
        defer { interrupt.stop() }

        let line = try family.startCoordinator(arguments)
        let words = line.split(separator: " ").map(String.init)
        guard words.count >= 4, words[2] == "--join" else { throw ExitCode(1) }  // it has said why
        Terminal.put(line + "\n")
        let share = threads ?? max(1, MachineDescription.coreCount / workers)
        for _ in 0..<workers {
            try family.startWorker(words.dropFirst() + ["--model", model, "--threads", "\(share)"])
        }
        if await family.waitForEnd() == .failed { throw ExitCode(1) }
    }
}

/// The child processes of `tandem up`. Each reads a pipe whose other end only we hold, so that none outlives us.
private final class ChildFamily: @unchecked Sendable {
    enum Ending { case stopped, failed }

    private let lock = NSLock()
    private var coordinator: Process?
    private var workers: [Process] = []
    private var isStopping = false
    private let ended = DispatchSemaphore(value: 0)

    /// Starts the coordinator and returns the first line of its stdout, "" if it ended without one.
    func startCoordinator(_ arguments: [String]) throws -> String {
        let output = Pipe()
        let process = try start(arguments, output: output)
        lock.withLock { coordinator = process }
        var line: [UInt8] = []
        while let byte = output.fileHandleForReading.readData(ofLength: 1).first, byte != 10 { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    func startWorker(_ arguments: [String]) throws {
        let process = try start(arguments, output: nil)
        lock.withLock { workers.append(process) }
    }

    private func start(_ arguments: [String], output: Pipe?) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = arguments + ["--exit-with-stdin"]
        process.standardInput = Pipe()
        if let output { process.standardOutput = output }
        process.terminationHandler = { [weak self] _ in self?.ended.signal() }
        try process.run()
        return process
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
