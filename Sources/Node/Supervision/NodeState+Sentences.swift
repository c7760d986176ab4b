// Responsible for: what a coordinator and a worker say of themselves in a line. Must not know: who reads it.
import Cluster
import Sequences
import Transport
import Wire

extension NodeState {
    /// Of a coordinator.
    init(_ summary: ServiceSummary, model: String, isStopping: Bool) {
        isReady = summary.obstacle == nil && !isStopping
        let requests = "\(summary.running) running, \(summary.waiting) waiting"
        if isStopping {
            sentence = "stopping; requests: \(requests)"
        } else if let obstacle = summary.obstacle {
            sentence = "\(obstacle.description); requests: \(requests)"
        } else {
            let workers = "\(summary.workers) worker\(summary.workers == 1 ? "" : "s")"
            sentence = "serving \(model) on \(workers); requests: \(requests)"
        }
    }

    /// Of a worker.
    init<Input, Output>(_ worker: Worker<Input, Output>, coordinator: Endpoint) {
        isReady = worker.isMember
        guard isReady else {
            sentence = "trying to join \(coordinator)"
            return
        }
        let layers = worker.assignments.first.map { "\($0.layers.lowerBound)-\($0.layers.upperBound - 1)" }
        switch (layers, worker.isLoaded) {
        case (nil, _): sentence = "joined \(coordinator); has no layers yet"
        case (let layers?, false): sentence = "joined \(coordinator); loads layers \(layers)"
        case (let layers?, true): sentence = "joined \(coordinator); computes layers \(layers)"
        }
    }
}
