// Responsible for: threads on which prompts become tokens, apart from all that streams wait for.
// Must not know: how prompts become tokens, sockets, workers.
import Generation
import Glibc
import Sequences
import Synchronization
import Transport
import Wire

/// Three threads, whatever the number of requests: one for prompts that take a moment, two for those that take longer and
/// far longer, which leave the cores to everything else. On each, clients take turns. Swift's own pool has few threads, and
/// on them all streams of tokens.
final class PromptThreads: Sendable {
    private typealias Job = @Sendable () -> Void

    /// One thread, and what it is to do.
    private struct Lane {
        /// Prompts up to so many bytes.
        let longest: Int
        let jobs: Jobs
    }

    /// The jobs of one thread, and its bell.
    private final class Jobs: Sendable {
        private let queue = Mutex(FairQueue<ClientID, Job>(limit: PromptThreads.capacity))
        private let bell: Mailbox<Void>

        init() throws(TransportError) { bell = Mailbox(capacity: 1, waking: try Waker()) }

        /// False: the client has too many.
        func add(_ job: @escaping Job, of client: ClientID) -> Bool {
            guard queue.withLock({ $0.add(job, of: client) }) else { return false }
            _ = bell.post(())
            return true
        }

        /// Does all that comes until `close`, and what came before it.
        func work() {
            var isOpen = true
            while isOpen {
                isOpen = !bell.wait().isEmpty
                while let job = queue.withLock({ $0.next()?.element }) { job() }
            }
        }

        func close() { bell.close() }
    }

    private let lanes: [Lane]

    /// Prompts up to so many bytes are made into tokens in some hundredths of a second, and in some tenths.
    private static let longestShort = 64 << 10
    private static let longestMiddling = 1 << 20
    /// Prompts of one client that may wait for each thread.
    private static let capacity = 1 << 12
    /// How much the threads of longer ones give way to others (`nice`).
    private static let niceness: Int32 = 10

    /// Throws where the system has no threads left.
    init() throws(TandemError) {
        lanes = [
            Lane(longest: Self.longestShort, jobs: try Self.start("prompts", niceness: 0)),
            Lane(longest: Self.longestMiddling, jobs: try Self.start("long prompts", niceness: Self.niceness)),
            Lane(longest: .max, jobs: try Self.start("huge prompts", niceness: Self.niceness)),
        ]
    }

    /// What was posted is still done.
    deinit { for lane in lanes { lane.jobs.close() } }

    private static func start(_ name: String, niceness: Int32) throws(TandemError) -> Jobs {
        do {
            let jobs = try Jobs()
            _ = try LoopThread(name: name) {
                // Of this thread alone, as Linux has it. A failure does not matter.
                if niceness > 0 { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness) }
                jobs.work()
            }
            return jobs
        } catch { throw TandemError(error) }
    }

    /// What `body` makes of a prompt of so many bytes; nil where that is not wanted any more, at once, whatever else is to
    /// be done before. Throws what `body` throws, and `TandemError.overloaded` where too many prompts wait.
    func run<Value: Sendable>(
        bytes: Int, of client: ClientID = .own, _ isCancelled: Cancellation,
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value? {
        try await withCheckedThrowingContinuation { continuation in
            let end = FirstEnd<Value>(continuation)
            isCancelled.whenSet { end.come(.success(nil)) }
            let isAdded = lanes.first { bytes <= $0.longest }?.jobs.add(
                {
                    if !isCancelled.isSet { end.come(Result { try body() }) }
                }, of: client)
            if isAdded != true { end.come(.failure(TandemError.overloaded)) }
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
