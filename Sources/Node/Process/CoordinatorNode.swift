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
    /// HOST:PORT as others reach it.
    package let address: String
    /// For `tandem worker --join`: the address and, unless links are open, the coordinator's key and a token.
    package let join: JoinAddress
    /// Only this machine can reach it.
    package let isLoopback: Bool
    package let modelName: String
    /// The name of the type in which keys and values are kept.
    package let keyValueType: String
    /// What of the model's files was guessed or left out: a sentence each.
    package let notices: [Sentence]
    /// Answers requests from inside this process.
    package let generations: GenerationService

    private let loop: LoopThread<Void>
    private let wishes: Mailbox<CoordinatorLoop.Wish>

    /// Opens the model and begins to listen; `supervisor` hears of it from then on. `progress` gets bytes of the model
    /// read and in all. Throws what is wrong.
    package init(
        _ options: CoordinatorOptions, log: Logger, supervisor: Supervisor? = nil,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws(TandemError) {
        Allocator.returnLargeBlocks()
        let endpoint = try options.validate()
        let advertised = try options.advertised()
        let loaded = try options.open()
        if let split = options.split {
            try LayerSplit.check(split, layerCount: loaded.model.configuration.layerCount)
        }
        // The address is taken before the model is read, so that a port in use is told at once.
        let trust = options.isInsecure ? nil : try CoordinatorTrust(options.state)
        var roll = try trust?.roll()
        let sockets: CoordinatorLoop.Sockets
        let waker: Waker
        do {
            sockets = try CoordinatorLoop.Sockets(
                listen: endpoint, maximumUnread: options.maximumUnread, trust?.security ?? .open)
            waker = try Waker()
        } catch { throw TandemError(error) }
        let succession = try options.succession(trust, port: sockets.port)
        let followed = try options.followed(succession.record)
        let manifest = try options.manifest(of: loaded.model, progress: progress)
        let reached = sockets.joinEndpoint(advertised)
        var configuration = options.configuration(
            for: loaded, manifest: manifest, weights: sockets.weightsEndpoint, tokens: sockets.tokensEndpoint,
            key: trust?.key.pair.publicKey, at: reached.host)
        configuration.begin(succession.record)
        if options.isSimulated {
            log.info("there is no model: its workers only pretend to compute, and answers mean nothing")
        }
        if options.isInsecure { log.warning("\(Self.insecurity)") }

        address = reached.address
        isLoopback = endpoint.isLoopback
        join = JoinAddress(
            reached, key: trust?.key.pair.publicKey,
            token: options.printsToken && followed == nil ? try trust?.printedToken(port: sockets.port) : nil)
        try roll?.admit(owners: Set(succession.record.owners.compactMap { PublicKey(text: $0) }))
        try trust?.announce(address, port: sockets.port)
        modelName = loaded.model.name
        notices = loaded.notices
        keyValueType = manifest.keyValueType.rawValue
        wishes = Mailbox(capacity: 1 << 16, waking: waker)
        let orders = Mailbox<GenerationService.Order>(capacity: 1 << 14, waking: waker)
        generations = try GenerationService(
            loaded, orders: orders, maximumUnread: options.maximumUnread, budget: options.budget, log: log)
        // A standby has its own way to it.
        let journal = followed == nil ? try options.journal(at: endpoint, for: configuration, log: log) : nil
        configuration.recalledPlans = journal?.plans ?? []
        let parts = CoordinatorLoop.Parts(
            configuration: configuration, roll: roll, waker: waker, wishes: wishes, orders: orders,
            generations: generations, journal: journal, server: WeightServer(loaded.model, manifest),
            contents: LayerContents(manifest),
            drainLimit: .seconds(options.drainSeconds), succession: succession, supervisor: supervisor, log: log)
        do {
            loop = try LoopThread(name: "coordinator") {
                [address, folder = options.journalFolder(port: sockets.port)] in
                var isSucceeded = false
                // Whoever owns it finds the one that has taken over by what it leaves.
                defer { if let trust, !isSucceeded { LocalCoordinator.remove(port: sockets.port, in: trust.folder) } }
                try Self.serve(parts, sockets, after: followed, at: address, journal: folder, &isSucceeded)
            }
        } catch { throw TandemError(error) }
    }

    /// Serves, once it has taken over from the coordinator that it follows, if there is one. `isSucceeded`: another one has taken
    /// over from it.
    private static func serve(
        _ parts: CoordinatorLoop.Parts, _ sockets: CoordinatorLoop.Sockets, after followed: Passage?,
        at address: String,
        journal: StateFolder, _ isSucceeded: inout Bool
    ) throws {
        var taken: StandbyLoop.Taken?
        if let followed {
            taken = try StandbyLoop(parts, sockets, followed, endpoint: address, journal: journal).run()
            if taken == nil { return }
        }
        let loop = try CoordinatorLoop(
            taken?.parts ?? parts, sockets, before: taken?.way, joins: taken?.joins ?? [])
        defer { isSucceeded = loop.desk.isOver }
        try loop.run()
    }

    /// What is given up without keys.
    package static let insecurity = """
        links are open: whoever reaches the ports can ask, join and forge answers, and whoever sees the network reads \
        every prompt
        """

    /// Serves until a graceful shutdown.
    package func run() async throws {
        try await withGracefulShutdownHandler {
            try await loop.value
        } onGracefulShutdown: { [wishes] in
            Task { await wishes.postPatiently(.stop) }
        }
    }
}
