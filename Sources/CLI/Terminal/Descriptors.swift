// Responsible for: as many descriptors for this process as it may have, and those it cannot do without before others take
// them. Must not know: what they are for.
import Foundation
import Sequences

enum Descriptors {
    /// With fewer no node can listen, and libzmq or libdispatch would end the process without a word.
    private static let fewest = 48

    /// Raises the limit as far as the system allows. Throws where that is too little.
    static func prepare() throws(TandemError) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            _ = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        guard limit.rlim_cur >= Self.fewest else {
            throw TandemError(
                "this process may open \(limit.rlim_cur) files and connections at once, but needs at least \(fewest)",
                hint: "raise the limit: `ulimit -n 1024`, or LimitNOFILE= of the unit")
        }
    }

    /// libdispatch makes a descriptor for each of its clocks when somebody first sleeps by it, and traps where there is none
    /// left: so that is now.
    static func holdClocks() async {
        try? await ContinuousClock().sleep(for: .nanoseconds(1))
        try? await SuspendingClock().sleep(for: .nanoseconds(1))
    }
}
