// Responsible for: what happens to a worker, and what its shell must do. Must not know: what is decided, sockets.

import Wire

extension Worker {
    /// What happens to a worker.
    package enum Event: Sendable {
        /// The control link is up, for the first time or again.
        case connected
        case command(CoordinatorMessage)
        /// How far the load of an epoch is.
        case loadProgress(Epoch, bytesDone: UInt64, bytesTotal: UInt64)
        /// `hasKept`: it has what its assignment says that it keeps.
        case loaded(Epoch, transferredBytes: UInt64, cachedBytes: UInt64, hasKept: Bool = false)
        /// The stage of this epoch cannot be loaded, or cannot go on.
        case loadFailed(Epoch, message: String)
        /// From the data link. The shell has checked that the raw frame is as long as the header says.
        case forward(Forward, Input? = nil)
        /// The step that `compute` asked for is done; `samples` and `scores` on the last stage only, the output on every
        /// other, `timings` of this stage alone.
        case computed(StepResult, Output? = nil)
        /// Other workers of this host have been given some of what this one offered: it offers so many bytes now.
        case offer(bytes: UInt64)
        /// What of the model that a `Welcome` names has its weights on this host.
        case cached(CachedLayers)
        /// Others reach it at this endpoint.
        case listening(at: String)
        /// What was found out about the connection of a link; of one to a next stage, for the steps of this epoch.
        case link(NodeLink, LinkConnection, of: Epoch = .none)
        /// The control link is not up, for this reason, at this address.
        case unreachable(LinkFailure, address: String)
        /// From the data link, and who it came from; nil: the coordinator.
        case hello(Hello, from: WorkerID?)
        /// From the other end of a link.
        case helloReply(HelloReply, on: NodeLink)
        /// From the data link, with the keys and values that the header describes: the shell has checked that there are as
        /// many bytes as it says, and who it came from.
        case blocks(BlockContents, Input, from: WorkerID)
        /// What `store` asked for is done.
        case stored(BlockContents, from: WorkerID)
        /// The process is to end once others have its layers: then comes `.drained`.
        case wantsToLeave
        /// The process is about to end.
        case leave
        case tick
    }

    /// What the shell must do.
    package enum Action: Sendable {
        case send(WorkerMessage)
        /// Connect the weights and tokens links (close earlier ones). Where it names a model: `.cached` at once.
        case welcomed(Welcome)
        /// The coordinator does not want this worker: end with this sentence.
        case refused(String)
        /// The coordinator is silent: close the control connection and open another; then `.connected`.
        case reconnect
        /// Where another coordinator is that may take over: to be remembered, also by the next process.
        case noteStandby(CoordinatorPlace)
        /// Whom it may follow has changed: to be on the disk before anything else is done or said.
        case keepGrants(TermGrants)
        /// Close the control connection, and the tokens and weights links; connect to this coordinator, or to another than the
        /// last one; then `.connected`.
        case follow(CoordinatorPlace?)
        /// Load this stage, reusing what is loaded, with the keys and values that it is to keep (`HeldKeyValues`) if all of
        /// them are here; give up an earlier load in progress. Answered by `.loaded` or
        /// `.loadFailed`, and `.loadProgress` in between.
        ///
        /// One that `isBeside` is loaded without taking anything from the one that computes, which goes on meanwhile: what
        /// both need is shared, keys and values that are kept as well. Where there is no other it is loaded alone.
        case load(Assign)
        /// Connect to this endpoint, for the steps of this epoch that are sent on. Close the connections of other epochs,
        /// unless `isBeside`. `key`: the one that must answer there; nil: links are open.
        case connectNext(Epoch, endpoint: String, key: NodeKey?, isBeside: Bool)
        /// Give up a load in progress, close the connections to next stages, free all stages with their keys and values.
        case unload
        /// The stage of this epoch is over, and the other one (if there is any) goes on: give up its load, close the
        /// connection to its next stage, free what it alone holds.
        case drop(Epoch)
        /// Send these keys and values of the stage of this epoch to another worker, as `BlockContents` in the order of the
        /// blocks, over a connection to its data port that carries nothing else; with little of it under way at once, and
        /// never so that a step waits. What cannot be sent is dropped.
        case copyBlocks(CopyBlocks, of: Epoch)
        /// Nothing more is to be copied from here: close the connections that were made for it.
        case endCopying
        /// Write these keys and values to the stage that they are for, with which nothing computes yet; answered by
        /// `.stored`. Where there are not as many bytes as its layers take: `.loadFailed`.
        case store(BlockContents, Input, from: WorkerID)
        /// Others have its layers, or it never had any: end the process.
        case drained
        /// Compute this step, with what came with it, on the stage of its epoch; answered by `.computed`. One at a time.
        /// Of one that rebuilds layers, those of them that the stage has, and what goes on to the next one.
        case compute(Forward, Input? = nil)
        /// To the next stage, with what was computed; nil: the step was not computed, and goes on empty.
        case sendForward(Forward, Output? = nil)
        /// To the coordinator's tokens socket.
        case sendResult(StepResult)
        /// Over a link, with the raw frame that it names, if its connection is up; never kept for later.
        case sayHello(NodeLink, Hello)
        /// To who asked, over its connection to the data socket; nil: the coordinator.
        case answerHello(HelloReply, to: WorkerID?)
        /// These sequences have ended at the stage of this epoch; free their sampler state.
        case endSequences([SequenceID], of: Epoch)
        case log(LogLevel, String)
    }
}

extension Worker.Action: Equatable where Input: Equatable, Output: Equatable {}
