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

/// A running `tandem`. Started with posix_spawn: Foundation's `Process` loses descriptors, and tests start hundreds.
final class TandemProcess: @unchecked Sendable {
    /// What a command left behind.
    struct Outcome {
        var status: Int32
        var output: String
        var talk: String
    }

    private let output = Collected()
    private let talk = Collected()
    private let ended = Mutex<Int32?>(nil)
    private var standardInput: Int32?
    private var keyboard: PseudoTerminal?
    let pid: Int32

    static let endsWithStandardInput = "--exit-with-stdin"
    /// POSIX_SPAWN_SETSID of <spawn.h>, which Glibc's module leaves out.
    private static let newSession: Int16 = 0x80
    /// How long tests wait for what only needs to come: minutes, for builds may be slow and machines busy.
    static let patience = Duration.seconds(300)

    /// Starts `tandem ARGUMENT...`; `input` is its stdin, or `terminal` its stdin and stdout; `environment` is added.
    /// `ownsTerminal`: it has a session of its own, controlled by the terminal, to which its stderr goes too, as where a
    /// person starts it. `program`: another one, which finds `tandem` as `$TANDEM`. `state`: whose folder it has its key in;
    /// nil: as its cache.
    init(
        _ arguments: [String], cache: TemporaryFolder, input: String? = nil, terminal: PseudoTerminal? = nil,
        ownsTerminal: Bool = false, environment: [String: String] = [:], program: String = Place.tandem.path,
        state: TemporaryFolder? = nil
    ) throws {
        let (stdin, stdout, stderr) = (try Descriptors(), try Descriptors(), try Descriptors())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads that run tests block signals, and children would inherit that.
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        var flags = Int16(POSIX_SPAWN_SETSIGMASK)
        if terminal != nil, ownsTerminal { flags |= Self.newSession }
        posix_spawnattr_setflags(&attributes, flags)
        if let terminal, ownsTerminal {
            posix_spawn_file_actions_addopen(&actions, 0, terminal.name, O_RDWR, 0)
            for descriptor: Int32 in [1, 2] { posix_spawn_file_actions_adddup2(&actions, 0, descriptor) }
        } else {
            posix_spawn_file_actions_adddup2(&actions, terminal?.inner ?? stdin.reading, 0)
            posix_spawn_file_actions_adddup2(&actions, terminal?.inner ?? stdout.writing, 1)
            posix_spawn_file_actions_adddup2(&actions, stderr.writing, 2)
        }
        // This host's own settings are none of a test's.
        let environment = ProcessInfo.processInfo.environment
            .merging(["TANDEM_CONFIG": "", "XDG_STATE_HOME": (state ?? cache).path + "/state"]) { $1 }
            .merging(environment) { $1 }
            .merging([
                "XDG_CACHE_HOME": cache.path, "XDG_RUNTIME_DIR": cache.path, "TANDEM": Place.tandem.path,
                "TALES": Place.tales,
            ]) { $1 }
        var argv = ([program] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: Int32 = 0
        let error = posix_spawn(&child, program, &actions, &attributes, &argv, &envp)
        for descriptor in [stdin.reading, stdout.writing, stderr.writing] { close(descriptor) }
        if let input { _ = Array(input.utf8).withUnsafeBytes { write(stdin.writing, $0.baseAddress, $0.count) } }
        // A child told to end with its stdin ends when this process does, even if that crashes.
        if arguments.contains(Self.endsWithStandardInput) {
            standardInput = stdin.writing
        } else {
            close(stdin.writing)
        }
        if let terminal {
            close(stdout.reading)
            terminal.closeInner()
            if terminal.isRead { output.collect(dup(terminal.outer)) }
            keyboard = terminal
        } else {
            output.collect(stdout.reading)
        }
        talk.collect(stderr.reading)
        guard error == 0 else { throw POSIXError(POSIXErrorCode(rawValue: error) ?? .EIO) }
        pid = child
    }

    deinit {
        if let standardInput { close(standardInput) }
        if isRunning {
            kill(pid, SIGCONT)
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
    }

    var isRunning: Bool {
        ended.withLock { ended in
            var status: Int32 = 0
            if ended == nil, waitpid(pid, &status, WNOHANG) == pid {
                // The two forms in which a process ends, as <sys/wait.h> reads them.
                ended = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
            }
            return ended == nil
        }
    }
    /// What was written to stdout and stderr so far.
    var outputSoFar: String { output.text }
    var talkSoFar: String { talk.text }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Types into the terminal that it was given.
    func type(_ text: String) {
        guard let keyboard else { return }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(keyboard.outer, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Waits until the process has ended; kills it where it does not (the status is then -1).
    func wait() async throws -> Outcome {
        let isInTime = await eventually { !self.isRunning }
        if !isInTime { kill(pid, SIGKILL) }
        _ = await eventually(within: .seconds(60)) {
            !self.isRunning && self.output.isComplete && self.talk.isComplete
        }
        let status = ended.withLock { $0 } ?? -1
        return Outcome(status: isInTime ? status : -1, output: output.text, talk: talk.text)
    }
}

/// A terminal of which a test reads what a person would see, and types.
final class PseudoTerminal: @unchecked Sendable {
    /// The test's end, and that of the process under test until it has it.
    let outer: Int32
    private(set) var inner: Int32
    /// The path of the process's end.
    fileprivate let name: String
    /// Otherwise it takes a few kilobytes, and then nothing any more.
    fileprivate let isRead: Bool

    init(columns: UInt16, rows: UInt16, isRead: Bool = true) throws {
        self.isRead = isRead
        var ends: (outer: Int32, inner: Int32) = (0, 0)
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        guard openpty(&ends.outer, &ends.inner, nil, nil, &size) == 0 else { throw POSIXError(.EMFILE) }
        (outer, inner) = (ends.outer, ends.inner)
        name = ttyname(ends.inner).map { String(cString: $0) } ?? ""
        for end in [outer, inner] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    deinit {
        closeInner()
        close(outer)
    }

    /// From now on the output ends with the process.
    fileprivate func closeInner() {
        if inner >= 0 { close(inner) }
        inner = -1
    }

    /// Gives it another size. Who has it open must be told with SIGWINCH: it is nobody's controlling terminal.
    func resize(columns: UInt16, rows: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(outer, UInt(TIOCSWINSZ), &size)
    }

    /// Whether what is typed is shown, and comes in whole lines.
    var isPlain: Bool {
        var settings = termios()
        return tcgetattr(outer, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO | ICANON) == tcflag_t(ECHO | ICANON)
    }
}

/// The two ends of a pipe that no other child inherits.
private struct Descriptors {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw POSIXError(.EMFILE) }
        (reading, writing) = (ends[0], ends[1])
        // Between pipe and fcntl another test may start a child; it then holds an end a little longer.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }
}

/// Runs `tandem ARGUMENT...` to its end.
func tandem(
    _ arguments: String..., cache: TemporaryFolder? = nil, input: String? = nil
) async throws -> TandemProcess.Outcome {
    try await TandemProcess(arguments, cache: cache ?? TemporaryFolder(), input: input).wait()
}

/// Runs a script of bash to its end, in which `$TANDEM` is the program and `$TALES` the model that the project ships.
func bash(_ script: String, cache: TemporaryFolder? = nil) async throws -> TandemProcess.Outcome {
    let folder = try cache ?? TemporaryFolder()
    let outcome = try await TandemProcess(["-c", script], cache: folder, program: "/bin/bash").wait()
    return withExtendedLifetime(folder) { outcome }
}

/// Whether `condition` came true within `time`.
func eventually(
    within time: Duration = TandemProcess.patience, every interval: Duration = .milliseconds(20),
    _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = ContinuousClock.now + time
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try? await Task.sleep(for: interval)
    }
    return false
}

/// What came through a pipe so far.
private final class Collected: Sendable {
    private let state = Mutex((bytes: Data(), isComplete: false))

    /// Reads until the end, on a thread of its own, and closes the descriptor.
    func collect(_ descriptor: Int32) {
        Thread.detachNewThread { [self] in
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0 && errno == EINTR { continue }
                state.withLock { state in
                    state.bytes.append(contentsOf: buffer[..<max(count, 0)])
                    state.isComplete = count <= 0
                }
                if count <= 0 { break }
            }
            close(descriptor)
        }
    }

    var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
    var isComplete: Bool { state.withLock { $0.isComplete } }
}
