// Responsible for: the worker's compute thread: load a stage, run its steps one by one. All that takes long happens
// here, so that the loop thread always answers.
// Must not know: sockets, members, plans.
import Cluster
import Generation
import Inference
import ModelFile
import Sequences
import Synchronization
import Transport
import Wire

/// What the loop thread asks of the compute thread.
enum StageCommand: Sendable {
    /// Find out what of this shard is on this host; answered by `.inventory`.
    case prepare(Assign)
    case write(ContentHash, offset: Int, bytes: Frame)
    /// All bytes of a tensor are written; answered by `.verified`.
    case verify(ContentHash)
    case discard(ContentHash)
    /// Every tensor is here; answered by `.loaded`.
    case load
    /// Answered by `.computed`.
    case compute(Forward, StepArrival)
    case endSequences([SequenceID])
    case unload
}

/// What the loop thread knows of a step beside its header.
struct StepArrival: Sendable {
    /// Absent on the first stage.
    var activations: Frame?
    /// For how long it was on its way.
    var wireMicroseconds: UInt64
    /// When it came, by `Microseconds.monotonic`.
    var arrivalMicroseconds: UInt64
}

/// What the compute thread tells the loop thread.
enum StageEvent: Sendable {
    case inventory(Epoch, needs: [WeightFetch.Need], localBytes: Int)
    case verified(Epoch, ContentHash, isRight: Bool)
    case progress(Epoch, done: Int, total: Int)
    /// Whether it has what it was to keep of keys and values.
    case loaded(Epoch, hasKept: Bool)
    case failed(Epoch, String)
    /// Values that are no numbers begin here, such as "the output of layer 2". Only where layers are checked.
    case damaged(origin: String)
    /// `activations` on every stage but the last.
    case computed(StepResult, activations: Frame?)
}

/// The state of the compute thread.
final class StageRunner {
    private let inbox: Mailbox<StageCommand>
    private let outbox: Mailbox<StageEvent>
    private let threads: Int
    private let local: Model?
    private let cache: WeightCache
    private let digestBook: DigestBook
    /// nil: it computes.
    private let simulatedSpeed: TimedStage.Speed?
    private let checksLayers: Bool
    /// What this worker has offered; nil: nobody could tell what there is, or it computes nothing.
    private let memory: MemoryReservation?

    private var assignment: Assign?
    private var inventory: ShardInventory?
    private var partials: [ContentHash: PartialTensor] = [:]
    private var stage: (any StepComputer)?
    /// What the stage has of keys and values.
    private var held = HeldKeyValues()
    private var input: [Float] = []
    /// Where values that are no numbers begin, as the loop thread was told last.
    private var toldOrigin: String?
    /// Since when the stage has computed nothing, by `Microseconds.monotonic`.
    private var idleSinceMicroseconds: UInt64 = 0

    init(
        inbox: Mailbox<StageCommand>, outbox: Mailbox<StageEvent>, threads: Int, local: Model?, cache: WeightCache,
        digestBook: DigestBook, memory: MemoryReservation?, simulatedSpeed: TimedStage.Speed? = nil,
        checksLayers: Bool = false
    ) {
        (self.inbox, self.outbox, self.threads, self.local) = (inbox, outbox, threads, local)
        (self.cache, self.digestBook, self.simulatedSpeed) = (cache, digestBook, simulatedSpeed)
        (self.checksLayers, self.memory) = (checksLayers, memory)
    }

    /// Works until the inbox is closed.
    func run() {
        while true {
            let commands = inbox.wait()
            if commands.isEmpty && inbox.isClosed { return }
            for command in commands where !inbox.isClosed { perform(command) }
        }
    }

    private func perform(_ command: StageCommand) {
        let epoch = assignment?.epoch ?? .none
        do {
            switch command {
            case .prepare(let assign): try prepare(assign)
            case .write(let content, let offset, let frame):
                try frame.withUnsafeBytes { bytes throws(TandemError) in try partial(content)?.write(bytes, at: offset)
                }
            case .verify(let content): try verify(content)
            case .discard(let content): partials[content] = nil
            case .load: try load()
            case .compute(let forward, let arrival): try compute(forward, arrival)
            case .endSequences(let sequences): for sequence in sequences { stage?.end(sequence.value) }
            case .unload:
                (assignment, inventory, stage, partials) = (nil, nil, nil, [:])
                held = HeldKeyValues()
                _ = memory?.need(0)
            }
        } catch {
            // What else comes for it is in vain; one sentence says enough.
            if isFetching(command) { (inventory, partials) = (nil, [:]) }
            // Some layers may have computed a step, and others not.
            if case .compute = command { held = HeldKeyValues() }
            tell(.failed(epochOf(command) ?? epoch, "\(error)"))
        }
    }

    private func isFetching(_ command: StageCommand) -> Bool {
        switch command {
        case .prepare, .write, .verify, .load: true
        default: false
        }
    }

    private func epochOf(_ command: StageCommand) -> Epoch? {
        switch command {
        case .prepare(let assign): assign.epoch
        case .compute(let forward, _): forward.epoch
        default: nil
        }
    }

    /// The loop drains its mailbox at every turn, so a full one is a matter of moments.
    private func tell(_ event: StageEvent) {
        while !outbox.post(event) && !outbox.isClosed { pause(milliseconds: 1) }
    }

    // MARK: Loading

    private func prepare(_ assign: Assign) throws {
        assignment = assign
        partials = [:]
        let inventory = try ShardInventory(
            description: assign.modelDescription, layers: assign.layers, local: local, cache: cache,
            digestBook: digestBook, isSimulated: simulatedSpeed != nil)
        if simulatedSpeed == nil { try checkMemory(of: configuration(assign, inventory), inventory) }
        self.inventory = inventory
        let needs = inventory.needs.map {
            WeightFetch.Need(
                content: $0.content, byteCount: UInt64($0.byteCount), cachedBytes: UInt64($0.cachedBytes))
        }
        tell(.inventory(assign.epoch, needs: needs, localBytes: inventory.localBytes))
    }

    private func partial(_ content: ContentHash) throws(TandemError) -> PartialTensor? {
        if let open = partials[content] { return open }
        guard let need = inventory?.needs.first(where: { $0.content == content }) else { return nil }
        let partial = try cache.open(content, byteCount: need.byteCount)
        partials[content] = partial
        return partial
    }

    private func verify(_ content: ContentHash) throws {
        guard let partial = try partial(content), let epoch = assignment?.epoch else { return }
        let isRight = try partial.finish()
        partials[content] = nil
        tell(.verified(epoch, content, isRight: isRight))
    }

    private func load() throws {
        guard let assignment, let inventory else { return }
        let model = inventory.manifest.configuration
        let previous = stage as? Stage
        stage = nil
        var kept = held.kept(for: assignment)
        held = HeldKeyValues()
        if let simulatedSpeed {
            stage = TimedStage(
                speed: simulatedSpeed, activationsPerToken: assignment.activationsPerToken,
                vocabularySize: model.vocabularySize, isLast: assignment.isLast)
        } else {
            let tensors = inventory.manifest.entries.map(\.tensor)
            let total = tensors.reduce(0) { $0 + $1.byteCount }
            let configuration = configuration(assignment, inventory)
            let keeping = kept.map { Stage.Kept(layers: $0.layers, outputs: $0.outputs) } ?? Stage.Kept()
            if previous?.has(keeping, for: configuration) != true, keeping != Stage.Kept() { kept = nil }
            stage = try Stage(
                configuration, tensors: tensors, source: inventory.source, reusing: previous,
                keeping: kept == nil ? Stage.Kept() : keeping
            ) {
                tell(.progress(assignment.epoch, done: $0, total: total))
            }
            try inventory.source.checkUnchanged()
        }
        idleSinceMicroseconds = Microseconds.monotonic
        toldOrigin = nil
        held.load(assignment, kept ?? HeldKeyValues.Kept())
        tell(.loaded(assignment.epoch, hasKept: kept != nil))
    }

    private func configuration(_ assign: Assign, _ inventory: ShardInventory) -> StageConfiguration {
        var configuration = StageConfiguration(
            model: inventory.manifest.configuration, layers: assign.layers, blockCount: assign.keyValueBlockCount,
            maximumBatchTokens: assign.maximumBatchTokens, threads: threads,
            keyValueType: inventory.manifest.keyValueType, checksLayers: checksLayers)
        configuration.keepsOutputs = assign.keepsOutputs || assign.keptOutputs != nil
        return configuration
    }

    /// A plan counts on what was offered, and so do this host and its other workers.
    private func checkMemory(of stage: StageConfiguration, _ inventory: ShardInventory) throws(TandemError) {
        let needed = StageMemory(of: stage, tensors: inventory.manifest.entries.map(\.tensor))
        guard let memory, !memory.need(needed.byteCount) else { return }
        let size = { (bytes: Int) in bytesText(UInt64(clamping: bytes)) }
        throw TandemError(
            "layers \(stage.layers.lowerBound)-\(stage.layers.upperBound - 1) need \(size(needed.byteCount)) "
                + "(\(size(needed.weights)) of weights, \(size(needed.keyValues + needed.outputs)) for "
                + "\(stage.blockCount) KV blocks, "
                + "\(size(needed.workspace)) to work with), but this worker offers \(size(memory.bytes))",
            kind: .unavailable, hint: "plan fewer layers or blocks for it")
    }

    // MARK: Computing

    private func compute(_ forward: Forward, _ arrival: StepArrival) throws {
        guard let stage, let assignment, forward.epoch == assignment.epoch else { return }
        let start = Microseconds.monotonic
        let output = try withInput(arrival.activations) { try stage.compute(forward, input: $0) }
        let end = Microseconds.monotonic
        let timing = StageMicroseconds(
            wire: arrival.wireMicroseconds, queue: start - arrival.arrivalMicroseconds, compute: end - start,
            wait: start - idleSinceMicroseconds)
        idleSinceMicroseconds = end
        var result = StepResult(epoch: forward.epoch, step: forward.step, timings: [timing])
        if let origin = stage.damage.origin, origin != toldOrigin {
            toldOrigin = origin
            tell(.damaged(origin: origin))
        }
        result.damaged = stage.damage.sequences.map { SequenceID($0) }
        switch output {
        case .hidden(let values): tell(.computed(result, activations: Frame(copying: UnsafeRawBufferPointer(values))))
        case .sampled(let samples, let scores):
            (result.samples, result.scores) = (samples, scores)
            tell(.computed(result, activations: nil))
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
