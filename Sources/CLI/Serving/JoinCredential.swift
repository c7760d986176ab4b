// Responsible for: where a worker that is not told whom to join finds it. Must not know: what the text means.
import Foundation
import Node
import Sequences

/// The join line's address among the credentials that a service manager, or a container's secrets, give a process.
enum JoinCredential {
    /// The address in `$CREDENTIALS_DIRECTORY/join`, which may be the whole line that a coordinator printed; where that is
    /// blank or not there, the coordinator that was joined last, else that of this machine. Throws where it cannot be read.
    static func text(
        _ state: StateFolder, in environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(TandemError) -> String {
        if let folder = environment["CREDENTIALS_DIRECTORY"], let address = try read(folder + "/join") {
            return address
        }
        return try KnownCoordinators(state).last() ?? CoordinatorOptions.defaultListen
    }

    /// nil: there is no file, or it is blank.
    private static func read(_ path: String) throws(TandemError) -> String? {
        guard access(path, F_OK) == 0 else { return nil }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw TandemError("\(path) cannot be read", kind: .forbidden, hint: "look at its owner and mode")
        }
        let words = text.split(whereSeparator: \.isWhitespace)
        if words.isEmpty { return nil }
        let flag = words.firstIndex(of: "--join").map { words.index(after: $0) }
        guard let address = words[(flag ?? 0)...].first else {
            throw TandemError(
                "\(path) names no address behind \(.join)", hint: "put the line there that `tandem token create` prints"
            )
        }
        return String(address)
    }
}
