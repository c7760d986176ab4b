// Responsible for: what can be done to a cluster that its clients must not notice, as values. Must not know: how it is
// done, when it is chosen.
import Sequences

/// One thing that happens to a cluster, and is over after a while.
package struct Fault: Sendable, Equatable {
    /// The kinds of faults, as people name them.
    package enum Kind: String, Sendable, CaseIterable, Encodable {
        /// A worker is killed, and started again.
        case kill
        /// A worker stands still, and goes on.
        case stop
        /// A worker's connections carry nothing, or are closed.
        case cut
        /// A worker is told to end, does so in order, and is started again.
        case drain
        /// A worker joins that was not there before.
        case join
        /// The coordinator is killed, and started again.
        case coordinator

        /// "kill, stop and cut".
        package static func names(_ kinds: [Kind] = allCases) -> String {
            kinds.map(\.rawValue).joined(separator: ", ")
        }

        /// Kinds by their names, with commas between them. Throws where a name is none.
        package static func parse(_ list: String) throws(TandemError) -> [Kind] {
            let names = list.split(separator: ",", omittingEmptySubsequences: false).map {
                String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
            for name in names where Kind(rawValue: name) == nil {
                throw TandemError("\(.faults) has \(name), which is no fault", hint: "use some of \(self.names())")
            }
            return allCases.filter { names.contains($0.rawValue) }
        }
    }

    /// What a cut does to a worker's connections.
    package enum Cut: Sendable, Equatable {
        /// Nothing arrives; who sends learns nothing of it.
        case silent(Ways)
        /// Each connection ends, and new ones are made and end.
        case closed
    }

    /// The ways along which a silent cut carries nothing.
    package enum Ways: String, Sendable, CaseIterable { case both, toWorker, fromWorker }

    /// Whose connections with a worker are cut.
    package enum Side: String, Sendable, CaseIterable { case coordinator, neighbour, everybody }

    /// What happens, and to whom: workers count from 0.
    package enum Event: Sendable, Equatable {
        case kill(worker: Int)
        case stop(worker: Int)
        case cut(worker: Int, Cut, Side)
        case drain(worker: Int)
        case join(worker: Int)
        case coordinator
    }

    /// Counts from 1.
    package let number: Int
    package let event: Event
    /// When it begins and when what it did is undone, in seconds; nil: never.
    package let begin: Double
    package let end: Double?

    package var kind: Kind {
        switch event {
        case .kill: .kill
        case .stop: .stop
        case .cut: .cut
        case .drain: .drain
        case .join: .join
        case .coordinator: .coordinator
        }
    }

    /// Workers count from 0; nil: it is not about one.
    package var worker: Int? {
        switch event {
        case .kill(let worker), .stop(let worker), .cut(let worker, _, _), .drain(let worker), .join(let worker): worker
        case .coordinator: nil
        }
    }
}

extension Fault: CustomStringConvertible {
    package var description: String {
        let back = end.map { "back after \(Self.text($0 - begin)) s" } ?? "for good"
        let name = worker.map { "worker \($0 + 1)" } ?? ""
        switch event {
        case .kill: return "kill \(name), \(back)"
        case .stop: return "stop \(name) for \(Self.text((end ?? begin) - begin)) s"
        case .drain: return "drain \(name), \(back)"
        case .join: return end.map { "join \(name), which leaves after \(Self.text($0 - begin)) s" } ?? "join \(name)"
        case .coordinator: return "kill the coordinator, \(back)"
        case .cut(_, let cut, let side):
            let whom = side == .coordinator ? "the coordinator" : side == .neighbour ? "its neighbours" : "everybody"
            let how =
                switch cut {
                case .closed: "closing connections"
                case .silent(.both): "in silence"
                case .silent(.toWorker): "in silence, one way: to it"
                case .silent(.fromWorker): "in silence, one way: from it"
                }
            return "cut \(name) from \(whom) for \(Self.text((end ?? begin) - begin)) s, \(how)"
        }
    }

    private static func text(_ seconds: Double) -> String {
        let hundredths = Int((seconds * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
