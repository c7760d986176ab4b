// Responsible for: an order of workers in which each can reach the next. Must not know: how layers are split, why one
// cannot reach another.

import Wire

/// A search over orders, and over fewer workers where no order of all will do. nil stands for the coordinator, from which
/// steps come and to which results go.
struct StageOrder {
    /// Plans that are tried at most, and orders of the same workers.
    private static let mostPlans = 256
    private static let mostOrders = 24
    private static let mostSteps = 20_000
    /// Of more workers than these one is left out at most.
    private static let smallCount = 8

    /// Whether steps get from one to the other.
    let reaches: (WorkerID?, WorkerID?) -> Bool

    /// Whether every link of a plan carries.
    func carries(_ plan: Plan) -> Bool {
        let nodes = [nil] + plan.stages.map { Optional($0.worker) } + [nil]
        return zip(nodes, nodes.dropFirst()).allSatisfy { reaches($0, $1) }
    }

    /// The first plan found whose links all carry: with as many of the candidates as possible, as near to their order as
    /// possible. nil: there is none.
    func plan(_ candidates: [Planner.Candidate], by make: ([Planner.Candidate]) -> Plan?) -> Plan? {
        if let plan = make(candidates), carries(plan) { return plan }
        var plans = Self.mostPlans
        let fewest = candidates.count > Self.smallCount ? candidates.count - 1 : 1
        for size in stride(from: candidates.count, through: fewest, by: -1) {
            for chosen in Self.choices(of: size, among: candidates.count) {
                for order in orders(chosen.map { candidates[$0] }) {
                    guard plans > 0 else { return nil }
                    plans -= 1
                    if let plan = make(order), carries(plan) { return plan }
                }
            }
        }
        return nil
    }

    /// `size` of the numbers below `count`, those that leave out the last first.
    private static func choices(of size: Int, among count: Int) -> [[Int]] {
        if size == 0 { return [[]] }
        if size > count { return [] }
        let without = choices(of: size, among: count - 1)
        return without + choices(of: size - 1, among: count - 1).map { $0 + [count - 1] }
    }

    /// Orders of these in which each reaches the next, nearest to the given one first.
    private func orders(_ candidates: [Planner.Candidate]) -> [[Planner.Candidate]] {
        var found: [[Planner.Candidate]] = []
        var steps = Self.mostSteps
        var path: [Planner.Candidate] = []
        func extend(_ rest: [Planner.Candidate]) {
            guard steps > 0, found.count < Self.mostOrders else { return }
            steps -= 1
            if rest.isEmpty {
                if reaches(path.last?.worker, nil) { found.append(path) }
                return
            }
            for (index, candidate) in rest.enumerated() where reaches(path.last?.worker, candidate.worker) {
                var others = rest
                others.remove(at: index)
                path.append(candidate)
                extend(others)
                path.removeLast()
            }
        }
        extend(candidates)
        return found
    }
}
