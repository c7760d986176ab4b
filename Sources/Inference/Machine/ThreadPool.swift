// The threads that compute one stage.
//
// Responsible for: running the pieces of one job at a time on all threads, where these run, and sleeping between jobs.
// Must not know: what a piece computes.

import CThreads
import Glibc
import Synchronization

/// The calling thread and `threads - 1` helpers take the pieces of a job from an atomic counter: a small part of the rest
/// while many are left, one by one at the end, so that a slow core does less instead of holding the others.
///
/// `run` is called by one thread at a time and allocates nothing. Helpers wait for the next job in a short spin (jobs
/// of one forward follow each other within microseconds) and then sleep. A helper that the system does not schedule
/// delays nothing but the pieces it has taken.
///
/// A pool with a thread for every core that the process may use binds each helper to a core of its own, which leaves
/// one to the caller. Smaller pools leave that to the system: others may use the cores too.
package final class ThreadPool: @unchecked Sendable {
    /// Threads, the calling one included.
    package let threads: Int
    /// Jobs of fewer operations than this run on the calling thread alone.
    let threshold: Int

    private let shared: Shared
    private var helpers: [pthread_t] = []

    /// Starts `threads - 1` helpers; fewer where the system gives no more.
    package init(threads: Int, threshold: Int) {
        precondition(threads >= 1)
        self.threshold = threshold
        shared = Shared(threads: threads)
        let fillsMachine = threads == UsableCores.count
        for index in 1..<max(threads, 1) {
            let start = Unmanaged.passRetained(HelperStart(shared: shared, index: index, isPinned: fillsMachine))
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
    package func run(pieces: Int, operations: Int, _ body: (_ piece: Int, _ thread: Int) -> Void) {
        if pieces <= 1 || threads == 1 || operations < threshold {
            for piece in 0..<max(pieces, 0) { body(piece, 0) }
            return
        }
        shared.prepare(pieces: pieces)
        lend(body, to: Unmanaged.passUnretained(shared).toOpaque()) { shared, body in
            guard let shared else { return }
            Unmanaged<Shared>.fromOpaque(shared).takeUnretainedValue().run(body)
        }
    }
}

/// A counter that shares no cache line with what follows it. Processors fetch lines in pairs of 128 bytes.
private struct Counter: ~Copyable {
    let value = Atomic<Int>(0)
    private let padding = InlineArray<15, Int>(repeating: 0)
}

/// The job at work. A thread that is given one waits for a single cache line, the first.
private struct Job: ~Copyable {
    var pieces = 0
    var body = tk_closure()
    /// Pieces that nobody has taken; below 0 once the pool ends. Taking some is what entitles a helper to read `body` and
    /// `pieces`: they change only when every taken piece is done.
    let untaken = Counter()
    let unfinished = Counter()
}

/// What the threads share. It outlives the pool until the last helper has ended.
private final class Shared: @unchecked Sendable {
    /// About 30 microseconds; the clock is read every `spinStride` looks.
    private static let spinNanoseconds: UInt64 = 30_000
    private static let spinStride = 64

    private let job: UnsafeMutablePointer<Job>
    private let sleepers = Atomic<Int>(0)
    private let callerSleeps = Atomic<Bool>(false)
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let jobArrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let jobFinished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// The pieces left are divided by this to give how many are taken at once.
    private let partsOfRest: Int

    init(threads: Int) {
        partsOfRest = 8 * threads
        job = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<Job>.size, alignment: 128)
            .bindMemory(to: Job.self, capacity: 1)
        job.initialize(to: Job())
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
        job.deinitialize(count: 1)
        job.deallocate()
    }

    /// The next job has so many pieces.
    func prepare(pieces: Int) { job.pointee.pieces = pieces }

    /// The caller's side of one job.
    func run(_ body: tk_closure) {
        let pieces = job.pointee.pieces
        job.pointee.body = body
        job.pointee.unfinished.value.store(pieces, ordering: .relaxed)
        // The caller's first pieces are gone before helpers see any.
        let first = share(of: pieces)
        // Both this store and the load of `sleepers` are in the single total order, as are a helper's increment of
        // `sleepers` and its last look at `untaken`: one of the two sees the other, so no wake-up is lost.
        job.pointee.untaken.value.store(pieces - first, ordering: .sequentiallyConsistent)
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            pthread_mutex_lock(mutex)
            pthread_cond_broadcast(jobArrived)
            pthread_mutex_unlock(mutex)
        }
        for piece in 0..<first { tk_call_closure(body, piece, 0) }
        takePieces(thread: 0, finished: first)
        if spin(until: { job.pointee.unfinished.value.load(ordering: .acquiring) == 0 }) { return }
        pthread_mutex_lock(mutex)
        callerSleeps.store(true, ordering: .sequentiallyConsistent)
        while job.pointee.unfinished.value.load(ordering: .sequentiallyConsistent) > 0 {
            pthread_cond_wait(jobFinished, mutex)
        }
        callerSleeps.store(false, ordering: .relaxed)
        pthread_mutex_unlock(mutex)
    }

    /// A helper's life.
    func help(thread: Int) {
        while true {
            if !spin(until: { job.pointee.untaken.value.load(ordering: .acquiring) != 0 }) { sleep() }
            if job.pointee.untaken.value.load(ordering: .acquiring) < 0 { return }
            takePieces(thread: thread, finished: 0)
        }
    }

    /// Ends the helpers. No job runs any more.
    func stop() {
        pthread_mutex_lock(mutex)
        job.pointee.untaken.value.store(-1, ordering: .sequentiallyConsistent)
        pthread_cond_broadcast(jobArrived)
        pthread_mutex_unlock(mutex)
    }

    /// A helper sleeps until there is a job, or the end.
    private func sleep() {
        pthread_mutex_lock(mutex)
        sleepers.add(1, ordering: .sequentiallyConsistent)
        while job.pointee.untaken.value.load(ordering: .sequentiallyConsistent) == 0 {
            pthread_cond_wait(jobArrived, mutex)
        }
        sleepers.subtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
    }

    /// How many of the pieces that are left a thread takes.
    private func share(of left: Int) -> Int { max(1, left / partsOfRest) }

    /// Runs pieces as long as there are some. They count as finished at the end, all at once, with `finished` others that
    /// this thread has run before.
    private func takePieces(thread: Int, finished: Int) {
        var finished = finished
        var left = job.pointee.untaken.value.load(ordering: .acquiring)
        while left > 0 {
            let count = share(of: left)
            let (taken, current) = job.pointee.untaken.value.weakCompareExchange(
                expected: left, desired: left - count, ordering: .acquiringAndReleasing)
            guard taken else {
                left = current
                continue
            }
            let first = job.pointee.pieces - left
            let body = job.pointee.body
            for piece in first..<first + count { tk_call_closure(body, piece, thread) }
            finished += count
            left = job.pointee.untaken.value.load(ordering: .acquiring)
        }
        guard finished > 0 else { return }
        if job.pointee.unfinished.value.subtract(finished, ordering: .sequentiallyConsistent).newValue == 0,
            callerSleeps.load(ordering: .sequentiallyConsistent)
        {
            pthread_mutex_lock(mutex)
            pthread_cond_signal(jobFinished)
            pthread_mutex_unlock(mutex)
        }
    }

    /// Looks at `condition` for a short time; whether it came true.
    private func spin(until condition: () -> Bool) -> Bool {
        var deadline: UInt64 = 0
        while true {
            for _ in 0..<Self.spinStride {
                if condition() { return true }
                tk_spin_pause()
            }
            let now = monotonicNanoseconds()
            if deadline == 0 { deadline = now + Self.spinNanoseconds }
            if now >= deadline { return false }
        }
    }
}

/// What a new helper thread is given.
private final class HelperStart {
    let shared: Shared
    let index: Int
    /// The helper binds itself to the core of its index; where the system refuses, it runs where it is put.
    let isPinned: Bool

    init(shared: Shared, index: Int, isPinned: Bool) {
        self.shared = shared
        self.index = index
        self.isPinned = isPinned
    }
}

private func helperMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument {
        let start = Unmanaged<HelperStart>.fromOpaque(argument).takeRetainedValue()
        if start.isPinned { _ = tk_pin_thread(start.index) }
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
