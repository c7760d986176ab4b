// Responsible for: which plan a preview shows, what of it moves, and that it is carried out when that is asked for. Must not know:
// how plans are chosen.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct PreviewTests {
    private func played(_ workers: Int) -> Played {
        var played = Played()
        for number in 1...UInt64(workers) { played.join(number) }
        played.ready()
        return played
    }

    private func preview(
        _ played: Played, without: [String] = [], workers: Int? = nil, memory: UInt64 = 0, applied: Bool = false
    ) -> Result<PlanPreview, TandemError> {
        var query = PlanQuery()
        (query.without, query.workerCount, query.memoryBytes) = (without, workers, memory)
        query.isApplied = applied
        return played.coordinator.preview(query, now: played.now)
    }

    private func layers(_ result: Result<PlanPreview, TandemError>) -> [String] {
        guard case .success(let preview) = result else { return [] }
        return preview.stages.map { stage in
            "\(stage.worker.map { "\($0.value)" } ?? stage.name): \(stage.layers.lowerBound)-\(stage.layers.upperBound - 1)"
        }
    }

    private func refusal(_ result: Result<PlanPreview, TandemError>) -> String {
        if case .failure(let error) = result { error.description } else { "" }
    }

    @Test("As things are, it is the plan that serves, and nothing moves")
    func same() throws {
        let preview = try preview(played(2)).get()
        #expect(preview.isServing && preview.move == PlanPreview.Move() && preview.idle.isEmpty)
        #expect(preview.stages.map(\.layers) == [0..<3, 3..<6] && preview.blockCount > 0)
        #expect(preview.serving == preview.figures && preview.figures.oneAnswer > 0)
        #expect(preview.stages[1].weightBytes == 350 && preview.stages[1].memoryBytes == 10_000)
        #expect(preview.stages[0].decodingMicroseconds < preview.stages[1].decodingMicroseconds)
    }

    @Test("Without a worker the others have its layers; what they lack, and blocks of layers that change hands, move")
    func without() throws {
        var played = played(3)
        played.tell(.submit(Example.task(1, prompt: 40)))
        let result = preview(played, without: ["2"])
        #expect(layers(result) == ["1: 0-2", "3: 3-5"])
        let preview = try result.get()
        #expect(preview.stages.map(\.fetchedBytes) == [100, 100] && preview.move.weightBytes == 200)
        #expect(preview.move.blocks == 2 && preview.move.keyValueBytes == 4)
        #expect(!preview.isServing && preview.serving != nil)
        #expect(refusal(self.preview(played, without: ["host-x"])).contains("without is host-x, but no worker"))
        #expect(refusal(self.preview(played, without: ["1", "2", "3"])).contains("waiting for workers"))
    }

    @Test("Imagined workers have layers as those have that are there; fewer are the first to join")
    func imagined() throws {
        #expect(layers(preview(played(2), workers: 3)) == ["1: 0-1", "2: 2-3", "imagined: 4-5"])
        #expect(layers(preview(played(2), workers: 1)) == ["1: 0-5"])
        // What is imagined offers too little for two layers.
        #expect(layers(preview(played(1), workers: 2, memory: 180)) == ["1: 0-4", "imagined: 5-5"])
        let nobody = Played()
        #expect(refusal(preview(nobody, workers: 2)).contains("say with memory how much each offers"))
        #expect(layers(preview(nobody, workers: 2, memory: 10_000)) == ["imagined: 0-2", "imagined: 3-5"])
        #expect(refusal(preview(played(1), workers: 2, applied: true)).contains("only 1 are there"))
        #expect(refusal(preview(nobody, workers: 2, memory: 300)).contains("missing"))
    }

    @Test("A plan that is asked for is carried out once nothing is computed, and stays until somebody comes")
    func applied() {
        var played = played(3)
        played.tell(.submit(Example.task(1)))
        var query = PlanQuery()
        (query.without, query.isApplied) = (["2"], true)
        #expect(played.tell(.apply(query)).assigns.isEmpty)
        let actions = played.tell(.cancel(RequestID(1)))
        #expect(actions.assigns.map(\.layers) == [0..<3, 3..<6])
        #expect(played.plan.map(\.worker) == [1, 3])
        played.ready()
        _ = played.pass(2_000, alive: [1, 2, 3])
        #expect(played.plan.map(\.worker) == [1, 3])
        let state = played.coordinator.status(now: played.now).workers[1].state
        #expect(state == "idle: the plan that was asked for leaves it out")
        played.join(4)
        #expect(played.plan.map(\.worker) == [1, 2, 3, 4])
    }

    @Test("A plan that was asked for is forgotten with a worker of it that is lost")
    func lost() {
        var played = played(3)
        var query = PlanQuery()
        (query.without, query.isApplied) = (["2"], true)
        played.tell(.apply(query))
        #expect(played.plan.map(\.worker) == [1, 3])
        played.ready()
        played.tell(.disconnected(WorkerID(3)))
        #expect(played.plan.map(\.worker) == [1, 2])
    }

    @Test("What is not to be carried out changes nothing")
    func shown() {
        var played = played(2)
        var query = PlanQuery()
        query.without = ["2"]
        #expect(played.tell(.apply(query)).assigns.isEmpty)
    }
}
