// Responsible for: what the owner of a coordinator does with tokens and members, from a command line. Must not know: flags,
// how it is printed.
import Foundation
import Sequences
import Transport

/// Works on the files of a state folder. A coordinator that runs has noticed a change when the call returns, unless it has
/// too much to do.
package struct TokenOffice: Sendable {
    private let folder: StateFolder
    private let file: AdmissionsFile

    /// Where nobody has named a folder, and this user's own has never had a coordinator, but the system's is this user's
    /// to change, that one is meant.
    package init(_ folder: StateFolder) {
        let isOwn = access(folder.path(of: "coordinator.key"), F_OK) == 0 || folder != StateFolder(nil)
        self.folder = !isOwn && access(StateFolder.ofSystem.path, W_OK | X_OK) == 0 ? .ofSystem : folder
        file = AdmissionsFile(self.folder)
    }

    /// The line that uses a token, and the token's record.
    package struct Made: Sendable {
        package let line: JoinAddress
        package let token: Admissions.Token
    }

    /// Makes a token. `coordinator`: where it is reached; nil: as the coordinator that runs has said. `seconds`: for how
    /// long; nil: for ever. Throws where no coordinator runs and no place is given.
    package func create(
        role: NodeRole, uses: Int?, seconds: Int?, coordinator: String?
    ) throws(TandemError) -> Made {
        let running = LocalCoordinator.all(in: folder)
        let place: String
        if let coordinator {
            place = coordinator
        } else if running.count == 1 {
            place = running[0].address
        } else {
            throw TandemError(
                running.isEmpty
                    ? "no coordinator of the state folder \(folder.path) runs"
                    : "\(running.count) coordinators of the state folder \(folder.path) run",
                kind: .unavailable, hint: "start one, or say where it will be with \(.coordinator) HOST:PORT")
        }
        var line = try JoinAddress(parsing: place, .coordinator)
        line.key = try KeyFile.shared("coordinator", in: folder).pair.publicKey
        let token = JoinToken.random()
        line.token = token
        let record = try file.change { (admissions) throws(TandemError) in
            try admissions.add(token, role: role, uses: uses, seconds: seconds, now: Roll.now)
        }
        waitForNotice()
        return Made(line: line, token: record)
    }

    /// The tokens that still admit somebody.
    package func tokens() throws(TandemError) -> [Admissions.Token] {
        try file.read().tokens.filter { $0.isValid(at: Roll.now) }
    }

    /// Takes a token back. Throws where there is none of this id.
    package func revoke(_ id: String) throws(TandemError) {
        let isThere = try file.change { (admissions) throws(TandemError) in admissions.revoke(id) }
        guard isThere else {
            throw TandemError("there is no token \(id)", kind: .notFound, hint: "`tandem token list` shows them")
        }
        waitForNotice()
    }

    /// Who is admitted, in the order of enrolling.
    package func members() throws(TandemError) -> [Admissions.Member] { try file.read().members }

    /// Takes a member off, and back the token that admitted it. Throws where there is none of this name.
    package func remove(_ name: String) throws(TandemError) -> Admissions.Member {
        let removed = try file.change { (admissions) throws(TandemError) in admissions.remove(name, now: Roll.now) }
        guard let removed else {
            let names = try members().map(\.name)
            let meant = Spelling.nearest(to: name, among: names).map { "did you mean \($0)? " } ?? ""
            throw TandemError(
                "there is no member \(name)", kind: .notFound, hint: "\(meant)`tandem members` shows them")
        }
        waitForNotice()
        return removed
    }

    /// Lets the coordinators of the folder look at the file, so that who uses a line at once is let in.
    private func waitForNotice() {
        guard !LocalCoordinator.all(in: folder).isEmpty else { return }
        // Half as long again: a look waits for the loop's next turn.
        Thread.sleep(forTimeInterval: Double(Roll.lookMilliseconds) * 1.5 / 1000)
    }
}
