// Numeric IP addresses and the system's resolver. Must not know sockets of ZeroMQ.
import Glibc

/// What the system says about the text of an address or the name of a host.
package enum NumericAddress {
    /// Whether the text is an IPv6 address (a zone such as `%eth0` included), without brackets.
    static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        let withoutZone = text.prefix { $0 != "%" }
        return inet_pton(AF_INET6, String(withoutZone), &address) == 1
    }

    /// Whether the text is an IPv4 address.
    static func isIPv4(_ text: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1
    }

    /// Whether the text is an address in `127.0.0.0/8` or `::1`.
    static func isLoopback(_ text: String) -> Bool {
        if isIPv4(text) { return text.hasPrefix("127.") }
        var address = in6_addr()
        guard inet_pton(AF_INET6, text, &address) == 1 else { return false }
        return withUnsafeBytes(of: address) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
    }

    /// The address of this host from which packets to `host` (a name or an address) leave: what a node advertises to
    /// those who shall reach it. Nothing is sent. Asks the resolver (may block). Throws `.cannotResolve` or `.noRoute`.
    package static func local(towards host: String) throws(TransportError) -> String {
        let list = try resolve(host)
        defer { freeaddrinfo(list) }
        let found = list.pointee
        let descriptor = socket(found.ai_family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system(operation: "open a socket", reason: reason(errno)) }
        defer { close(descriptor) }
        guard connect(descriptor, found.ai_addr, found.ai_addrlen) == 0 else {
            throw .noRoute(host: host, reason: reason(errno))
        }

        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let address = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length) == 0 ? text(of: $0, length) : nil
            }
        }
        guard let address else { throw .noRoute(host: host, reason: "the system does not tell our own address") }
        return address
    }

    /// Whether anything accepts connections at this address of this machine, now.
    fileprivate static func isAnswered(_ host: String, _ port: UInt16) -> Bool {
        guard let list = try? resolve(host) else { return false }
        defer { freeaddrinfo(list) }
        let found = list.pointee
        let descriptor = socket(found.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        found.ai_addr.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_port = port.bigEndian }
        return connect(descriptor, found.ai_addr, found.ai_addrlen) == 0
    }

    /// The IPv4 address of a host by its name or, written out, its address (then IPv6 too). libzmq listens on numeric
    /// addresses only, and to a name that nobody knows it would connect in silence for ever. May block.
    static func ofHost(_ host: String) throws(TransportError) -> String {
        if isIPv4(host) || isIPv6(host) { return host }
        let list = try resolve(host)
        defer { freeaddrinfo(list) }
        guard let address = text(of: list.pointee.ai_addr, list.pointee.ai_addrlen) else {
            throw .cannotResolve(host: host, reason: "its address cannot be written")
        }
        return address
    }

    /// The system's addresses for `host`, at least one, port 9 (discard; connecting a UDP socket needs some port).
    private static func resolve(_ host: String) throws(TransportError) -> UnsafeMutablePointer<addrinfo> {
        var hints = addrinfo()
        hints.ai_family = isIPv6(host) ? AF_INET6 : AF_INET
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "9", &hints, &list)
        guard code == 0, let list else {
            throw .cannotResolve(host: host, reason: code == 0 ? "no address" : String(cString: gai_strerror(code)))
        }
        return list
    }

    /// The numeric text of a socket address and its port; nil where the system has none.
    static func textWithPort(of address: UnsafePointer<sockaddr>, _ length: socklen_t) -> String? {
        guard let host = text(of: address, length) else { return nil }
        let port = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// The numeric text of a socket address, nil where the system has none.
    private static func text(of address: UnsafePointer<sockaddr>, _ length: socklen_t) -> String? {
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        guard getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else {
            return nil
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

extension Endpoint {
    /// Whether anything accepts connections there, now. Of addresses of this machine alone: others may keep us waiting.
    package var isAnswered: Bool {
        guard isLoopback, case .tcp(let host, let port) = self else { return false }
        return NumericAddress.isAnswered(host, port)
    }
}
