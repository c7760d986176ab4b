// Every piece runs once, on whichever thread, and nothing is left behind.

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
