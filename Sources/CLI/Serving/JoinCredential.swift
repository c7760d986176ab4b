// Responsible for: where a worker that is a service finds whom to join. Must not know: what the text means.
import Foundation
import Sequences

/// The join line's address among the credentials that a service manager, or a container's secrets, give a process.
enum JoinCredential {
    /// `$CREDENTIALS_DIRECTORY/join`: the address, or the whole line that a coordinator printed. Throws where there is none.
    static func text(
        in environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(TandemError) -> String {
        guard let folder = environment["CREDENTIALS_DIRECTORY"] else {
            throw TandemError(
                "there is no \(.join)", hint: "give the address that the coordinator prints, as \(.join) HOST:PORT")
        }
        let path = folder + "/join"
        let words = ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(whereSeparator: \.isWhitespace)
        let flag = words.firstIndex(of: "--join").map { words.index(after: $0) }
        guard let address = words[(flag ?? 0)...].first else {
            throw TandemError(
                "\(path) is empty or not there, and there is no \(.join)",
                hint: "put the line there that the coordinator prints")
        }
        return String(address)
    }
}
