// Responsible for: the worker's compute thread: its stages, whose steps it runs one by one, and what a new one takes over of
// them. What takes long happens here or on a loader's thread, so that the loop thread always answers.
// Must not know: sockets, members, plans.
import Cluster
import Generation
import Inference
import ModelFile
import Sequences
import Synchronization
import Transport
import Wire

/// The state of the compute thread.
final class StageRunner {
    private let inbox: Mailbox<StageCommand>
    private let outbox: Mailbox<StageEvent>
    private let settings: StageSettings

    /// The shard of a stage that is to take the place of all there are.
    private var shard: Shard?
    /// One, or two of which the second was loaded beside the first. Oldest first.
    private var stages: [LoadedStage] = []
    /// Stages of epochs up to this one were dropped, or never will be adopted.
    private var dropped = Epoch.none
    private var input: [Float] = []
    /// Where values that are no numbers begin, as the loop thread was told last.
    private var toldOrigin: String?
    /// Since when the stages have computed nothing, by `Microseconds.monotonic`.
    private var idleSinceMicroseconds: UInt64 = 0

    init(inbox: Mailbox<StageCommand>, outbox: Mailbox<StageEvent>, settings: StageSettings) {
        (self.inbox, self.outbox, self.settings) = (inbox, outbox, settings)
    }

    /// Works until the inbox is closed.
    func run() {
        if settings.simulatedSpeed != nil { wakeThisThreadOnTime() }
        while true {
            let commands = inbox.wait()
            if commands.isEmpty && inbox.isClosed { return }
            for command in commands where !inbox.isClosed { perform(command) }
        }
    }

    private func perform(_ command: StageCommand) {
        do {
            switch command {
            case .prepare(let assign): try prepare(assign)
            case .shard(.load): try load()
            case .shard(let command): if let event = try shard?.perform(command) { outbox.tell(event) }
            case .share(let question): question.answer(share(question))
            case .adopt(let stage): adopt(stage)
            case .compute(let forward, let arrival): try compute(forward, arrival)
            case .endSequences(let sequences, let epoch):
                let stage = stages.first { $0.epoch == epoch }
                for sequence in sequences { stage?.computer.end(sequence.value) }
            case .copy(let wish): try copy(wish)
            case .store(let contents, let bytes, let source): try store(contents, bytes, from: source)
            case .drop(let epoch): drop(epoch)
            case .unload:
                shard = nil
                free(stages)
                stages = []
                _ = settings.memory?.need(0)
            }
        } catch {
            let epoch = epoch(of: command)
            // What else comes for it is in vain; one sentence says enough.
            if shard?.assign.epoch == epoch { shard = nil }
            if case .compute = command, let index = stages.firstIndex(where: { $0.epoch == epoch }) {
                stages[index].forgetKeyValues()
            }
            outbox.tell(.failed(epoch, "\(error)"))
        }
    }

    private func epoch(of command: StageCommand) -> Epoch {
        switch command {
        case .prepare(let assign): assign.epoch
        case .compute(let forward, _): forward.epoch
        case .store(let contents, _, _): contents.epoch
        default: shard?.assign.epoch ?? stages.last?.epoch ?? .none
        }
    }

    // MARK: A stage in the place of all there are

    private func prepare(_ assign: Assign) throws {
        shard = nil
        let shard = try Shard(assign, settings)
        if settings.simulatedSpeed == nil { try settings.reserve(shard.memory, for: shard.configuration) }
        self.shard = shard
        outbox.tell(shard.found)
    }

    private func load() throws {
        guard let shard else { return }
        self.shard = nil
        let (source, kept) = source(for: shard.assign, as: shard.configuration)
        let others = stages.filter { $0.epoch != source?.epoch }.compactMap(\.stage)
        stages = []
        let computer: any StepComputer
        if let speed = settings.simulatedSpeed {
            computer = TimedStage(of: shard, speed: speed)
        } else {
            computer = try Stage(
                shard.configuration, tensors: shard.tensors, source: shard.inventory.source, reusing: source?.stage,
                keeping: kept.map { Stage.Kept($0) } ?? Stage.Kept(), weightsOf: others
            ) { outbox.tell(shard.progress($0)) }
            try shard.inventory.source.checkUnchanged()
            shard.noteLayers()
        }
        begin(with: LoadedStage(shard, computer, kept: kept))
    }

    /// The stage that a new one goes on from, and what it is to keep of that; nil: that is not all here, in any.
    private func source(
        for assign: Assign, as configuration: StageConfiguration
    ) -> (LoadedStage?, HeldKeyValues.Kept?) {
        for stage in stages.reversed() {
            if let kept = stage.kept(for: assign, as: configuration) { return (stage, kept) }
        }
        return (stages.last, HeldKeyValues().kept(for: assign))
    }

    private func begin(with stage: LoadedStage) {
        stages.append(stage)
        idleSinceMicroseconds = Microseconds.monotonic
        toldOrigin = nil
        outbox.tell(.loaded(stage.epoch, hasKept: stage.hasKept))
    }

    // MARK: A stage beside another

    /// What a stage can have that is loaded beside the one that computes. Whatever is older than that has had its last step.
    private func share(_ question: StageLoader.Question) -> Result<StageLoader.Answer, TandemError> {
        let (source, kept) = source(for: question.assign, as: question.configuration)
        if let source { for stage in stages where stage.epoch < source.epoch { drop(stage.epoch) } }
        guard let kept else {
            return .failure(
                TandemError("what this worker was to keep of keys and values is not here", kind: .unavailable))
        }
        return Result { () throws(TandemError) in
            guard let source, let stage = source.stage else {
                let alone = StageMemory(of: question.configuration, tensors: question.tensors)
                if settings.simulatedSpeed == nil { try settings.reserve(alone, for: question.configuration) }
                return StageLoader.Answer(shared: Stage.Shared(for: question.configuration), kept: kept)
            }
            let both = StageMemory(
                of: source.configuration, beside: question.configuration, keeping: Stage.Kept(kept),
                tensors: source.tensors + question.tensors)
            try settings.reserve(both, for: question.configuration, isBeside: true)
            do throws(InferenceError) {
                let shared = try stage.share(
                    with: question.configuration, tensors: question.tensors, keeping: Stage.Kept(kept))
                return StageLoader.Answer(shared: shared, kept: kept)
            } catch { throw TandemError(error) }
        }
    }

    private func adopt(_ stage: LoadedStage) {
        guard stage.epoch > dropped else { return free([stage]) }
        begin(with: stage)
    }

    /// The stage that is left, if there is one, needs no more than it takes alone.
    private func drop(_ epoch: Epoch) {
        dropped = max(dropped, epoch)
        free(stages.filter { $0.epoch == epoch })
        stages.removeAll { $0.epoch == epoch }
        guard let memory = settings.memory, stages.count < 2 else { return }
        let left = stages.first.map { StageMemory(of: $0.configuration, tensors: $0.tensors).byteCount }
        _ = memory.need(left ?? 0)
    }

    /// Gives memory back on another thread, as it takes the system milliseconds to take much of it.
    private func free(_ stages: [LoadedStage]) {
        guard stages.contains(where: { $0.stage != nil }) else { return }
        // Without a thread for it they are freed here.
        _ = try? LoopThread(name: "free") { withExtendedLifetime(stages) { letOthersGoFirst() } }
    }

    // MARK: Blocks

    /// Keys and values go to another worker; what is not here does not, and is missed there.
    private func copy(_ wish: BlockWish) throws {
        guard let stage = stages.first(where: { $0.epoch == wish.epoch }),
            let contents = wish.contents(bytesOfLayer: stage.blockBytes, bytesOfOutputs: stage.outputBlockBytes)
        else { return }
        let frame = try Frame(byteCount: contents.byteCount) { bytes throws(InferenceError) in
            try stage.computer.copyBlock(Stage.BlockPart(contents), into: bytes)
        }
        outbox.tell(.copied(contents, frame, for: wish.order.target))
    }

    private func store(_ contents: BlockContents, _ frame: Frame, from source: WorkerID) throws {
        guard let stage = stages.first(where: { $0.epoch == contents.epoch }) else { return }
        try frame.withUnsafeBytes { bytes throws(InferenceError) in
            try stage.computer.storeBlock(Stage.BlockPart(contents), from: bytes)
        }
        outbox.tell(.stored(contents, from: source))
    }

    // MARK: Computing

    private func compute(_ forward: Forward, _ arrival: StepArrival) throws {
        guard let computer = stages.first(where: { $0.epoch == forward.epoch })?.computer else { return }
        let start = Microseconds.monotonic
        let output = try withInput(arrival.activations) { try computer.compute(forward, input: $0) }
        let end = Microseconds.monotonic
        let timing = StageMicroseconds(
            wire: arrival.wireMicroseconds, queue: start - arrival.arrivalMicroseconds, compute: end - start,
            wait: start - idleSinceMicroseconds)
        idleSinceMicroseconds = end
        var result = StepResult(epoch: forward.epoch, step: forward.step, timings: [timing])
        if let origin = computer.damage.origin, origin != toldOrigin {
            toldOrigin = origin
            outbox.tell(.damaged(origin: origin))
        }
        result.damaged = computer.damage.sequences.map { SequenceID($0) }
        switch output {
        case .hidden(let values):
            outbox.tell(.computed(result, activations: Frame(copying: UnsafeRawBufferPointer(values))))
        case .sampled(let samples, let scores):
            (result.samples, result.scores) = (samples, scores)
            outbox.tell(.computed(result, activations: nil))
        }
    }

    /// Lends the activations as floats. A received frame has no alignment of its own: one that happens to lie right is lent
    /// as it is, which large ones do.
    private func withInput<Value>(
        _ frame: Frame?, _ body: (UnsafeBufferPointer<Float>?) throws -> Value
    ) throws -> Value {
        guard let frame else { return try body(nil) }
        return try frame.withUnsafeBytes { source throws in
            let bytes = UnsafeRawBufferPointer(rebasing: source[..<(source.count & ~(MemoryLayout<Float>.size - 1))])
            if Int(bitPattern: bytes.baseAddress) % MemoryLayout<Float>.alignment == 0 {
                return try body(bytes.bindMemory(to: Float.self))
            }
            let count = bytes.count / MemoryLayout<Float>.size
            if input.count < count { input = [Float](repeating: 0, count: count) }
            input.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
            return try input.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[..<count])) }
        }
    }
}
