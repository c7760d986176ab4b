// Responsible for: what a coordinator is told when it starts, and the machine's configuration made of it.
// Must not know: flags, sockets.
import Cluster
import Foundation
import Generation
import Inference
import Logging
import ModelFile
import Sequences
import Transport
import Wire

/// The choices of `tandem coordinator`.
package struct CoordinatorOptions: Sendable {
    /// Where workers and clients connect if nobody says otherwise.
    package static let defaultListen = "tcp://127.0.0.1:7070"
    package static let defaultPort = 7070
    package static let defaultParallelRequests = 4
    package static let defaultMaximumRunning = 128
    package static let defaultMaximumWaiting = 256
    package static let defaultChunk = 256
    package static let defaultStepMilliseconds = 100

    /// A GGUF file or a Hugging Face folder; nil only where the model is pretended.
    package var modelPath: String?
    /// Serve no model, but pretend to: for workers that only pretend to compute.
    package var isSimulated = false
    /// The name of the type that weights get while they are read; nil: their own.
    package var quantization: String?
    /// The name of the type in which keys and values are kept; nil: f16.
    package var keyValueType: String?
    package var listen = CoordinatorOptions.defaultListen
    /// The address, or the name of a host, at which other hosts reach this one; nil: the one by which it reaches them.
    package var advertise: String?
    /// Layers of each worker; nil: planned.
    package var split: [Range<Int>]?
    /// nil: as many as the split names, else one.
    package var minimumWorkers: Int?
    /// Prompt and answer together, in tokens; nil: what the model allows, up to 4096 where it is a real one.
    package var contextLength: Int?
    /// KV memory is for this many requests as long as the context; of shorter ones more run at a time.
    package var parallelRequests = CoordinatorOptions.defaultParallelRequests
    /// Requests computed at once, and requests that may wait; further ones are refused.
    package var maximumRunning = CoordinatorOptions.defaultMaximumRunning
    package var maximumWaiting = CoordinatorOptions.defaultMaximumWaiting
    /// Tokens of prompts in one step.
    package var chunk = CoordinatorOptions.defaultChunk
    /// While answers are decoded, prompts get so large a share of a step that it takes about so long.
    package var stepMilliseconds = CoordinatorOptions.defaultStepMilliseconds
    /// Answers are guessed ahead where stages would be idle.
    package var guesses = true
    /// What prompts have in common at their beginnings is computed once.
    package var keepsPrefixes = true
    /// Seconds a request may wait without service.
    package var waitSeconds = 120
    /// Seconds that answers which run may go on after the coordinator was told to stop.
    package var drainSeconds = 0
    /// What was accepted is written down in the state folder, so that it goes on after a restart.
    package var keepsJournal = true
    /// HOST:PORT#KEY#TOKEN of the coordinator to follow, until this one takes its place; nil: it serves from the beginning.
    package var standbyOf: String?
    /// Clients hear that a request was accepted only when the standby has it on its disk, too.
    package var awaitsStandby = false
    /// Messages that may wait unread for one client, and events for one reader of an answer; with more the requests end.
    package var maximumUnread = 2048
    /// Where the digests of the model's tensors are remembered; nil: the user's cache.
    package var cacheFolder: String?
    /// Links are neither encrypted nor authenticated.
    package var isInsecure = false
    /// Where keys are kept, and who is admitted.
    package var state = StateFolder(nil)
    /// The line that joins workers is to admit newcomers, for a day. Not where it would land in a log.
    package var printsToken = true

    /// The defaults.
    package init(modelPath: String? = nil) { self.modelPath = modelPath }

    /// Opens the model. Throws where there is none, or one too many.
    func open() throws(TandemError) -> LoadedModel {
        switch (modelPath, isSimulated) {
        case (let path?, false):
            return try LoadedModel(path: path, contextLength: contextLength, quantization: quantization)
        case (nil, true):
            guard quantization == nil else {
                throw TandemError(
                    "\(.quantization) is for weights, but \(.simulated) has none", hint: "leave out one of them")
            }
            return try .simulated(contextLength: contextLength)
        case (nil, false):
            throw TandemError(
                "there is no \(.model)", hint: "give one with \(.model) PATH, or pretend to with \(.simulated)")
        case (_?, true):
            throw TandemError("\(.simulated) serves no model, but \(.model) names one", hint: "leave out one of them")
        }
    }

    /// What workers are told of the model; a real one's tensors are hashed. `progress` gets bytes hashed and in all.
    func manifest(of model: Model, progress: (Int, Int) -> Void) throws(TandemError) -> ModelManifest {
        if isSimulated {
            return ModelManifest(name: model.name, configuration: model.configuration, entries: [], isSimulated: true)
        }
        let book = DigestBook(folder: cacheFolder.map { $0 + "/digests" })
        var manifest = try book.manifest(of: model, progress: progress)
        manifest.keyValueType = try KeyValueType.named(keyValueType)
        return manifest
    }

    /// Throws what is wrong with choices that need no model.
    package func check() throws(TandemError) {
        _ = try validate()
        _ = try advertised()
    }

    /// Checks what needs no model. Returns where to listen.
    func validate() throws(TandemError) -> Endpoint {
        try TandemError.checked(minimumWorkers ?? 1, .minimumWorkers, in: 1...Wire.Limits.workers)
        try TandemError.checked(parallelRequests, .parallelRequests, in: 1...1024)
        try TandemError.checked(maximumRunning, .maximumRunning, in: 1...Wire.Limits.stepItems)
        try TandemError.checked(maximumWaiting, .maximumWaiting, in: 1...Self.mostWaiting)
        try TandemError.checked(stepMilliseconds, .stepMilliseconds, in: 1...60_000)
        try TandemError.checked(chunk, .chunk, in: 1...PromptChunk.largest)
        _ = try KeyValueType.named(keyValueType)
        try TandemError.checked(waitSeconds, .waitSeconds, in: 1...86_400)
        try TandemError.checked(drainSeconds, .drainSeconds, in: 0...86_400)
        let endpoint: Endpoint
        do { endpoint = try Endpoint(parsing: listen) } catch { throw TandemError(error, of: .listen) }
        guard case .tcp(_, let port) = endpoint else {
            throw TandemError("\(.listen) is \(listen)", hint: "write tcp://HOST:PORT")
        }
        guard port <= UInt16.max - Endpoint.coordinatorPorts else {
            throw TandemError(
                "\(.listen) is \(endpoint), but two further ports follow it",
                hint: "choose one below \(UInt16.max - Endpoint.coordinatorPorts)")
        }
        try checkStandby(port: port)
        return endpoint
    }

    private func checkStandby(port: UInt16) throws(TandemError) {
        guard let standbyOf else { return }
        _ = try JoinAddress(parsing: standbyOf, .standbyOf)
        if isInsecure {
            throw TandemError(
                "\(.standbyOf) needs keys, but \(.insecure) gives them up", hint: "leave out one of them")
        }
        guard port != 0, keepsJournal else {
            throw TandemError(
                "\(.standbyOf) needs a journal, which is kept only with a fixed port and with \(.journal) on",
                hint: "choose a port, as tcp://127.0.0.1:7070")
        }
    }

    /// The way to the coordinator that is followed; nil: none is. One that has followed this one, or was followed, is known.
    func followed(_ record: SuccessionRecord) throws(TandemError) -> Passage? {
        guard let standbyOf else { return nil }
        var address = try JoinAddress(parsing: standbyOf, .standbyOf)
        for known in [record.active, record.standby].compactMap({ $0 })
        where address.key == nil && (try? Endpoint(parsing: known.endpoint)) == address.endpoint {
            address.key = PublicKey(text: known.key)
        }
        return try Passage(address, role: .standby, folder: state, isInsecure: false)
    }

    /// What is known of other coordinators of this cluster. Throws where it may not serve.
    func succession(_ trust: CoordinatorTrust?, port: UInt16) throws(TandemError) -> CoordinatorLoop.Parts.Succession {
        guard let trust else { return .init() }
        let file = SuccessionFile(state, port: port)
        let record = try file.read() ?? SuccessionRecord()
        if let active = record.active, standbyOf == nil {
            throw TandemError(
                "this coordinator was the standby of the one at \(active.endpoint), and has not taken over from it",
                kind: .forbidden,
                hint:
                    "start it with \(.standbyOf) \(active.endpoint); where that one is gone for good, delete \(file.path)"
            )
        }
        return .init(
            file: file, record: record, ownerKey: trust.ownerToken.pair.publicKey, awaitsStandby: awaitsStandby)
    }

    /// Where what was accepted is written down.
    func journalFolder(port: UInt16) -> StateFolder { state.folder("journal/\(port)") }

    /// Where others are told to reach this host; nil: nobody said.
    func advertised() throws(TandemError) -> Endpoint? {
        guard let advertise else { return nil }
        do { return try Endpoint(advertised: advertise, port: 1) } catch { throw TandemError(error, of: .advertise) }
    }

    /// The machine's configuration for a model. `host`: where workers are told to join. Where another address was asked
    /// for than those it listens on, they find weights and tokens where they found the coordinator.
    func configuration(
        for loaded: LoadedModel, manifest: ModelManifest, weights: Endpoint, tokens: Endpoint, key: PublicKey?,
        at host: String
    ) -> CoordinatorConfiguration {
        let shape =
            isSimulated
            ? ModelShape(simulated: loaded.model)
            : ModelShape(
                loaded.model, maximumBatchTokens: maximumBatchTokens, keyValueType: manifest.keyValueType,
                blockCount: parallelRequests * loaded.blocksPerSequence)
        let description = manifest.encoded()
        var configuration = CoordinatorConfiguration(
            model: shape,
            modelDescription: description, build: Build.version,
            weightsEndpoint: (advertise == nil ? weights : weights.on("*")).description,
            tokensEndpoint: (advertise == nil ? tokens : tokens.on("*")).description,
            contextLength: loaded.contextLength,
            firstEpoch: Epoch(UInt64(Date().timeIntervalSince1970 * 1000)))
        configuration.modelHash = ContentHash(of: description)
        configuration.key = key.map { NodeKey($0) }
        configuration.weightsAddress = weights.on(host).description
        configuration.tokensAddress = tokens.on(host).description
        configuration.isSimulated = isSimulated
        configuration.keyValueType = manifest.keyValueType.rawValue
        configuration.lengthRule = loaded.lengthRule
        configuration.split = split
        configuration.minimumWorkers = minimumWorkers ?? split?.count ?? 1
        configuration.wantedBlocks = parallelRequests * loaded.blocksPerSequence
        configuration.prefillChunk = chunk
        configuration.maximumBatchTokens = maximumBatchTokens
        configuration.maximumRunning = maximumRunning
        configuration.maximumWaiting = maximumWaiting
        configuration.stepTime = .milliseconds(stepMilliseconds)
        configuration.guesses = guesses
        configuration.keepsPrefixes = keepsPrefixes
        configuration.waitingLimit = .seconds(waitSeconds)
        return configuration
    }

    /// What was accepted, by this process and the one before it on the same port; nil: nobody wants that, or nobody could
    /// find a coordinator again that listens on any port.
    func journal(at endpoint: Endpoint, for configuration: CoordinatorConfiguration, log: Logger) throws(TandemError)
        -> Journal?
    {
        guard keepsJournal, case .tcp(_, let port) = endpoint, port != 0, let model = configuration.modelHash else {
            return nil
        }
        return try Journal(journalFolder(port: port), model: model, log: log)
    }

    /// One client may fill the queue and all places, and have further requests refused with the time to try again; and leaves
    /// room for others to be refused one by one.
    var budget: RequestBudget {
        RequestBudget(
            limit: .init(
                requests: maximumRunning + maximumWaiting + ClientSessions.spareCount, bytes: RequestBudget.bytes),
            clientLimit: .init(
                requests: maximumRunning + maximumWaiting + ClientSessions.spareCount / 4,
                bytes: RequestBudget.clientBytes))
    }

    /// A chunk of a prompt and a token of every request that runs.
    private var maximumBatchTokens: Int { chunk + maximumRunning }

    /// So many may wait at most: a status lists all requests, and every step looks through all that wait.
    private static let mostWaiting = Wire.Limits.listedRequests - Wire.Limits.stepItems
}

extension ModelShape {
    /// Of a model whose layers nobody holds: they are all alike, and fit everywhere.
    init(simulated model: Model) {
        self.init(
            name: model.name, layerBytes: Array(repeating: 1, count: model.configuration.layerCount), embeddingBytes: 0,
            headBytes: 0, tiedBytes: 0,
            keyValueBytesPerBlock: Array(repeating: 0, count: model.configuration.layerCount), workspaceBytes: 0,
            activationsPerToken: model.configuration.embeddingLength,
            vocabularySize: model.configuration.vocabularySize)
    }

    /// What each part of a model takes in a worker's memory, with `blockCount` KV blocks at most.
    init(_ model: Model, maximumBatchTokens: Int, keyValueType: KeyValueType, blockCount: Int) {
        let configuration = model.configuration
        func bytes(_ part: ModelPart) -> Int { Stage.weightBytes(of: model.tensors(of: part)) }
        func operations(_ part: ModelPart) -> Double { configuration.operationsPerToken(of: part) }
        let shared = Set(model.tensors(of: .embedding).map(\.name))
        let tied = model.tensors(of: .head).filter { shared.contains($0.name) }
        // The last stage needs the most: it samples.
        let workspace = (1...64).map { threads in
            Stage.workspaceBytes(
                of: StageConfiguration(
                    model: configuration, layers: 0..<configuration.layerCount, blockCount: blockCount,
                    maximumBatchTokens: maximumBatchTokens, threads: threads))
        }
        // A line above all of these, and above those of more threads, each of which takes no more than these do.
        let slope = (workspace[63] - workspace[0] + 62) / 63
        let least = workspace.enumerated().map { $0.element - slope * $0.offset }.max() ?? 0
        self.init(
            name: model.name, layerBytes: (0..<configuration.layerCount).map { UInt64(bytes(.layer($0))) },
            embeddingBytes: UInt64(bytes(.embedding)), headBytes: UInt64(bytes(.head)),
            tiedBytes: UInt64(Stage.weightBytes(of: tied)),
            keyValueBytesPerBlock: (0..<configuration.layerCount).map {
                UInt64(Stage.keyValueBlockBytes(of: configuration, layer: $0, type: keyValueType))
            },
            workspaceBytes: UInt64(least), workspaceBytesPerThread: UInt64(slope),
            layerOperations: (0..<configuration.layerCount).map { operations(.layer($0)) },
            headOperations: operations(.head),
            activationsPerToken: configuration.embeddingLength, vocabularySize: configuration.vocabularySize)
    }
}
