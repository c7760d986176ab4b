// Responsible for: what a worker is told when it starts, and what it offers when it joins.
// Must not know: flags.
import Inference
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
    /// Where received weights are kept; nil: the user's cache.
    package var cacheFolder: String?

    /// The defaults.
    package init(join: String) { self.join = join }

    /// The least memory that is worth joining with.
    static let minimumMemoryBytes = 1 << 20

    /// Refuses an address beyond this machine unless that was asked for.
    func coordinatorEndpoint() throws(NodeError) -> Endpoint {
        let endpoint: Endpoint
        do { endpoint = try Endpoint(parsing: join) } catch { throw NodeError(error) }
        guard endpoint.isLoopback || isInsecure else {
            throw NodeError(
                "\(endpoint) is on another host, and links are not encrypted yet",
                hint: "add --insecure if you trust the network between the hosts")
        }
        return endpoint
    }

    /// What this worker offers, speed measured here and now. `dataEndpoint`: where it listens for activations.
    func offer(dataEndpoint: Endpoint, threads: Int) throws(NodeError) -> Join {
        var join = Join()
        join.build = buildVersion
        join.hostName = MachineDescription.hostName
        join.processID = MachineDescription.processID
        let memory = memoryBytes ?? MachineDescription.availableMemoryBytes.map { $0 / 10 * 9 } ?? 1 << 30
        guard memory >= Self.minimumMemoryBytes else {
            throw NodeError("--memory is \(memory) bytes, but must be at least \(Self.minimumMemoryBytes)")
        }
        join.memoryBytes = UInt64(memory)
        join.cores = MachineDescription.coreCount
        join.threads = threads
        join.instructionLevel = MachineDescription.instructionLevel
        let speed: MachineSpeed
        do { speed = try MachineSpeed.measure(threads: threads) } catch { throw NodeError(error) }
        join.readBandwidth = speed.readBytesPerSecond
        join.int8Speed = speed.int8OperationsPerSecond
        join.dataEndpoint = dataEndpoint.description
        return join
    }
}
