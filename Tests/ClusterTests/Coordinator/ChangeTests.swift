// Responsible for: how a coordinator lets another plan take the place of the one that serves, without a break. Must not
// know: sockets, tensors.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite struct ChangeTests {
    /// One worker that serves, with a request under way; the second is about to join.
    private func serving(memory: UInt64 = 10_000) -> Played {
        var configuration = Example.configuration()
        configuration.changesWhileServing = true
        configuration.guesses = false
        var played = Played(configuration)
        played.join(1, memory: memory)
        played.ready()
        played.tell(.submit(Example.task(1, prompt: 12, maximumTokens: 40)))
        return played
    }

    /// The steps that are in flight are complete.
    private func answer(_ forwards: [Forward], _ played: inout Played) -> [Coordinator.Action] {
        forwards.flatMap { played.tell(.stepResult(Example.result(of: $0))) }
    }

    private func sent(_ message: CoordinatorMessage, to number: UInt64) -> Coordinator.Action {
        .send(WorkerID(number), message)
    }

    @Test(
        "A worker that joins gets layers under load: steps go on until all is copied, and then as steps of the new plan"
    )
    func join() {
        var played = serving()
        let flying = played.actions.forwards
        let epoch = played.epoch
        played.join(2)
        let assigns = played.actions.assigns
        #expect(assigns.map(\.layers) == [0..<3, 3..<6])
        #expect(assigns.allSatisfy { $0.isBeside && $0.epoch == epoch.next })
        #expect(assigns.map(\.keptSince) == [[epoch, epoch, epoch], []])
        #expect(assigns.map(\.copied) == [[], [CopySource(layers: 3..<6, worker: WorkerID(1))]])
        #expect(!played.actions.contains(sent(.standby(epoch.next), to: 1)))
        let more = answer(flying, &played).forwards
        #expect(more.map(\.epoch) == [epoch])
        let status = played.coordinator.status(now: played.now)
        #expect(status.isServing && status.epoch == epoch)
        #expect(status.change?.phase == .loading)
        #expect(status.change?.stages.map(\.endLayer) == [3, 6])

        // Ready, with one block that is not full: no step is sent any more.
        played.ready(hasKept: true)
        #expect(played.actions.forwards.isEmpty && played.actions.copies.isEmpty)
        #expect(played.coordinator.status(now: played.now).change?.phase == .fencing)
        let copies = answer(more, &played).copies
        #expect(played.actions.forwards.isEmpty)
        #expect(
            copies == [
                CopyBlocks(
                    epoch: epoch.next, number: 1, target: WorkerID(2), endpoint: "tcp://192.0.2.2:1", key: nil,
                    layers: 3..<6, blocks: [BlockExtent(block: 0, positions: 13)])
            ])
        let copied = Copied(epoch: epoch.next, number: 1, source: WorkerID(1))
        let switched = played.tell(.worker(WorkerID(2), .copied(copied)))
        #expect(switched.contains(sent(.drop(epoch), to: 1)))
        #expect(switched.contains(.disconnectFirstStage(epoch)))
        #expect(switched.forwards.map(\.epoch) == [epoch.next])
        #expect(switched.forwards.first?.items.first?.position == 13)
        #expect(switched.forwards.first?.items.first?.begin?.history.count == 13)
        #expect(played.coordinator.status(now: played.now).change == nil)
        #expect(played.coordinator.samplingWorker == WorkerID(2))
        // What both hold now is known: nothing would be computed again.
        let holders = played.coordinator.holders
        #expect(
            holders.keeping(for: played.coordinator.deployments.all[0].plan).map(\.layers) == [
                [epoch, epoch, epoch], [epoch.next, epoch.next, epoch.next],
            ])
    }

    @Test("Those who join at about the same time come into the next plan together")
    func together() {
        var configuration = Example.configuration()
        configuration.changesWhileServing = true
        (configuration.joinersFollowWithin, configuration.joinersAwaitedFor) = (.milliseconds(300), .seconds(2))
        var played = Played(configuration)
        played.join(1)
        played.ready()
        played.tell(.submit(Example.task(1, prompt: 12, maximumTokens: 40)))
        let epoch = played.epoch
        played.join(2)
        #expect(played.actions.assigns.isEmpty)
        #expect(played.pass(250, alive: [1, 2]).assigns.isEmpty)
        played.tell(.worker(WorkerID(3), .join(Example.join(3))))
        // One that has not found out what it can reach is awaited for a while.
        #expect(played.pass(1_000, alive: [1, 2, 3]).assigns.isEmpty)
        let assigns = played.reach(3).assigns
        #expect(assigns.map(\.layers) == [0..<2, 2..<4, 4..<6])
        #expect(assigns.allSatisfy { $0.isBeside && $0.epoch == epoch.next })
        played.tell(.worker(WorkerID(4), .join(Example.join(4))))
        #expect(played.coordinator.deployments.preparing?.epoch == epoch.next)
    }

    @Test("Before its first step a stage with copied keys and values is told what is in them, and no other is")
    func texts() throws {
        var configuration = Example.configuration()
        configuration.changesWhileServing = true
        configuration.guesses = false
        configuration.modelHash = ContentHash(Array(repeating: 3, count: ContentHash.byteCount))
        var played = Played(configuration)
        played.join(1)
        played.tell(.worker(WorkerID(1), .holding(Holding())))
        played.ready()
        played.tell(.submit(Example.task(1, prompt: 40, maximumTokens: 20)))
        var flying = played.actions.forwards
        for _ in 0..<4 { flying = answer(flying, &played).forwards }
        let epoch = played.epoch
        played.join(2)
        played.ready(hasKept: true)
        var (copies, switched) = (played.actions.copies, [Coordinator.Action]())
        var texts: [(place: Int, worker: WorkerID, holding: Holding)] = []
        flying += played.actions.forwards
        for _ in 0..<10 where texts.isEmpty {
            switched = answer(flying, &played)
            for order in copies {
                let copied = Copied(epoch: epoch.next, number: order.number, source: WorkerID(1))
                switched += played.tell(.worker(WorkerID(2), .copied(copied)))
            }
            (flying, copies) = (switched.forwards, switched.copies)
            texts = switched.enumerated().compactMap { place, action in
                if case .send(let worker, .texts(epoch.next, let holding)) = action {
                    (place, worker, holding)
                } else {
                    nil
                }
            }
        }
        let (place, worker, holding) = try #require(texts.first)
        #expect(texts.count == 1 && worker == WorkerID(2) && holding.layers == 3..<6)
        let step = switched.firstIndex { action in
            if case .forward(let forward) = action { forward.epoch == epoch.next } else { false }
        }
        #expect(place < step ?? 0)
        let position = try #require(switched.forwards.first { $0.epoch == epoch.next }?.items.first?.position)
        #expect(holding.keyValueBlockCount == 8 && holding.blocks.count == 2)
        let first = try #require(holding.blocks.first { $0.parent == nil })
        let second = try #require(holding.blocks.first { $0.parent == first.block })
        #expect(first.tokens == (0..<32).map { Int32($0) } && second.restartLength == 40)
        #expect(second.tokens.count == position - 32 && second.tokens.starts(with: (32..<40).map { Int32($0) }))
    }

    @Test("Links of the new plan that are not proven, and answers to other orders, let nothing begin")
    func early() {
        var played = serving()
        let flying = played.actions.forwards
        let epoch = played.epoch
        played.join(2)
        for number: UInt64 in [1, 2] {
            let ready = Ready(epoch: epoch.next, transferredBytes: 0, cachedBytes: 0, hasKept: true)
            played.tell(.worker(WorkerID(number), .ready(ready)))
        }
        #expect(answer(flying, &played).forwards.map(\.epoch) == [epoch])
        #expect(played.coordinator.copying == nil)
        played.ready(hasKept: true)
        #expect(played.coordinator.copying != nil)
        for wrong in [
            Copied(epoch: epoch, number: 1, source: WorkerID(1)),
            Copied(epoch: epoch.next, number: 1, source: WorkerID(2)),
        ] {
            #expect(played.tell(.worker(WorkerID(2), .copied(wrong))).forwards.isEmpty)
        }
        #expect(played.coordinator.deployments.serving?.epoch == epoch)
    }

    @Test("A newcomer that is lost meanwhile leaves what serves as it is, at whatever moment")
    func newcomerLost() {
        for isReady in [false, true] {
            var played = serving()
            var flying = played.actions.forwards
            let epoch = played.epoch
            played.join(2)
            if isReady { played.ready(hasKept: true) }
            flying = answer(flying, &played).forwards
            #expect(flying.isEmpty == isReady)
            let lost = played.tell(.disconnected(WorkerID(2)))
            #expect(lost.contains(sent(.drop(epoch.next), to: 1)))
            #expect(lost.contains(.disconnectFirstStage(epoch.next)))
            #expect((flying + lost.forwards).map(\.epoch) == [epoch])
            #expect(played.coordinator.status(now: played.now).isServing)
            #expect(lost.assigns.isEmpty)
        }
    }

    @Test("A load that fails beside the stage that computes is tried again after a while, and nobody is set aside")
    func loadFailure() {
        var played = serving()
        let flying = played.actions.forwards
        let epoch = played.epoch
        played.join(2)
        let failure = LoadFailure(epoch: epoch.next, message: "no memory")
        let failed = played.tell(.worker(WorkerID(1), .failed(failure)))
        #expect(failed.contains(sent(.drop(epoch.next), to: 2)))
        #expect(failed.assigns.isEmpty)
        #expect(played.coordinator.deployments.serving?.epoch == epoch)
        #expect(played.coordinator.membership.eligible.count == 2)
        played.tell(.cancel(RequestID(1)))
        _ = answer(flying, &played)
        #expect(played.pass(4_000, alive: [1, 2]).assigns.isEmpty)
        #expect(played.pass(2_500, alive: [1, 2]).assigns.map(\.isBeside) == [true, true])
    }

    @Test("A stage that has not what it shares with the one that computes is given up; so is one that gets no blocks")
    func notKept() {
        var played = serving()
        let flying = played.actions.forwards
        let epoch = played.epoch
        played.join(2)
        let ready = Ready(epoch: epoch.next, transferredBytes: 0, cachedBytes: 0, hasKept: false)
        let given = played.tell(.worker(WorkerID(1), .ready(ready)))
        #expect(given.contains(sent(.drop(epoch.next), to: 2)))
        var other = serving()
        other.join(2)
        other.ready(hasKept: true)
        _ = answer(flying, &other)
        #expect(!other.actions.copies.isEmpty)
        #expect(other.pass(4_750, alive: [1, 2]).forwards.isEmpty)
        let gone = other.pass(500, alive: [1, 2])
        #expect(gone.contains(sent(.drop(epoch.next), to: 1)))
        #expect(gone.forwards.map(\.epoch) == [epoch])
    }

    @Test("A worker that serves and is lost ends both plans: blocks that were copied count for nothing")
    func serviceLost() {
        var played = serving()
        let first = played.epoch
        played.join(2)
        played.ready(hasKept: true)
        let lost = played.tell(.disconnected(WorkerID(1)))
        #expect(lost.contains(sent(.drop(first.next), to: 2)))
        #expect(lost.assigns.map(\.layers) == [0..<6])
        #expect(lost.assigns.allSatisfy { !$0.isBeside && $0.keptSince.isEmpty && $0.epoch > first.next })
        played.ready()
        #expect(played.actions.forwards.first?.items.first?.position == 0)
    }

    @Test("Where both stages do not fit into a worker, the plan waits until nothing is computed, and says so")
    func memory() {
        var played = serving(memory: 740)
        let flying = played.actions.forwards
        played.join(2, memory: 740)
        #expect(played.actions.assigns.isEmpty)
        let state = played.coordinator.status(now: played.now).state
        #expect(state.contains("waits until nothing is computed"), "\(state)")
        var next = answer(flying, &played).forwards
        while !next.isEmpty { next = answer(next, &played).forwards }
        let later = played.actions.assigns + played.pass(2_000, alive: [1, 2]).assigns
        #expect(later.map(\.layers) == [0..<3, 3..<6])
        #expect(later.allSatisfy { !$0.isBeside })
    }

    @Test("A plan that is hardly faster is not worth a change while answers are computed")
    func gain() {
        var configuration = Example.configuration()
        configuration.changesWhileServing = true
        configuration.leastGain = 1.5
        var played = Played(configuration)
        played.join(1)
        played.ready()
        played.tell(.submit(Example.task(1, prompt: 12, maximumTokens: 40)))
        played.join(2)
        #expect(played.actions.assigns.isEmpty)
        let idle = played.tell(.cancel(RequestID(1))).assigns + played.pass(1_250, alive: [1, 2]).assigns
        #expect(idle.map(\.isBeside) == [true, true])
    }

    @Test("A worker that a quota slows gives its layers to the others, though most of its steps are as short as ever")
    func quota() {
        var configuration = Example.configuration(contextLength: 4096)
        configuration.changesWhileServing = true
        configuration.guesses = false
        var played = Played(configuration)
        played.join(1, 2, 3)
        played.ready()
        #expect(played.plan.map(\.worker) == [1, 2, 3])
        var forwards = played.tell(.submit(Example.task(1, prompt: 4, maximumTokens: 4000))).forwards
        var (step, slowSince, assigns) = (0, Moment.start, [Assign]())
        while step < 3000, assigns.isEmpty, let forward = forwards.first {
            step += 1
            if step == 300 { slowSince = played.now }
            var times = played.plan.map { UInt64($0.layers.count) * 1_000 }
            if step > 300, step % 10 == 0 { times[1] += 85_000 }
            let whole = times.reduce(0, +)
            var result = Example.result(of: forward)
            result.timings =
                times.map { StageMicroseconds(wire: 10, compute: $0) } + [.init(wire: 10, wait: whole + 200)]
            let passed = played.pass(whole / 1_000, alive: [1, 2, 3])
            let answered = played.tell(.stepResult(result))
            assigns = (passed + answered).assigns
            forwards = (passed + answered).forwards
        }
        let time = played.now - slowSince
        #expect(time >= .seconds(10) && time < .seconds(15), "\(time), \(step) steps")
        #expect(assigns.allSatisfy { $0.isBeside })
        #expect(played.plan.map(\.worker) == [1, 3])
    }

    @Test("Another plan is due once it has been faster for long enough, and then for a while no other")
    func imbalance() {
        var changes = PlanChanges()
        func due(_ isUnbalanced: Bool, at seconds: Int) -> Bool {
            changes.note(
                isUnbalanced: isUnbalanced, for: .seconds(10), atMostEvery: .seconds(60),
                .milliseconds(seconds * 1_000))
        }
        #expect(!due(true, at: 1))
        #expect(!due(true, at: 10))
        #expect(!due(false, at: 11))
        #expect(!due(true, at: 12))
        #expect(due(true, at: 22))
        #expect(!due(true, at: 23))
        #expect(!due(true, at: 81))
        #expect(due(true, at: 82))
    }

    @Test("What came to nothing is tried again after ever longer times, and another plan at once")
    func retries() {
        var changes = PlanChanges()
        let plan = Plan(stages: [.init(worker: WorkerID(1), layers: 0..<6)], blockCount: 8)
        let other = Plan(stages: [.init(worker: WorkerID(2), layers: 0..<6)], blockCount: 8)
        changes.noteAbandoned(plan, isFault: true, .start)
        #expect(!changes.allows(plan, .milliseconds(4_999)))
        #expect(changes.allows(plan, .milliseconds(5_000)))
        #expect(changes.allows(other, .start))
        changes.noteAbandoned(plan, isFault: true, .milliseconds(5_000))
        #expect(!changes.allows(plan, .milliseconds(14_999)))
        #expect(changes.allows(plan, .milliseconds(15_000)))
        changes.noteAbandoned(other, isFault: false, .milliseconds(5_000))
        #expect(changes.allows(other, .milliseconds(5_000)))
    }
}
