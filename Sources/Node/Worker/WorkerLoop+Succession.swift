// Responsible for: which of several coordinators a worker looks for, and that what it grants is written down. Must not know: when
// it leaves one for another (Cluster/Worker).
import Cluster
import Logging
import Sequences
import Transport
import Wire

extension WorkerLoop {
    /// A coordinator that is one of several is tried for so long; and there is such a pause after one that serves nobody.
    private static let attemptTime = Duration.seconds(1)
    private static let pause = Duration.milliseconds(200)

    /// What is wrong with one coordinator is no reason to end where there is another.
    func orNext(_ body: () throws(TandemError) -> Void) throws(TandemError) {
        do throws(TandemError) { try body() } catch {
            guard coordinators.count > 1, search.hasFound else { throw error }
            parts.log.warning("\(error.message); looking for another coordinator")
            follow(nil)
        }
    }

    /// Where no connection comes about, another one may answer.
    func tryNextInTime() {
        guard coordinators.count > 1, control != nil, !isControlUp, !machine.isMember,
            now - controlSince >= Self.attemptTime
        else { return }
        coordinators.advance()
        leaveCoordinator()
    }

    /// Looks for this coordinator, or (nil) for the next one after a moment.
    func follow(_ place: CoordinatorPlace?) {
        closeCoordinatorLinks()
        leaveCoordinator()
        if let place { return coordinators.turn(to: place) }
        coordinators.advance()
        search.nextAttempt = now + Self.pause
    }

    /// It is connected to a coordinator. At the first one of its cluster it learns what it has granted there.
    func meet() throws(TandemError) {
        guard let server = control?.way.server, let key = coordinators.passage.key else { return }
        let isFirst = metCoordinators.isEmpty
        metCoordinators.insert(server)
        guard isFirst else { return }
        let all = metCoordinators.union(coordinators.passages.compactMap(\.address.key))
        let found = try GrantsFile(parts.options.state, number: key.number).read(of: all)
        metCoordinators = found.coordinators
        machine.know(found.grants)
    }

    /// What it has granted is on the disk from here on.
    func keep(_ grants: TermGrants) throws(TandemError) {
        guard let key = coordinators.passage.key else { return }
        let all = metCoordinators.union(coordinators.passages.compactMap(\.address.key))
        try GrantsFile(parts.options.state, number: key.number).write(grants, coordinators: all)
    }

    /// A candidate is whoever has the key of the connection.
    func known(_ message: CoordinatorMessage) -> CoordinatorMessage {
        guard case .candidate(var candidate) = message, let server = control?.way.server else { return message }
        candidate.key = NodeKey(server)
        return .candidate(candidate)
    }
}
