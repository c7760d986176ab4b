// Responsible for: what a coordinator's process needs to be trusted and to trust: its key, who is admitted, a token for its
// owner. Must not know: sockets.
import Foundation
import Sequences
import Transport

/// Made once, before the sockets are.
struct CoordinatorTrust: Sendable {
    let folder: StateFolder
    let key: KeyFile
    let admission = Admission()
    /// For nodes of this user on this machine, while the process runs.
    let ownerToken = JoinToken.random()
    let file: AdmissionsFile

    /// Makes the key at the first start. Throws where the folder is not ours alone, or cannot be written.
    init(_ folder: StateFolder) throws(TandemError) {
        self.folder = folder
        key = try KeyFile.shared("coordinator", in: folder)
        file = AdmissionsFile(folder)
    }

    var security: LinkSecurity { .keys(key.pair, admission) }

    /// Who is admitted now. Throws where the file is damaged.
    func roll() throws(TandemError) -> Roll {
        try Roll(file, admission: admission, ownerKey: ownerToken.pair.publicKey)
    }

    /// What joins workers of other hosts for a day, in place of the one that the last start on this port made.
    func printedToken(port: UInt16) throws(TandemError) -> JoinToken {
        let token = JoinToken.random()
        _ = try file.change { (admissions) throws(TandemError) in
            try admissions.add(
                token, role: .worker, uses: nil, seconds: Self.printedTokenSeconds,
                note: "printed by the coordinator on port \(port)", now: Roll.now)
        }
        return token
    }

    private static let printedTokenSeconds = 24 * 3600

    /// Lets nodes of this user find the coordinator that listens on `port`.
    func announce(_ address: String, port: UInt16) throws(TandemError) {
        try LocalCoordinator.write(
            LocalCoordinator(
                address: address, key: key.pair.publicKey.description, token: ownerToken.description,
                processID: getpid()),
            port: port, in: folder)
    }
}
