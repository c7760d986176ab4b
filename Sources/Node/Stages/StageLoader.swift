// Responsible for: a stage that is loaded beside those that compute, on a thread of its own that lets all others go first.
// Must not know: sockets, plans, what is computed meanwhile.
import Cluster
import Inference
import ModelFile
import Sequences
import Synchronization
import Transport
import Wire

/// Loads one stage, and ends. Everything that takes long happens on its thread; what the stage has together with one that
/// computes, the compute thread lends.
final class StageLoader: Sendable {
    /// What a stage can have of those that are here.
    struct Question: Sendable {
        let assign: Assign
        let configuration: StageConfiguration
        let tensors: [TensorDescriptor]
        /// Where the answer goes.
        fileprivate let inbox: Mailbox<Message>

        /// Answers the loader.
        func answer(_ answer: Result<Answer, TandemError>) { _ = inbox.post(.answer(answer)) }
    }

    /// What of another stage it has.
    struct Answer: Sendable {
        let shared: Stage.Shared
        let kept: HeldKeyValues.Kept
    }

    fileprivate enum Message: Sendable {
        case answer(Result<Answer, TandemError>)
        case shard(ShardCommand)
    }

    let epoch: Epoch
    private let inbox: Mailbox<Message>

    /// Begins. `compute`: the inbox of the thread that is asked what is here, and that gets the stage.
    init(
        _ assign: Assign, _ settings: StageSettings, compute: Mailbox<StageCommand>, outbox: Mailbox<StageEvent>
    ) throws(TransportError) {
        epoch = assign.epoch
        let inbox = Mailbox<Message>(capacity: 1 << 12, waking: try Waker())
        self.inbox = inbox
        // Nobody waits for its end: it is over soon after its inbox is closed.
        _ = try LoopThread(name: "load") {
            letOthersGoFirst()
            Loading(assign, settings, inbox: inbox, compute: compute, outbox: outbox).run()
        }
    }

    /// False: it does not keep up.
    func post(_ command: ShardCommand) -> Bool { inbox.post(.shard(command)) || inbox.isClosed }

    /// It is given up. What it has loaded is freed; what it has received stays.
    func stop() { inbox.close() }

    /// The state of its thread.
    private struct Loading {
        let assign: Assign
        let settings: StageSettings
        let inbox: Mailbox<Message>
        let compute: Mailbox<StageCommand>
        let outbox: Mailbox<StageEvent>

        init(
            _ assign: Assign, _ settings: StageSettings, inbox: Mailbox<Message>, compute: Mailbox<StageCommand>,
            outbox: Mailbox<StageEvent>
        ) {
            (self.assign, self.settings) = (assign, settings)
            (self.inbox, self.compute, self.outbox) = (inbox, compute, outbox)
        }

        func run() {
            do { try load() } catch { if !inbox.isClosed { outbox.tell(.failed(assign.epoch, "\(error)")) } }
            inbox.close()
        }

        private func load() throws {
            let shard = try Shard(assign, settings)
            let question = StageLoader.Question(
                assign: assign, configuration: shard.configuration, tensors: shard.tensors, inbox: inbox)
            _ = compute.post(.share(question))
            var answer: Answer?
            while !inbox.isClosed {
                for message in inbox.wait() where !inbox.isClosed {
                    switch message {
                    case .answer(let result):
                        answer = try result.get()
                        outbox.tell(shard.found)
                    case .shard(.load):
                        guard let answer else { continue }
                        let stage = try stage(of: shard, answer)
                        if !inbox.isClosed { _ = compute.post(.adopt(stage)) }
                        return
                    case .shard(let command): if let event = try shard.perform(command) { outbox.tell(event) }
                    }
                }
            }
        }

        private func stage(of shard: Shard, _ answer: Answer) throws -> LoadedStage {
            if let speed = settings.simulatedSpeed {
                return LoadedStage(shard, TimedStage(of: shard, speed: speed), kept: answer.kept)
            }
            let source = EndingSource(source: shard.inventory.source) { inbox.isClosed }
            let stage = try Stage(
                shard.configuration, tensors: shard.tensors, source: source, beside: answer.shared
            ) { outbox.tell(shard.progress($0)) }
            try shard.inventory.source.checkUnchanged()
            shard.noteLayers()
            return LoadedStage(shard, stage, kept: answer.kept)
        }
    }
}

/// Reads until nobody wants the tensors any more.
private struct EndingSource: TensorSource {
    let source: any TensorSource
    let isOver: @Sendable () -> Bool

    func read(
        _ tensor: TensorDescriptor, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ModelFileError) {
        if isOver() {
            throw ModelFileError(.unreadable, file: "model", field: "tensor \(tensor.name)", "is not wanted any more")
        }
        try source.read(tensor, at: offset, into: buffer)
    }
}
