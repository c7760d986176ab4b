// Responsible for: how many cores there are to compute on.
// Must not know: who asks.

import CThreads

/// The cores that this process may run on.
package enum UsableCores {
    /// How many: cpusets and taskset count, quotas of time do not.
    package static var count: Int { tk_allowed_cores() }
}
