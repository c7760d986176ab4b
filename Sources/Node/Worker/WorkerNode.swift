// Responsible for: a worker process: owns its threads, runs until it is stopped.
// Must not know: what the machine decides (Cluster/Worker), what a stage computes (Inference).
import Cluster
import Generation
import Inference
import Logging
import ModelFile
import Sequences
import ServiceLifecycle
import Transport
import Wire

/// `tandem worker`: a loop thread with all sockets and the `Worker` machine, and a compute thread with the stage.
package final class WorkerNode: Service, Sendable {
    /// Told the label, bytes done and bytes in all of what takes long.
    package typealias Progress = @Sendable (String, Int, Int) -> Void

    private let parts: WorkerLoop.Parts
    private let stop: Mailbox<WorkerLoop.Wish>

    /// Checks the options, binds the data socket's address and measures this machine. Throws what is wrong.
    package init(
        _ options: WorkerOptions, log: Logger, supervisor: Supervisor? = nil, progress: @escaping Progress
    ) throws(TandemError) {
        let coordinators = try options.coordinators()
        let simulatedSpeed = try options.simulatedSpeed()
        let threads = try MachineDescription.threadCount(options.threads)
        var local: Model?
        if let path = options.modelPath {
            do { local = try Model.load(path: path) } catch { throw TandemError(error) }
        }
        let cache = try WeightCache(folder: options.cacheFolder)
        do {
            let waker = try Waker()
            stop = Mailbox(capacity: 16, waking: waker)
            parts = WorkerLoop.Parts(
                options: options, simulatedSpeed: simulatedSpeed, coordinators: coordinators, threads: threads,
                local: local, cache: cache, digestBook: DigestBook(folder: options.cacheFolder.map { $0 + "/digests" }),
                waker: waker, wishes: stop, supervisor: supervisor, log: log, progress: progress)
        } catch { throw TandemError(error) }
        if options.isInsecure { log.warning("\(CoordinatorNode.insecurity)") }
    }

    /// Serves until a graceful shutdown, and on until others have its layers, for as long as it may. Throws where the
    /// coordinator refuses this worker.
    package func run() async throws {
        let parts = self.parts
        let thread = try LoopThread(name: "worker-loop") { try WorkerLoop(parts).run() }
        try await withGracefulShutdownHandler {
            try await thread.value
        } onGracefulShutdown: { [stop] in
            _ = stop.post(.drain)
        }
    }

    /// Ends it whatever it computes.
    package func leaveNow() { _ = stop.post(.leave) }
}
