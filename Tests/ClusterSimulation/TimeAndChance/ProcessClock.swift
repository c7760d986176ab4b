// Responsible for: the clock of one simulated process, and the machines' form of times: the one place where simulated
// milliseconds become what machines are told, and back. Must not know: whose clock it is.

import Cluster

/// Begins with its process, as a shell's clock does.
struct ProcessClock {
    private let start: UInt64

    /// Of a process that begins at this time of the world.
    init(start: UInt64) { self.start = start }

    /// What a machine is told when it is `now` in the world.
    func reading(_ now: UInt64) -> Moment { .milliseconds(now - start) }

    /// When in the world a machine's deadline is: the first millisecond that is not before it.
    func moment(_ deadline: Moment) -> UInt64 {
        let count = (deadline - .start).wholeMilliseconds
        return start + count + (reading(start + count) < deadline ? 1 : 0)
    }
}
