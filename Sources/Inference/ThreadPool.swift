// The threads that compute one stage.
//
// Responsible for: running the pieces of one job at a time on all threads, and sleeping between jobs.
// Must not know: what a piece computes.

import Glibc
import Synchronization

/// The calling thread and `threads - 1` helpers take the pieces of a job one by one from an atomic counter.
///
/// `run` is called by one thread at a time. Helpers wait for the next job in a short spin (jobs of one forward follow
/// each other within microseconds) and then sleep. A helper that the system does not schedule delays nothing but the
/// piece it has taken.
final class ThreadPool: @unchecked Sendable {
    /// Threads, the calling one included.
    let threads: Int
    /// Jobs of fewer operations than this run on the calling thread alone.
    let threshold: Int

    private let shared: Shared
    private var helpers: [pthread_t] = []

    /// Starts `threads - 1` helpers; fewer where the system gives no more.
    init(threads: Int, threshold: Int) {
        precondition(threads >= 1)
        self.threshold = threshold
        shared = Shared()
        for index in 1..<max(threads, 1) {
            let start = Unmanaged.passRetained(HelperStart(shared: shared, index: index))
            var thread = pthread_t()
            let status = pthread_create(&thread, nil, { helperMain($0) }, start.toOpaque())
            guard status == 0 else {
                start.release()
                break
            }
            helpers.append(thread)
        }
        self.threads = helpers.count + 1
    }

    deinit {
        shared.stop()
        for helper in helpers { pthread_join(helper, nil) }
    }

    /// Calls `body(piece, thread)` for every piece in 0..<pieces and returns when all are done; `thread` in
    /// 0..<threads tells which thread runs it, for scratch memory. `operations`: the size of the whole job.
    func run(pieces: Int, operations: Int, _ body: (_ piece: Int, _ thread: Int) -> Void) {
        if pieces <= 1 || threads == 1 || operations < threshold {
            for piece in 0..<max(pieces, 0) { body(piece, 0) }
            return
        }
        withoutActuallyEscaping(body) { shared.run(pieces: pieces, $0) }
    }
}

/// What the threads share. It outlives the pool until the last helper has ended.
private final class Shared: @unchecked Sendable {
    /// About 30 microseconds; the clock is read every `spinStride` looks.
    private static let spinNanoseconds: UInt64 = 30_000
    private static let spinStride = 64

    /// Pieces of the current job not yet taken. Taking one is what entitles a thread to read `body` and `pieces`:
    /// they change only when every taken piece is done.
    private let untaken = Atomic<Int>(0)
    private let unfinished = Atomic<Int>(0)
    private let sleepers = Atomic<Int>(0)
    private let callerSleeps = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)
    private var pieces = 0
    private var body: ((Int, Int) -> Void)?

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let jobArrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let jobFinished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(jobArrived, nil)
        pthread_cond_init(jobFinished, nil)
    }

    deinit {
        pthread_cond_destroy(jobFinished)
        pthread_cond_destroy(jobArrived)
        pthread_mutex_destroy(mutex)
        jobFinished.deallocate()
        jobArrived.deallocate()
        mutex.deallocate()
    }

    /// The caller's side of one job.
    func run(pieces: Int, _ body: @escaping (Int, Int) -> Void) {
        self.pieces = pieces
        self.body = body
        unfinished.store(pieces, ordering: .relaxed)
        // Both this store and the load of `sleepers` are in the single total order, as are a helper's increment of
        // `sleepers` and its last look at `untaken`: one of the two sees the other, so no wake-up is lost.
        untaken.store(pieces, ordering: .sequentiallyConsistent)
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            pthread_mutex_lock(mutex)
            pthread_cond_broadcast(jobArrived)
            pthread_mutex_unlock(mutex)
        }
        takePieces(thread: 0)
        if !spin(until: { self.unfinished.load(ordering: .acquiring) == 0 }) {
            pthread_mutex_lock(mutex)
            callerSleeps.store(true, ordering: .sequentiallyConsistent)
            while unfinished.load(ordering: .sequentiallyConsistent) > 0 { pthread_cond_wait(jobFinished, mutex) }
            callerSleeps.store(false, ordering: .relaxed)
            pthread_mutex_unlock(mutex)
        }
        self.body = nil
    }

    /// A helper's life.
    func help(thread: Int) {
        let hasWork = { self.untaken.load(ordering: .acquiring) > 0 || self.stopping.load(ordering: .acquiring) }
        while true {
            if !spin(until: hasWork) {
                pthread_mutex_lock(mutex)
                sleepers.add(1, ordering: .sequentiallyConsistent)
                while untaken.load(ordering: .sequentiallyConsistent) == 0,
                    !stopping.load(ordering: .sequentiallyConsistent)
                {
                    pthread_cond_wait(jobArrived, mutex)
                }
                sleepers.subtract(1, ordering: .sequentiallyConsistent)
                pthread_mutex_unlock(mutex)
            }
            if stopping.load(ordering: .acquiring) { return }
            takePieces(thread: thread)
        }
    }

    /// Ends the helpers. No job runs any more.
    func stop() {
        pthread_mutex_lock(mutex)
        stopping.store(true, ordering: .sequentiallyConsistent)
        pthread_cond_broadcast(jobArrived)
        pthread_mutex_unlock(mutex)
    }

    private func takePieces(thread: Int) {
        var left = untaken.load(ordering: .acquiring)
        while left > 0 {
            let (taken, current) = untaken.weakCompareExchange(
                expected: left, desired: left - 1, ordering: .acquiringAndReleasing)
            guard taken else {
                left = current
                continue
            }
            perform(left, thread: thread)
            if unfinished.subtract(1, ordering: .sequentiallyConsistent).newValue == 0,
                callerSleeps.load(ordering: .sequentiallyConsistent)
            {
                pthread_mutex_lock(mutex)
                pthread_cond_signal(jobFinished)
                pthread_mutex_unlock(mutex)
            }
            left = untaken.load(ordering: .acquiring)
        }
    }

    /// Never inlined, so that a helper's reference to the body ends before the piece counts as finished.
    @inline(never)
    private func perform(_ untakenBefore: Int, thread: Int) {
        body?(pieces - untakenBefore, thread)
    }

    /// Looks at `condition` for a short time; whether it came true.
    private func spin(until condition: () -> Bool) -> Bool {
        let deadline = monotonicNanoseconds() + Self.spinNanoseconds
        repeat {
            for _ in 0..<Self.spinStride where condition() { return true }
        } while monotonicNanoseconds() < deadline
        return false
    }
}

/// What a new helper thread is given.
private final class HelperStart {
    let shared: Shared
    let index: Int

    init(shared: Shared, index: Int) {
        self.shared = shared
        self.index = index
    }
}

private func helperMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument {
        let start = Unmanaged<HelperStart>.fromOpaque(argument).takeRetainedValue()
        start.shared.help(thread: start.index)
    }
    return nil
}

/// Nanoseconds of the monotonic clock.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
