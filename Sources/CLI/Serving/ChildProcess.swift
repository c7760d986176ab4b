// Responsible for: one child process of this executable, from its start to its end. Must not know: what it is for.
// Foundation's Process keeps descriptors, and who starts workers again and again has many.
import Foundation
import Sequences

/// A child that reads a pipe whose other end only we hold, so that it ends when we do.
final class ChildProcess: @unchecked Sendable {
    /// How a process ended.
    enum Ending: Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    let pid: Int32
    /// What it writes to stdout; nil: that is ours. To be closed by whoever reads it.
    let output: FileHandle?
    private let condition = NSCondition()
    private var ended: Ending?
    /// The end of its stdin that we hold.
    private let input: Int32

    /// Starts `tandem ARGUMENT...`. `errors`: the file to which stderr is added; nil: ours. `didEnd` is called once, from
    /// a thread of its own.
    init(
        _ arguments: [String], environment: [String: String], readsOutput: Bool = false, errors: String? = nil,
        didEnd: @escaping @Sendable () -> Void = {}
    ) throws(TandemError) {
        let stdin = try Self.pipe()
        let stdout = readsOutput ? try Self.pipe() : nil
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, stdin.reading, STDIN_FILENO)
        if let stdout { posix_spawn_file_actions_adddup2(&actions, stdout.writing, STDOUT_FILENO) }
        if let errors {
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        var argv = ([program] + arguments + ["--exit-with-stdin"]).map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: Int32 = 0
        let error = Self.amongNoOthers {
            Self.withAttributes { posix_spawn(&child, program, &actions, $0, &argv, &envp) }
        }
        close(stdin.reading)
        if let stdout { close(stdout.writing) }
        guard error == 0 else {
            close(stdin.writing)
            if let stdout { close(stdout.reading) }
            throw TandemError("a process cannot be started: \(String(cString: strerror(error)))", kind: .internal)
        }
        (pid, input) = (child, stdin.writing)
        output = stdout.map { FileHandle(fileDescriptor: $0.reading, closeOnDealloc: true) }
        Thread.detachNewThread { [self] in
            awaitEnd()
            didEnd()
        }
    }

    deinit { close(input) }

    /// Signals as they are for programs that nobody has told otherwise, and a group of its own: Ctrl-C is for us to hand on,
    /// and where we are killed the system wakes what stands still.
    private static func withAttributes(_ body: (UnsafePointer<posix_spawnattr_t>) -> Int32) -> Int32 {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, standard) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigemptyset(&standard)
        for number in [SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGQUIT] { sigaddset(&standard, number) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &standard)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))
        return body(&attributes)
    }

    /// Two ends that no other child has: pipes cannot be made so in Swift.
    private static func pipe() throws(TandemError) -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw TandemError("no pipe can be made: \(String(cString: strerror(errno)))", kind: .internal)
        }
        return (ends[0], ends[1])
    }

    private static let opening = NSLock()

    /// No child is started meanwhile: one that opens a descriptor, and can only then say that children are not to have it.
    static func amongNoOthers<Value>(_ body: () -> Value) -> Value { opening.withLock(body) }

    /// Its number is not given to another process before `ended` is set.
    private func awaitEnd() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        condition.withLock {
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            // As <sys/wait.h> reads it.
            ended = status & 0x7F == 0 ? .exit(status >> 8 & 0xFF) : .signal(status & 0x7F)
            condition.broadcast()
        }
    }

    /// nil: it runs.
    var ending: Ending? { condition.withLock { ended } }

    var isRunning: Bool { ending == nil }

    /// Does nothing where it has ended.
    func signal(_ number: Int32) { condition.withLock { if ended == nil { kill(pid, number) } } }

    /// How it has ended; nil: it has not, by then.
    func wait(until limit: Date) -> Ending? {
        condition.withLock {
            while ended == nil, condition.wait(until: limit) {}
            return ended
        }
    }

    /// How it has ended, as soon as it has.
    @discardableResult
    func wait() -> Ending {
        condition.withLock {
            while true {
                if let ended { return ended }
                condition.wait()
            }
        }
    }

    /// The first line of its stdout, or what there is of it.
    func firstLine() -> String {
        var line: [UInt8] = []
        while let byte = output?.readData(ofLength: 1).first, byte != 10 { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    /// Ends all of them, gently first, and waits for them.
    static func end(_ all: [ChildProcess], withinSeconds seconds: Double) {
        for process in all { process.signal(SIGTERM) }
        let limit = Date(timeIntervalSinceNow: seconds)
        for process in all {
            if process.wait(until: limit) == nil { process.signal(SIGKILL) }
            process.wait()
        }
    }
}
