// Responsible for: threads on which prompts become tokens, apart from all that streams wait for.
// Must not know: how prompts become tokens, sockets, workers.
import Generation
import Glibc
import Sequences
import Synchronization
import Transport

/// Two threads, whatever the number of requests: one for prompts that take a moment, one for those that take longer,
/// which leaves the cores to everything else. Swift's own pool has few threads, and on them all streams of tokens.
final class PromptThreads: Sendable {
    private typealias Job = @Sendable () -> Void

    private let short: Mailbox<Job>
    private let long: Mailbox<Job>

    /// Prompts up to so many bytes are made into tokens in some hundredths of a second.
    private static let longestShort = 64 << 10
    /// Prompts that may wait for each thread.
    private static let capacity = 1 << 14
    /// How much the thread of the long ones gives way to others (`nice`).
    private static let niceness: Int32 = 10

    /// Throws where the system has no threads left.
    init() throws(TandemError) {
        short = try Self.start("prompts", niceness: 0)
        long = try Self.start("long prompts", niceness: Self.niceness)
    }

    /// What was posted is still done.
    deinit {
        short.close()
        long.close()
    }

    private static func start(_ name: String, niceness: Int32) throws(TandemError) -> Mailbox<Job> {
        do {
            let jobs = Mailbox<Job>(capacity: capacity, waking: try Waker())
            _ = try LoopThread(name: name) {
                // Of this thread alone, as Linux has it. A failure does not matter.
                if niceness > 0 { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness) }
                while true {
                    let waiting = jobs.wait()
                    if waiting.isEmpty { return }
                    for job in waiting { job() }
                }
            }
            return jobs
        } catch { throw TandemError(error) }
    }

    /// What `body` makes of a prompt of so many bytes; nil where that is not wanted any more, at once, whatever else is to
    /// be done before. Throws what `body` throws, and `TandemError.overloaded` where too many prompts wait.
    func run<Value: Sendable>(
        bytes: Int, _ isCancelled: Cancellation, _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value? {
        try await withCheckedThrowingContinuation { continuation in
            let end = FirstEnd<Value>(continuation)
            isCancelled.whenSet { end.come(.success(nil)) }
            let isPosted = (bytes > Self.longestShort ? long : short).post {
                if !isCancelled.isSet { end.come(Result { try body() }) }
            }
            if !isPosted { end.come(.failure(TandemError.overloaded)) }
        }
    }
}

/// What ends the wait for a prompt; whatever comes later counts for nothing.
private final class FirstEnd<Value: Sendable>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Value?, any Error>?>

    init(_ continuation: CheckedContinuation<Value?, any Error>) { self.continuation = Mutex(continuation) }

    func come(_ result: Result<Value?, any Error>) {
        let first = continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
        first?.resume(with: result)
    }
}
