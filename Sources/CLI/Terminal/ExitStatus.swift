// Responsible for: the statuses that commands end with, the same for all of them. Must not know: any command.
import ArgumentParser
import Sequences

/// What a command ends with, beside 0. Numbers from 64 on are those of <sysexits.h>.
enum ExitStatus: Int32 {
    /// Whatever no other says.
    case failure = 1
    /// Flags or their values.
    case usage = 2
    /// `status`: the cluster does not serve.
    case notServing = 3
    /// EX_NOINPUT: there is no such model.
    case notFound = 66
    /// EX_UNAVAILABLE: no coordinator answers.
    case unreachable = 69
    /// EX_TEMPFAIL: the same may succeed later.
    case busy = 75
    /// EX_NOPERM: the system, or somebody else, does not allow it.
    case forbidden = 77
    /// EX_CONFIG: a setting in a file or in the environment.
    case settings = 78
    /// Ctrl-C ended an answer or a measurement: 128 + SIGINT.
    case interrupted = 130

    /// Of a failure. `isOfSetting`: the value that is wrong comes from a file or the environment.
    init(_ failure: TandemError, isOfSetting: Bool = false) {
        self =
            switch failure.kind {
            case .invalid where isOfSetting: .settings
            case .invalid: failure.field == nil ? .failure : .usage
            case .notFound: .notFound
            case .overloaded: .busy
            // A coordinator that said so was reached.
            case .unavailable: failure.isReply ? .failure : .unreachable
            case .forbidden: .forbidden
            case .cancelled, .internal: .failure
            }
    }

    /// What a command throws to end with this status and without a further word.
    var code: ExitCode { ExitCode(rawValue) }
}
