// Responsible for: what a worker is told when it starts, and what it offers when it joins.
// Must not know: flags.
import Cluster
import Generation
import Inference
import Sequences
import Transport
import Wire

/// The choices of `tandem worker`.
package struct WorkerOptions: Sendable {
    /// HOST:PORT of the coordinator, alone or as HOST:PORT#KEY#TOKEN; behind commas those that may take its place.
    package var join: String
    /// Bytes this worker may use; nil: what is free.
    package var memoryBytes: Int?
    /// Threads that compute; nil: one per core.
    package var threads: Int?
    /// This host's own copy of the model.
    package var modelPath: String?
    /// Links are neither encrypted nor authenticated.
    package var isInsecure = false
    /// Where this worker's key is kept.
    package var state = StateFolder(nil)
    /// Where it listens for steps; nil: on the first free port from `defaultDataPort` on. 0: on any.
    package var dataPort: Int?
    /// Seconds that its layers, with keys and values, are held for a coordinator that is gone.
    package var leaseSeconds = WorkerOptions.defaultLeaseSeconds
    /// Say which layer is the first whose output is not finite.
    package var checksLayers = false
    /// The address, or the name of a host, at which other hosts reach this one, perhaps with the port there; nil: the one
    /// that leads to the coordinator.
    package var advertise: String?
    /// Where received weights are kept; nil: the user's cache.
    package var cacheFolder: String?
    /// Where the workers of this host say what memory they have reserved; nil: the user's folder for that.
    package var ledgerFolder: String?

    /// Seconds that others may take to have this worker's layers after it was told to stop; 0: it leaves at once.
    package var drainSeconds = 0

    /// Compute nothing, but take so many milliseconds for each step; nil: compute.
    package var simulatedStageMilliseconds: Double?
    /// And so many microseconds for each token of a step beyond the first.
    package var simulatedTokenMicroseconds: Double?

    package static let defaultLeaseSeconds = 600

    /// The defaults.
    package init(join: String) { self.join = join }

    /// Throws what is wrong with these choices, as far as they alone tell.
    package func validate() throws(TandemError) {
        if simulatedStageMilliseconds != nil { _ = try simulatedSpeed() }
        _ = try dataPorts()
        try TandemError.checked(drainSeconds, .drainSeconds, in: 0...86_400)
        _ = try MachineDescription.threadCount(threads)
        try checkMemory()
        try TandemError.checked(leaseSeconds, .leaseSeconds, in: 0...86_400)
        if let advertise {
            do { _ = try Self.endpoint(advertised: advertise, port: 1) } catch {
                throw TandemError(error, of: .advertise)
            }
        }
    }

    /// HOST:PORT, where another port there leads to this one, or HOST.
    private static func endpoint(advertised text: String, port: UInt16) throws(TransportError) -> Endpoint {
        let hasPort = text.hasPrefix("[") ? !text.hasSuffix("]") : text.count { $0 == ":" } == 1
        guard hasPort else { return try Endpoint(advertised: text, port: port) }
        guard case .tcp(let host, let other) = try Endpoint(parsing: text), other > 0 else {
            throw .badEndpoint(text: text, reason: "others cannot connect to it")
        }
        return try Endpoint(advertised: host, port: other)
    }

    private func checkMemory() throws(TandemError) {
        guard let memoryBytes, memoryBytes < Self.minimumMemoryBytes else { return }
        throw TandemError("\(.memory) is \(memoryBytes) bytes, but must be at least \(Self.minimumMemoryBytes)")
    }

    /// How long a stage pretends to compute; nil: it computes. Throws what is wrong with these choices.
    func simulatedSpeed() throws(TandemError) -> TimedStage.Speed? {
        guard let milliseconds = simulatedStageMilliseconds else {
            guard simulatedTokenMicroseconds == nil else {
                throw TandemError(
                    "\(.simulatedTokenMicroseconds) needs \(.simulatedStageMilliseconds)",
                    hint: "say how long a step takes, or leave out both")
            }
            return nil
        }
        guard modelPath == nil else {
            throw TandemError(
                "\(.simulatedStageMilliseconds) computes nothing, but \(.model) names weights",
                hint: "leave out one of them")
        }
        let perToken = simulatedTokenMicroseconds ?? 0
        guard (0...60_000).contains(milliseconds) else {
            throw TandemError("\(.simulatedStageMilliseconds) is \(milliseconds), but must be between 0 and 60000")
        }
        guard (0...1_000_000).contains(perToken) else {
            throw TandemError("\(.simulatedTokenMicroseconds) is \(perToken), but must be between 0 and 1000000")
        }
        return TimedStage.Speed(
            nanosecondsPerStep: UInt64(milliseconds * 1e6), nanosecondsPerToken: UInt64(perToken * 1e3))
    }

    /// The least memory that is worth joining with.
    static let minimumMemoryBytes = 1 << 20

    /// The first port that a worker listens on, and how many workers of a host it is looked for in vain.
    package static let defaultDataPort = 7080
    private static let dataPorts = 256

    /// The ports to try, in order.
    func dataPorts() throws(TandemError) -> [UInt16] {
        if let dataPort {
            return [UInt16(try TandemError.checked(dataPort, .dataPort, in: 0...Int(UInt16.max)))]
        }
        return (0..<Self.dataPorts).map { UInt16(Self.defaultDataPort + $0) }
    }

    /// The ways to the coordinators.
    func coordinators() throws(TandemError) -> CoordinatorList {
        let addresses = try JoinAddress.list(parsing: join, .join)
        for address in addresses {
            guard case .tcp = address.endpoint else {
                throw TandemError("\(address.endpoint) is not an address of a coordinator", hint: "write HOST:PORT")
            }
        }
        return try CoordinatorList(addresses, role: .worker, folder: state, isInsecure: isInsecure)
    }

    /// Memory that is reserved for this worker as long as it lives, of what this host and its other workers leave. Throws
    /// where that is too little to join with. `note` is told in words what was reserved, and what is odd.
    func reservation(
        under limits: [MemoryLimit] = MachineDescription.memoryLimits, note: (LogLevel, String) -> Void
    ) throws(TandemError) -> MemoryReservation? {
        try checkMemory()
        guard try simulatedSpeed() == nil else { return nil }
        let reservation: MemoryReservation?
        do throws(TandemError) {
            reservation = try MemoryLedger(folder: ledgerFolder).reserve(memoryBytes, under: limits)
        } catch {
            note(.warning, "other workers of this host do not see what this one reserves: \(error)")
            reservation = MemoryLedger.reserveAlone(memoryBytes, under: limits)
        }
        guard let reservation else { return nil }
        let size = { (bytes: Int) in bytesText(UInt64(clamping: bytes)) }
        var reason = "\(reservation.limit.name) leaves \(size(reservation.limit.freeBytes))"
        if reservation.reservedByOthers > 0 {
            reason += ", of which other workers of this host have reserved \(size(reservation.reservedByOthers))"
        }
        guard reservation.bytes >= Self.minimumMemoryBytes else {
            throw TandemError(
                "there is no memory for a worker: \(reason), and it needs \(size(MemoryLedger.leastMargin)) beside its "
                    + "weights", kind: .unavailable, hint: "stop other programs, or raise that limit")
        }
        if let memoryBytes, reservation.bytes < memoryBytes {
            note(.warning, "offers \(size(reservation.bytes)), not the \(size(memoryBytes)) asked for: \(reason)")
        } else if memoryBytes == nil {
            note(.info, "offers \(size(reservation.bytes)) of memory: \(reason)")
        }
        return reservation
    }

    /// The endpoint at which others reach what listens on `endpoint`. A name is looked up here, once: nobody has to ask a
    /// resolver for another's sake.
    func advertised(_ endpoint: Endpoint) throws(TandemError) -> Endpoint {
        guard let advertise, case .tcp(_, let port) = endpoint else { return endpoint }
        do {
            let told = try Self.endpoint(advertised: advertise, port: port)
            guard case .tcp(let host, let port) = told else { return told }
            return .tcp(host: try NumericAddress.all(of: host).first ?? host, port: port)
        } catch { throw TandemError(error, of: .advertise) }
    }

    /// What this worker offers, speed measured here and now. `dataEndpoint`: where it listens for activations;
    /// `memory`: nil where nobody can tell what there is, or nothing is computed. A worker that only pretends to compute
    /// is as fast as every other such worker.
    func offer(
        dataEndpoint: Endpoint, threads: Int, memory: MemoryReservation?
    ) throws(TandemError) -> Join {
        var join = Join()
        join.build = Build.version
        join.hostName = MachineDescription.hostName
        join.processID = MachineDescription.processID
        let memoryBytes = memory?.bytes ?? memoryBytes ?? 1 << 30
        join.memoryBytes = UInt64(memoryBytes)
        join.cores = MachineDescription.coreCount
        join.threads = threads
        join.instructionLevel = MachineDescription.instructionLevel
        join.isSimulated = try simulatedSpeed() != nil
        var speed: MachineSpeed? = MachineSpeed(readBytesPerSecond: 1e9, int8OperationsPerSecond: 1e9)
        if !join.isSimulated {
            do { speed = try MachineSpeed.measure(threads: threads, availableBytes: memoryBytes) } catch {
                throw TandemError(error)
            }
        }
        join.readBytesPerSecond = speed?.readBytesPerSecond ?? 0
        join.int8OperationsPerSecond = speed?.int8OperationsPerSecond ?? 0
        join.dataEndpoint = dataEndpoint.description
        return join
    }
}
