// Responsible for: what the loop thread asks of the threads that load and compute stages, and what these tell it. Must not
// know: how they do it, sockets.
import Cluster
import Transport
import Wire

/// What the loop thread asks of the compute thread.
enum StageCommand: Sendable {
    /// Find out what of this shard is on this host, for a stage in the place of all there are; answered by `.inventory`.
    case prepare(Assign)
    /// For the shard that was prepared last.
    case shard(ShardCommand)
    /// A loader asks what its stage can have of those that are here; answered to it.
    case share(StageLoader.Question)
    /// A stage was loaded beside those that are here; answered by `.loaded`.
    case adopt(LoadedStage)
    /// Answered by `.computed`.
    case compute(Forward, StepArrival)
    case endSequences([SequenceID], of: Epoch)
    /// Keys and values for another worker; answered by `.copied`, unless they are not here.
    case copy(BlockWish)
    /// Keys and values of another worker; answered by `.stored`.
    case store(BlockContents, Frame, from: WorkerID)
    /// The stage of this epoch is not needed any more, or never will be.
    case drop(Epoch)
    case unload
}

/// What is to be done with a shard.
enum ShardCommand: Sendable {
    case write(ContentHash, offset: Int, bytes: Frame)
    /// All bytes of a tensor are written; answered by `.verified`.
    case verify(ContentHash)
    case discard(ContentHash)
    /// Every tensor is here; answered by `.loaded`.
    case load
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

/// What the threads that load and compute tell the loop thread.
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
    case copied(BlockContents, Frame, for: WorkerID)
    case stored(BlockContents, from: WorkerID)
    /// Of the time that its threads would compute, this worker could have so much.
    case spare(Double)
}

extension Mailbox<StageEvent> {
    /// The loop drains its mailbox at every turn, so a full one is a matter of moments.
    func tell(_ event: StageEvent) {
        while !post(event) && !isClosed { pause(milliseconds: 1) }
    }
}
