// Responsible for: counting what threads of a test do while others watch. Must not know: what is counted.
import Synchronization

/// A number of which several threads know: how much was said so far.
final class Tally: Sendable {
    private let count = Atomic<Int>(0)

    func add(_ more: Int = 1) { count.add(more, ordering: .relaxed) }
    var value: Int { count.load(ordering: .relaxed) }
}
