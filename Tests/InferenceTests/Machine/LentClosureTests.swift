// Closures arrive in C whole and are called as Swift calls them: what swift_closures.c says it relies on. Contexts of
// several sizes are captured, C calls from several threads, and every call looks at its arguments and at its captures.

import CThreads
import Glibc
import Synchronization
import Testing

@testable import Inference

@Suite("Closures lent to C")
struct LentClosureTests {
    @Test("A closure is two words")
    func size() {
        #expect(MemoryLayout<tk_closure>.size == MemoryLayout<(Int, Int) -> Void>.size)
        #expect(MemoryLayout<tk_closure>.size == 2 * MemoryLayout<UnsafeRawPointer>.size)
    }

    @Test("One that captures nothing is called with its arguments")
    func nothing() {
        Tally.shared.reset()
        expectEveryCall(of: { Tally.shared.count($0, $1) }, in: .shared)
        Tally.shared.reset()
        expectEveryCall(of: countInShared, in: .shared)
    }

    @Test("One word is captured")
    func oneWord() {
        let tally = Tally()
        expectEveryCall(of: { tally.count($0, $1) }, in: tally)
    }

    @Test("Values of many sizes and kinds are captured")
    func manyWords() {
        let tally = Tally()
        let byte: UInt8 = 0xa5, half: Int16 = -12_345, real = 1.5e300, name = "a string too long to lie in its words"
        let numbers = [3, 1, 4], vector = SIMD8<Int32>(1, -2, 3, -4, 5, -6, 7, -8)
        let body = { (first: Int, second: Int) in
            let isIntact =
                byte == 0xa5 && half == -12_345 && real == 1.5e300 && name.utf8.count == 37 && numbers == [3, 1, 4]
                && vector == SIMD8<Int32>(1, -2, 3, -4, 5, -6, 7, -8)
            tally.count(first, second, isIntact: isIntact)
        }
        expectEveryCall(of: body, in: tally)
    }

    @Test("A large value is captured")
    func large() {
        let tally = Tally()
        var words = InlineArray<64, Int>(repeating: 0)
        for i in words.indices { words[i] = i &* 0x1e37_79b9_7f4a_7c15 }
        expectEveryCall(
            of: { first, second in
                tally.count(
                    first, second, isIntact: words.indices.allSatisfy { words[$0] == $0 &* 0x1e37_79b9_7f4a_7c15 })
            }, in: tally)
    }

    @Test("A variable, a closure and a type are captured")
    func nested() {
        let tally = Tally()
        let calls = Mutex(0)
        var changed = 1
        changed += 1
        func call<Value: Equatable>(expecting value: Value, _ own: () -> Value) {
            expectEveryCall(
                of: { first, second in
                    calls.withLock { $0 += 1 }
                    tally.count(first, second, isIntact: own() == value && changed == 2)
                }, in: tally)
        }
        call(expecting: "two") { changed == 2 ? "two" : "" }
        #expect(calls.withLock { $0 } == Call.expected)
    }

    /// Lends `body`, which counts in `tally`, and has it called from several threads.
    private func expectEveryCall(
        of body: (Int, Int) -> Void, in tally: Tally, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var isIntact = false
        withUnsafeMutablePointer(to: &isIntact) { subject in
            lend(body, to: subject) { subject, closure in
                subject?.assumingMemoryBound(to: Bool.self).pointee = Call.fromThreads(closure)
            }
        }
        #expect(
            isIntact, "the borrower ran, and what its threads held outlived the calls", sourceLocation: sourceLocation)
        #expect(tally.good.load(ordering: .relaxed) == Call.expected, sourceLocation: sourceLocation)
        #expect(tally.bad.load(ordering: .relaxed) == 0, sourceLocation: sourceLocation)
    }
}

/// A closure that C is to call, on its way to a thread.
private struct Call {
    /// Values that an exchange, a lost half or a wrong sign would change; the second is `partner(of:)` the first.
    static let firsts = [0, 1, -1, Int.min, Int.max, 0x0123_4567_89ab_cdef, -0x7654_3210]
    static let threads = 4, rounds = 300
    static let expected = threads * rounds * firsts.count

    static func partner(of first: Int) -> Int { first &* 3 &+ 0x5bd1_e995 }

    let closure: tk_closure

    /// Calls a closure from several threads; whether what each of these held meanwhile is still what it was.
    static func fromThreads(_ closure: tk_closure) -> Bool {
        var call = Call(closure: closure), threads: [pthread_t] = []
        return withUnsafeMutablePointer(to: &call) { call in
            for _ in 0..<Self.threads {
                var thread = pthread_t()
                guard pthread_create(&thread, nil, { runCall($0) }, call) == 0 else { break }
                threads.append(thread)
            }
            var intact = threads.count == Self.threads
            for thread in threads {
                var result: UnsafeMutableRawPointer?
                pthread_join(thread, &result)
                intact = intact && result != nil
            }
            return intact
        }
    }

    /// Returns whether the values held over the calls are intact.
    func run() -> Bool {
        var sum = 0, product = 1.0
        for round in 1...Self.rounds {
            for first in Self.firsts {
                tk_call_closure(closure, first, Self.partner(of: first))
                sum += round
                product += 0.5
            }
        }
        let calls = Self.rounds * Self.firsts.count
        return sum == Self.firsts.count * Self.rounds * (Self.rounds + 1) / 2 && product == 1 + 0.5 * Double(calls)
    }
}

private func runCall(_ call: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let call, call.assumingMemoryBound(to: Call.self).pointee.run() else { return nil }
    return call
}

/// Counts calls, on any thread.
private final class Tally: Sendable {
    static let shared = Tally()
    let good = Atomic<Int>(0), bad = Atomic<Int>(0)

    func count(_ first: Int, _ second: Int, isIntact: Bool = true) {
        let isGood = isIntact && Call.firsts.contains(first) && second == Call.partner(of: first)
        if isGood { good.add(1, ordering: .relaxed) } else { bad.add(1, ordering: .relaxed) }
    }

    func reset() {
        good.store(0, ordering: .relaxed)
        bad.store(0, ordering: .relaxed)
    }
}

private func countInShared(_ first: Int, _ second: Int) { Tally.shared.count(first, second) }
