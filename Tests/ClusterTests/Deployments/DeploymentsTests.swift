// Responsible for: plans under way as values, also two at once. Must not know: members, requests.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct DeploymentsTests {
    private let first = Plan(
        stages: [.init(worker: WorkerID(1), layers: 0..<3), .init(worker: WorkerID(2), layers: 3..<6)], blockCount: 8)
    private let second = Plan(
        stages: [.init(worker: WorkerID(2), layers: 0..<2), .init(worker: WorkerID(3), layers: 2..<6)], blockCount: 8)

    private func ready(_ deployment: Deployment, _ deployments: inout Deployments, _ now: Moment = .start) -> Epoch? {
        var serving: Epoch?
        for stage in deployment.stages {
            let ready = Ready(epoch: deployment.epoch, transferredBytes: 0, cachedBytes: 0)
            _ = deployments.note(ready, of: stage.worker, now)
            _ = deployments.note(.proven(bytesPerSecond: 0), from: stage.worker, deployment.epoch)
        }
        serving = deployments.note(.proven(bytesPerSecond: 0), from: nil, deployment.epoch)?.epoch
        return serving
    }

    /// One plan that serves, and one that is being prepared.
    private func two() -> (deployments: Deployments, serving: Deployment, preparing: Deployment) {
        var deployments = Deployments(Example.configuration(), now: .start)
        let serving = deployments.prepare(first, .start)
        #expect(ready(serving, &deployments) == serving.epoch)
        let preparing = deployments.prepare(second, .start)
        return (deployments, serving, preparing)
    }

    private func heartbeat(_ epoch: Epoch, steps: UInt64) -> WorkerHeartbeat {
        var heartbeat = WorkerHeartbeat()
        heartbeat.epoch = epoch
        heartbeat.stepsCompleted = steps
        return heartbeat
    }

    @Test("While one plan is prepared another serves, and what is said of one epoch changes nothing of the other")
    func twoAtOnce() {
        var (deployments, serving, preparing) = two()
        #expect(preparing.epoch == serving.epoch.next)
        #expect(deployments.all.map(\.epoch) == [serving.epoch, preparing.epoch])
        #expect(deployments.explanation([]) == nil)
        // Worker 2 is in both.
        let loading = Loading(epoch: preparing.epoch, bytesDone: 1, bytesTotal: 2)
        deployments.note(loading, of: WorkerID(2), .milliseconds(7))
        deployments.note(heartbeat(serving.epoch, steps: 5), of: WorkerID(2), .milliseconds(9))
        #expect(deployments[preparing.epoch]?.stage(of: WorkerID(2))?.readiness == .loading(loading))
        #expect(deployments[preparing.epoch]?.stage(of: WorkerID(2))?.stepsCompleted == 0)
        #expect(deployments[preparing.epoch]?.lastProgress == .milliseconds(7))
        #expect(deployments[serving.epoch]?.stage(of: WorkerID(2))?.readiness == .ready)
        #expect(deployments[serving.epoch]?.stage(of: WorkerID(2))?.stepsCompleted == 5)
        #expect(deployments[serving.epoch]?.lastProgress == .milliseconds(9))
    }

    @Test("The plan that was prepared takes the place of the one that serves when its last stage is ready")
    func takeOver() {
        var (deployments, serving, preparing) = two()
        #expect(ready(preparing, &deployments) == preparing.epoch)
        #expect(deployments.serving?.epoch == preparing.epoch)
        #expect(deployments.preparing == nil)
        #expect(deployments[serving.epoch] == nil)
        #expect(deployments.withoutServiceSince == nil)
    }

    @Test("What is prepared can be given up while the other serves on")
    func preparationLost() {
        var (deployments, serving, preparing) = two()
        deployments.giveUp(preparing.epoch, .milliseconds(5))
        #expect(deployments.all.map(\.epoch) == [serving.epoch])
        #expect(deployments.failedPreparations == 1)
        #expect(deployments.withoutServiceSince == nil)
        #expect(ready(preparing, &deployments) == nil)
        #expect(deployments.serving?.epoch == serving.epoch)
    }

    @Test("What serves can be given up while the other is prepared")
    func serviceLost() {
        var (deployments, serving, preparing) = two()
        deployments.giveUp(serving.epoch, .milliseconds(5))
        #expect(deployments.all.map(\.epoch) == [preparing.epoch])
        #expect(deployments.withoutServiceSince == .milliseconds(5))
        #expect(deployments.explanation([]) == "2 workers load the model")
        #expect(ready(preparing, &deployments) == preparing.epoch)
        #expect(deployments.withoutServiceSince == nil)
    }

    @Test("A load and steps that do not move are told each with its likeliest cause")
    func stalls() {
        var (deployments, serving, preparing) = two()
        let readyEarly = Ready(epoch: preparing.epoch, transferredBytes: 0, cachedBytes: 0)
        #expect(deployments.note(readyEarly, of: WorkerID(2), .start) == nil)
        deployments.note(heartbeat(serving.epoch, steps: 4), of: WorkerID(1), .start)
        deployments.note(heartbeat(serving.epoch, steps: 3), of: WorkerID(2), .start)
        #expect(deployments.stalls(dispatched: 4, oldest: .start, .milliseconds(4_999)).isEmpty)
        #expect(deployments.stalls(dispatched: 4, oldest: nil, .milliseconds(5_000)).isEmpty)
        let minute = Duration.seconds(60)
        #expect(
            deployments.stalls(dispatched: 4, oldest: .start, .milliseconds(60_000)) == [
                .load(WorkerID(3), minute), .steps(serving.epoch, WorkerID(2), minute),
            ])
        deployments.excuse(minute, .milliseconds(60_000))
        #expect(deployments.stalls(dispatched: 4, oldest: .start, .milliseconds(60_000)).isEmpty)
    }

    @Test("Steps that are lost on their way are missed the sooner the less they carry, and after five seconds at most")
    func smallSteps() {
        var configuration = Example.configuration()
        (configuration.smallStepStalledAfter, configuration.slowestLinkBytes) = (.milliseconds(1_250), 16_000)
        // 16 bytes a token.
        #expect(configuration.stallLimit(tokens: 0) == .milliseconds(1_250))
        #expect(configuration.stallLimit(tokens: 1_000) == .milliseconds(2_250))
        #expect(configuration.stallLimit(tokens: .max) == .seconds(5))
        var deployments = Deployments(configuration, now: .start)
        let serving = deployments.prepare(first, .start)
        #expect(ready(serving, &deployments) == serving.epoch)
        func isStalled(tokens: Int, _ milliseconds: UInt64) -> Bool {
            // At 1,000 tokens a second.
            deployments.stalls(dispatched: 4, oldest: .start, tokens: tokens, .milliseconds(milliseconds)).contains {
                if case .steps(serving.epoch, _, _) = $0 { true } else { false }
            }
        }
        #expect(!isStalled(tokens: 8, 1_249) && isStalled(tokens: 8, 1_260))
        #expect(!isStalled(tokens: 1 << 20, 4_999) && isStalled(tokens: 1 << 20, 5_000))
    }

    @Test("A worker that says that it computes, and from which nothing comes, is not waited for without end")
    func claims() {
        var (deployments, serving, _) = two()
        func stalls(at milliseconds: UInt64) -> [Deployments.Stall] {
            deployments.note(heartbeat(serving.epoch, steps: 4), of: WorkerID(1), .milliseconds(milliseconds))
            var busy = heartbeat(serving.epoch, steps: 3)
            busy.busyMilliseconds = 1
            deployments.note(busy, of: WorkerID(2), .milliseconds(milliseconds))
            return deployments.stalls(dispatched: 4, oldest: .start, .milliseconds(milliseconds)).filter {
                if case .load = $0 { false } else { true }
            }
        }
        // Two minutes for each of two stages.
        #expect(stalls(at: 239_999).isEmpty)
        #expect(stalls(at: 240_000) == [.result(serving.epoch, WorkerID(2), .seconds(240))])
    }

    @Test("Who claims to have computed more steps than were sent does not make the one behind it slow")
    func claimedSteps() {
        var (deployments, serving, _) = two()
        deployments.note(heartbeat(serving.epoch, steps: .max), of: WorkerID(1), .start)
        deployments.note(heartbeat(serving.epoch, steps: 5), of: WorkerID(2), .start)
        #expect(deployments[serving.epoch]?.slowest(dispatched: 5) == WorkerID(2))
        deployments.note(heartbeat(serving.epoch, steps: 4), of: WorkerID(1), .start)
        #expect(deployments[serving.epoch]?.slowest(dispatched: 5) == WorkerID(1))
        let three = Plan(
            stages: (0..<3).map { Plan.Share(worker: WorkerID(UInt64($0 + 1)), layers: 2 * $0..<2 * $0 + 2) },
            blockCount: 8)
        serving = deployments.prepare(three, .start)
        deployments.note(heartbeat(serving.epoch, steps: .max), of: WorkerID(1), .start)
        deployments.note(heartbeat(serving.epoch, steps: 5), of: WorkerID(2), .start)
        deployments.note(heartbeat(serving.epoch, steps: 4), of: WorkerID(3), .start)
        #expect(deployments[serving.epoch]?.slowest(dispatched: 5) == WorkerID(3))
    }
}
