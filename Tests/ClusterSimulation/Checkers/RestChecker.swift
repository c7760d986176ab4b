// Responsible for: what must be true when everything has ended. Must not know: how the code under test works.

import Wire

/// When nothing is asked any more, nothing is held any more.
struct RestChecker {
    static func violation(_ status: StatusReply, samplers: Int) -> String? {
        if !status.isServing { return "at rest nobody serves: \(status.state)" }
        if status.keyValueBlocksFree != status.keyValueBlocksTotal {
            return "at rest only \(status.keyValueBlocksFree) of \(status.keyValueBlocksTotal) KV blocks are free"
        }
        if !status.requests.isEmpty { return "at rest there are \(status.requests.count) requests" }
        return samplers == 0 ? nil : "at rest the last stage holds \(samplers) sequences"
    }
}
