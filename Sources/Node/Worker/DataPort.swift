// Responsible for: where a worker listens for the steps of the stage before it, and where others are told to find it. Must
// not know: what arrives.
import Sequences
import Transport

/// A worker's data socket at the addresses of this host.
struct DataPort {
    private let socket: RouterSocket
    private let options: WorkerOptions
    private let passage: Passage
    /// Where it listens, by the addresses that were asked for: as many as the host has at most.
    private var endpoints: [String: Endpoint] = [:]
    /// The one that was asked for last.
    private var last: String?

    init(_ socket: RouterSocket, _ options: WorkerOptions, _ passage: Passage) {
        (self.socket, self.options, self.passage) = (socket, options, passage)
    }

    /// Listens where those who use this coordinator can reach this worker, on the port that was asked for or the first free
    /// one. Returns what they are to be told.
    mutating func endpoint(towards coordinator: Endpoint) throws(TandemError) -> Endpoint {
        let ports = try options.dataPorts()
        let endpoint: Endpoint
        do throws(TransportError) {
            let host = try address(towards: coordinator)
            endpoint = if let known = endpoints[host] { known } else { try bind(host, ports) }
            endpoints[host] = endpoint
            last = host
        } catch { throw TandemError(error, of: options.dataPort == nil ? nil : .dataPort) }
        return try options.advertised(endpoint)
    }

    /// The address that leads to the coordinator; every one where others are told another. Beside a coordinator that is
    /// there for other hosts it is one that they reach; what that coordinator has said of itself may come later.
    private func address(towards coordinator: Endpoint) throws(TransportError) -> String {
        if options.advertise != nil { return "*" }
        guard coordinator.isLoopback else { return try NumericAddress.local(towards: coordinator.host) }
        if let announced = passage.announced, !announced.isLoopback,
            let own = try? NumericAddress.local(towards: announced.host)
        {
            return own
        }
        if let last { return last }
        return try NumericAddress.local(towards: coordinator.host)
    }

    private func bind(_ host: String, _ ports: [UInt16]) throws(TransportError) -> Endpoint {
        for port in ports.dropLast() {
            do throws(TransportError) { return try socket.bind(.tcp(host: host, port: port)) } catch {
                guard case .addressInUse = error else { throw error }
            }
        }
        return try socket.bind(.tcp(host: host, port: ports[ports.count - 1]))
    }
}
