// Every piece runs once, on whichever thread, and nothing is left behind.

import CThreads
import Foundation
import Synchronization
import Testing

@testable import Inference

@Suite("Thread pool")
struct ThreadPoolTests {
    @Test("Every piece of every job runs exactly once", arguments: [1, 2, 3, 7])
    func eachOnce(threads: Int) {
        let pool = ThreadPool(threads: threads, threshold: 0)
        for job in 0..<300 {
            let pieces = job % 41
            let runs = Mutex([Int](repeating: 0, count: pieces))
            pool.run(pieces: pieces, operations: pieces) { piece, thread in
                runs.withLock { $0[piece] += 1 }
                #expect(thread >= 0 && thread < threads)
            }
            #expect(runs.withLock { $0 } == [Int](repeating: 1, count: pieces))
        }
    }

    @Test("A job after a long pause wakes the helpers that sleep")
    func wakes() {
        let pool = ThreadPool(threads: 2, threshold: 0)
        for _ in 0..<5 {
            usleep(2000)
            let together = Atomic<Int>(0)
            // Each piece waits for the other: only two threads at once can end this.
            pool.run(pieces: 2, operations: 2) { _, _ in
                together.add(1, ordering: .sequentiallyConsistent)
                while together.load(ordering: .sequentiallyConsistent) < 2 { usleep(10) }
            }
            #expect(together.load(ordering: .relaxed) == 2)
        }
    }

    @Test("Who is held by a piece leaves nearly all others to the other thread")
    func slowPiece() {
        let pool = ThreadPool(threads: 2, threshold: 0)
        for pieces in [8, 64, 1000] {
            let begun = Atomic<Int>(0)
            let done = Atomic<Int>(0)
            pool.run(pieces: pieces, operations: pieces) { _, _ in
                // The first to begin waits for 7 of 8 pieces: only the other thread can run them.
                if begun.add(1, ordering: .sequentiallyConsistent).oldValue == 0 {
                    while done.load(ordering: .sequentiallyConsistent) < pieces * 7 / 8 { usleep(10) }
                }
                done.add(1, ordering: .sequentiallyConsistent)
            }
            #expect(done.load(ordering: .relaxed) == pieces)
        }
    }

    @Test("A pool with a thread for each core binds its helpers and leaves the calling thread free")
    func pinning() {
        let cores = UsableCores.count
        for threads in [cores, cores + 1] where threads > 1 {
            let pool = ThreadPool(threads: threads, threshold: 0)
            let together = Atomic<Int>(0)
            let usable = Mutex([Int](repeating: 0, count: threads))
            pool.run(pieces: threads, operations: threads) { _, thread in
                together.add(1, ordering: .sequentiallyConsistent)
                while together.load(ordering: .sequentiallyConsistent) < threads { usleep(10) }
                usable.withLock { $0[thread] = tk_allowed_cores() }
            }
            let expected = threads == cores ? [cores] + [Int](repeating: 1, count: threads - 1) : nil
            #expect(usable.withLock { $0 } == expected ?? [Int](repeating: cores, count: threads))
            #expect(UsableCores.count == cores)
        }
        #expect(tk_pin_thread(-1) == -1 && tk_pin_thread(cores) == -1)
    }

    @Test("A small job stays on the calling thread")
    func small() {
        let pool = ThreadPool(threads: 2, threshold: 100)
        let helped = Atomic<Int>(0)
        pool.run(pieces: 50, operations: 99) { _, thread in helped.add(thread, ordering: .relaxed) }
        #expect(helped.load(ordering: .relaxed) == 0)
    }

    @Test("Pools come and go without leaving threads")
    func ends() throws {
        let before = try Self.threadCount()
        for _ in 0..<20 {
            let pool = ThreadPool(threads: 4, threshold: 0)
            pool.run(pieces: 9, operations: 9) { _, _ in }
            #expect(pool.threads == 4)
        }
        // Other tests of this process have pools of their own.
        #expect(try Self.threadCount() < before + 40)
    }

    private static func threadCount() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
    }
}
