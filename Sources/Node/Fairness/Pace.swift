// Responsible for: how often a peer may say what takes the coordinator's time. Must not know: what comes of it.
import Cluster
import Transport

/// Of each kind a peer may say some at once, and then so many a second. Where links are open nobody is known, and nothing
/// is counted.
struct Pace {
    /// What costs something each time.
    enum Kind: Hashable {
        /// May change what is planned.
        case join
        /// Writes a file of all members, while everything else waits.
        case enrol
        /// Lists everything there is.
        case status
        /// Sends some MiB over every link.
        case measure
        /// Looks for the best of many plans.
        case plan

        /// At once, and a second.
        var allowance: (burst: Double, perSecond: Double) {
            switch self {
            case .join: (32, 4)
            case .enrol: (32, 1)
            case .status: (400, 100)
            case .measure: (8, 0.2)
            case .plan: (16, 2)
            }
        }
    }

    private struct Speaker: Hashable {
        let key: PublicKey
        let kind: Kind
    }

    /// What is left of allowances, and when that was; as many at most as keys are admitted.
    private var rests: [Speaker: (rest: Double, at: Moment)] = [:]
    /// With more, those that have all of theirs again are forgotten.
    private static let most = 4096

    /// Whether a message may be acted on; if so, it is counted.
    mutating func allows(_ kind: Kind, _ arrival: Arrival, _ now: Moment) -> Bool {
        guard let key = arrival.key else { return true }
        return allows(kind, key, now)
    }

    /// The same, of a key.
    mutating func allows(_ kind: Kind, _ key: PublicKey, _ now: Moment) -> Bool {
        if rests.count >= Self.most {
            rests = rests.filter { Self.rest(of: $0.key.kind, $0.value, now) < $0.key.kind.allowance.burst }
        }
        let speaker = Speaker(key: key, kind: kind)
        let rest = rests[speaker].map { Self.rest(of: kind, $0, now) } ?? kind.allowance.burst
        guard rest >= 1 else { return false }
        rests[speaker] = (rest - 1, now)
        return true
    }

    private static func rest(of kind: Kind, _ known: (rest: Double, at: Moment), _ now: Moment) -> Double {
        min(kind.allowance.burst, known.rest + (now - known.at) / .seconds(1) * kind.allowance.perSecond)
    }
}
