// Responsible for: what a worker is told when it starts, and what it offers when it joins.
// Must not know: flags.
import Generation
import Inference
import Sequences
import Transport
import Wire

/// The choices of `tandem worker`.
package struct WorkerOptions: Sendable {
    /// The coordinator's address.
    package var join: String
    /// Bytes this worker may use; nil: what is free.
    package var memoryBytes: Int?
    /// Threads that compute; nil: one per core.
    package var threads: Int?
    /// This host's own copy of the model.
    package var modelPath: String?
    /// Links beyond this machine are allowed although they are not encrypted.
    package var isInsecure = false
    /// Say which layer is the first whose output is not finite.
    package var checksLayers = false
    /// The address, or the name of a host, at which other hosts reach this one; nil: the one that leads to the coordinator.
    package var advertise: String?
    /// Where received weights are kept; nil: the user's cache.
    package var cacheFolder: String?

    /// Compute nothing, but take so many milliseconds for each step; nil: compute.
    package var simulatedStageMilliseconds: Double?
    /// And so many microseconds for each token of a step beyond the first.
    package var simulatedTokenMicroseconds: Double?

    /// The defaults.
    package init(join: String) { self.join = join }

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

    /// Refuses an address beyond this machine unless that was asked for.
    func coordinatorEndpoint() throws(TandemError) -> Endpoint {
        let endpoint: Endpoint
        do { endpoint = try Endpoint(parsing: join) } catch { throw TandemError(error, of: .join) }
        guard endpoint.isLoopback || isInsecure else {
            throw TandemError(
                "\(.join) is \(endpoint), which is on another host, and links are not encrypted yet",
                hint: "add \(.insecure) if you trust the network between the hosts")
        }
        return endpoint
    }

    /// The endpoint at which others reach what listens on `endpoint`. A name is looked up here, once: nobody has to ask a
    /// resolver for another's sake.
    func advertised(_ endpoint: Endpoint) throws(TandemError) -> Endpoint {
        guard let advertise, case .tcp(_, let port) = endpoint else { return endpoint }
        do {
            let host = try Endpoint(advertised: advertise, port: port).host
            return .tcp(host: try NumericAddress.all(of: host).first ?? host, port: port)
        } catch { throw TandemError(error, of: .advertise) }
    }

    /// What this worker offers, speed measured here and now. `dataEndpoint`: where it listens for activations. A worker
    /// that only pretends to compute is as fast as every other such worker.
    func offer(dataEndpoint: Endpoint, threads: Int) throws(TandemError) -> Join {
        var join = Join()
        join.build = Build.version
        join.hostName = MachineDescription.hostName
        join.processID = MachineDescription.processID
        let memory = memoryBytes ?? MachineDescription.availableMemoryBytes.map { $0 / 10 * 9 } ?? 1 << 30
        guard memory >= Self.minimumMemoryBytes else {
            throw TandemError("\(.memory) is \(memory) bytes, but must be at least \(Self.minimumMemoryBytes)")
        }
        join.memoryBytes = UInt64(memory)
        join.cores = MachineDescription.coreCount
        join.threads = threads
        join.instructionLevel = MachineDescription.instructionLevel
        join.isSimulated = try simulatedSpeed() != nil
        var speed = MachineSpeed(readBytesPerSecond: 1e9, int8OperationsPerSecond: 1e9)
        if !join.isSimulated {
            do { speed = try MachineSpeed.measure(threads: threads) } catch { throw TandemError(error) }
        }
        join.readBytesPerSecond = speed.readBytesPerSecond
        join.int8OperationsPerSecond = speed.int8OperationsPerSecond
        join.dataEndpoint = dataEndpoint.description
        return join
    }
}
