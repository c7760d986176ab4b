// What can go wrong between this process and the network, in sentences for the person at the terminal.
// Must not know what was being sent. An unreachable peer and a full pipe are expected: they are values (`SendResult`).
import Glibc

/// A failure of the network or of what was asked of it. `description` says what is wrong, `hint` what to do.
package enum TransportError: Error, Hashable, Sendable {
    /// The text is not an endpoint; `reason` continues the sentence "… is not an endpoint: ".
    case badEndpoint(text: String, reason: String)
    /// Another socket listens on this endpoint.
    case addressInUse(Endpoint)
    /// This host has no such address to listen on.
    case notALocalAddress(Endpoint)
    /// The system forbids listening there (usually a port below 1024).
    case notPermitted(Endpoint)
    /// No address is known for the host; `reason` is the resolver's.
    case cannotResolve(host: String, reason: String)
    /// No network route leads to the host.
    case noRoute(host: String, reason: String)
    /// Anything else the system or libzmq refuses: out of descriptors, of threads, of memory.
    case system(operation: String, reason: String)
}

extension TransportError: CustomStringConvertible {
    /// One sentence saying what is wrong, with the endpoint or host in it.
    package var description: String {
        switch self {
        case .badEndpoint(let text, let reason): "'\(text)' is not an endpoint: \(reason)."
        case .addressInUse(let endpoint): "Something listens on \(endpoint) already."
        case .notALocalAddress(let endpoint): "Cannot listen on \(endpoint): this host has no such address."
        case .notPermitted(let endpoint): "Not allowed to listen on \(endpoint)."
        case .cannotResolve(let host, let reason): "Cannot find the address of host '\(host)': \(reason)."
        case .noRoute(let host, let reason): "No network leads to host '\(host)': \(reason)."
        case .system(let operation, let reason): "Cannot \(operation): \(reason)."
        }
    }

    /// One sentence saying what to do about it.
    package var hint: String {
        switch self {
        case .badEndpoint:
            "Write tcp://HOST:PORT or HOST:PORT, for example tcp://127.0.0.1:7070 or [::1]:7070."
        case .addressInUse(let endpoint):
            "Choose another port than that of \(endpoint) (port 0 takes a free one), or stop what listens there."
        case .notALocalAddress(let endpoint):
            "Use an address of this host (see `ip address`), or * for all of them, in place of that of \(endpoint)."
        case .notPermitted(let endpoint):
            "Choose a port above 1023 in place of that of \(endpoint)."
        case .cannotResolve(let host, _):
            "Check the spelling of '\(host)', or write its IP address."
        case .noRoute(let host, _):
            "Check that this host is on a network that reaches '\(host)'."
        case .system:
            "Check the limits of this process (`ulimit -n`) and the memory that is free."
        }
    }
}

/// The system's words for an error number, without a full stop.
func reason(_ number: Int32) -> String {
    String(cString: strerror(number))
}
