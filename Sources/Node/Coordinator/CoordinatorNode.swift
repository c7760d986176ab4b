// Responsible for: a coordinator process: opens the model, binds its sockets, runs until it is stopped.
// Must not know: what the machine decides (Cluster/Coordinator).
import Cluster
import Generation
import Inference
import Logging
import ModelFile
import Sequences
import ServiceLifecycle
import Transport
import Wire

/// `tandem coordinator`: a loop thread with all sockets and the `Coordinator` machine, a thread that reads weights, and
/// the generation service.
package final class CoordinatorNode: Service, Sendable {
    /// HOST:PORT, for `tandem worker --join`.
    package let joinAddress: String
    package let modelName: String
    /// The name of the type in which keys and values are kept.
    package let keyValueType: String
    /// What of the model's files was guessed or left out: a sentence each.
    package let notices: [Sentence]
    /// Answers requests from inside this process.
    package let generations: GenerationService

    private let loop: LoopThread<Void>
    private let wishes: Mailbox<CoordinatorLoop.Wish>

    /// Opens the model and begins to listen. `progress` gets bytes of the model read and in all. Throws what is wrong.
    package init(
        _ options: CoordinatorOptions, log: Logger, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(TandemError) {
        let endpoint = try options.validate()
        let loaded = try options.open()
        if let split = options.split {
            try LayerSplit.check(split, layerCount: loaded.model.configuration.layerCount)
        }
        // The address is taken before the model is read, so that a port in use is told at once.
        let sockets: CoordinatorLoop.Sockets
        let waker: Waker
        do {
            sockets = try CoordinatorLoop.Sockets(listen: endpoint, maximumUnread: options.maximumUnread)
            waker = try Waker()
        } catch { throw TandemError(error) }
        let manifest = try options.manifest(of: loaded.model, progress: progress)
        let configuration = options.configuration(
            for: loaded, manifest: manifest, weights: sockets.weightsEndpoint, tokens: sockets.tokensEndpoint)
        if options.isSimulated {
            log.info("there is no model: its workers only pretend to compute, and answers mean nothing")
        }
        if !endpoint.isLoopback { log.warning("links are not encrypted: listen on a network you trust only") }

        joinAddress = sockets.joinAddress
        modelName = loaded.model.name
        notices = loaded.notices
        keyValueType = manifest.keyValueType.rawValue
        wishes = Mailbox(capacity: 1 << 16, waking: waker)
        let orders = Mailbox<GenerationService.Order>(capacity: 1 << 14, waking: waker)
        generations = try GenerationService(
            loaded, orders: orders, maximumUnread: options.maximumUnread, budget: options.budget)
        let parts = CoordinatorLoop.Parts(
            configuration: configuration, waker: waker, wishes: wishes, orders: orders, generations: generations,
            server: WeightServer(loaded.model, manifest), log: log)
        do {
            loop = try LoopThread(name: "coordinator") { try CoordinatorLoop(parts, sockets).run() }
        } catch { throw TandemError(error) }
    }

    /// Serves until a graceful shutdown.
    package func run() async throws {
        try await withGracefulShutdownHandler {
            try await loop.value
        } onGracefulShutdown: { [wishes] in
            Task { await wishes.postPatiently(.stop) }
        }
    }
}
