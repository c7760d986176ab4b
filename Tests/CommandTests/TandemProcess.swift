// Responsible for: the real `tandem` executable as child processes of a test, started as a person would and always ended.
// Must not know: what any command means.
import Foundation
import Synchronization

/// Where things are.
enum Place {
    /// The folder of the package.
    static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    /// The executable, beside the test runner's.
    static let tandem = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent("tandem")
    /// The model that the project ships.
    static let tales = package.appendingPathComponent("Deploy/models/tandem-tales.gguf").path

    static func fixture(_ name: String) -> String {
        package.appendingPathComponent("Tests/Fixtures/models/\(name)").path
    }
}

/// A temporary folder that goes away with its last reference; every process of a test has its cache in it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "tandem-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A running `tandem`.
final class TandemProcess: Sendable {
    /// What a command left behind.
    struct Outcome {
        var status: Int32
        var output: String
        var talk: String
    }

    private let process: Mutex<Process>
    private let output = Collected()
    private let talk = Collected()
    let pid: Int32

    /// Starts `tandem ARGUMENT...`; `input` is its stdin.
    init(_ arguments: [String], cache: TemporaryFolder, input: String? = nil) throws {
        let process = Process()
        process.executableURL = Place.tandem
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["XDG_CACHE_HOME": cache.path]) { $1 }
        let (out, talkPipe) = (Pipe(), Pipe())
        process.standardOutput = out
        process.standardError = talkPipe
        output.collect(out)
        talk.collect(talkPipe)
        if let input {
            let pipe = Pipe()
            process.standardInput = pipe
            try process.run()
            try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try pipe.fileHandleForWriting.close()
        } else {
            process.standardInput = FileHandle.nullDevice
            try process.run()
        }
        pid = process.processIdentifier
        self.process = Mutex(process)
    }

    deinit {
        kill(pid, SIGCONT)
        if isRunning { kill(pid, SIGKILL) }
    }

    var isRunning: Bool { process.withLock { $0.isRunning } }
    /// What was written to stdout and stderr so far.
    var outputSoFar: String { output.text }
    var talkSoFar: String { talk.text }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Waits until the process has ended; kills it after `seconds` (the status is then that of the kill).
    func wait(seconds: Double = 60) async throws -> Outcome {
        let ended = await eventually(seconds: seconds) { !self.isRunning }
        if !ended { kill(pid, SIGKILL) }
        _ = await eventually(seconds: 10) { !self.isRunning && self.output.isComplete && self.talk.isComplete }
        let status = process.withLock { $0.terminationStatus }
        return Outcome(status: ended ? status : -1, output: output.text, talk: talk.text)
    }
}

/// Runs `tandem ARGUMENT...` to its end.
func tandem(
    _ arguments: String..., cache: TemporaryFolder? = nil, input: String? = nil, seconds: Double = 60
) async throws -> TandemProcess.Outcome {
    try await TandemProcess(arguments, cache: cache ?? TemporaryFolder(), input: input).wait(seconds: seconds)
}

/// Whether `condition` came true within `seconds`.
func eventually(seconds: Double = 30, _ condition: () async throws -> Bool) async rethrows -> Bool {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(20))
    }
    return false
}

/// What came through a pipe so far.
private final class Collected: Sendable {
    private let state = Mutex((bytes: Data(), isComplete: false))

    func collect(_ pipe: Pipe) {
        let handle = pipe.fileHandleForReading
        Thread.detachNewThread { [self] in
            while true {
                let data = handle.availableData
                state.withLock { state in
                    state.bytes.append(data)
                    state.isComplete = data.isEmpty
                }
                if data.isEmpty { return }
            }
        }
    }

    var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
    var isComplete: Bool { state.withLock { $0.isComplete } }
}
