// Responsible for: what a worker is told when it starts, and what it offers when it joins.
// Must not know: flags.
import Generation
import Inference
import Sequences
import Transport
import Wire

/// The choices of `tandem worker`.
package struct WorkerOptions: Sendable {
    /// HOST:PORT of the coordinator, alone or as HOST:PORT#KEY#TOKEN.
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
    /// Say which layer is the first whose output is not finite.
    package var checksLayers = false
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

    /// The way to the coordinator.
    func passage() throws(TandemError) -> Passage {
        let address = try JoinAddress(parsing: join, .join)
        guard case .tcp = address.endpoint else {
            throw TandemError("\(address.endpoint) is not an address of a coordinator", hint: "write HOST:PORT")
        }
        return try Passage(address, role: .worker, folder: state, isInsecure: isInsecure)
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
