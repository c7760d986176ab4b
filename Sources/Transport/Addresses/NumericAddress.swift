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
        let addresses = try all(of: host)
        var problem = "its address cannot be written"
        for address in addresses.filter(isIPv4) + addresses.filter(isIPv6) {
            let list = try resolve(address, AF_UNSPEC)
            defer { freeaddrinfo(list) }
            let found = list.pointee
            let descriptor = socket(found.ai_family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw .system(operation: "open a socket", reason: reason(errno)) }
            defer { close(descriptor) }
            if connect(descriptor, found.ai_addr, found.ai_addrlen) == 0, let own = own(of: descriptor) { return own }
            problem = reason(errno)
        }
        throw .noRoute(host: host, reason: problem)
    }

    /// The address of this end of a connected socket.
    private static func own(of descriptor: Int32) -> String? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length) == 0 ? text(of: $0, length) : nil
            }
        }
    }

    /// The addresses of a host, in the order in which the system would try them; what is written out is its own only
    /// address. Asks the resolver (may block). Throws `.cannotResolve`.
    package static func all(of host: String) throws(TransportError) -> [String] {
        if isIPv4(host) || isIPv6(host) { return [host] }
        let list = try resolve(host, AF_UNSPEC)
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var entry: UnsafeMutablePointer<addrinfo>? = list
        while let found = entry {
            if let text = text(of: found.pointee.ai_addr, found.pointee.ai_addrlen), !addresses.contains(text) {
                addresses.append(text)
            }
            entry = found.pointee.ai_next
        }
        if addresses.isEmpty { throw .cannotResolve(host: host, reason: "its address cannot be written") }
        return addresses
    }

    /// One address of a host: where there are several, the first at which somebody listens on `port`, and the first of all
    /// where nobody does. May block, for a second an address at most. Throws `.cannotResolve`.
    package static func answering(_ host: String, port: UInt16) throws(TransportError) -> String {
        let addresses = try all(of: host)
        if addresses.count == 1 { return addresses[0] }
        return addresses.first { accepts($0, port) } ?? addresses[0]
    }

    /// Whether a connection can be made within a second.
    fileprivate static func accepts(_ address: String, _ port: UInt16) -> Bool {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, "\(port)", &hints, &list) == 0, let found = list?.pointee else { return false }
        defer { freeaddrinfo(list) }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(found.ai_family, kind, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        if connect(descriptor, found.ai_addr, found.ai_addrlen) == 0 { return true }
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard errno == EINPROGRESS, poll(&wait, 1, 1000) == 1 else { return false }
        var problem: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem == 0
    }

    /// The address from which this host speaks to the world, as others on its networks reach it; where no way leads there,
    /// its first one on a network. nil: there is none.
    package static var ownAddress: String? {
        // Addresses for documentation: the default route leads there, and nothing is sent.
        for target in ["192.0.2.1", "2001:db8::1"] {
            if let address = try? local(towards: target), !isLoopback(address) { return address }
        }
        return [AF_INET, AF_INET6].lazy.compactMap { ofInterface($0) }.first
    }

    /// The first address of a family on an interface that has a network, and that needs no zone to be reached.
    private static func ofInterface(_ family: Int32) -> String? {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return nil }
        defer { freeifaddrs(list) }
        let wanted = UInt32(IFF_UP) | UInt32(IFF_RUNNING)
        let size = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        for entry in sequence(first: list, next: { $0?.pointee.ifa_next }) {
            guard let entry = entry?.pointee, let address = entry.ifa_addr,
                Int32(address.pointee.sa_family) == family,
                entry.ifa_flags & (wanted | UInt32(IFF_LOOPBACK)) == wanted,
                let text = text(of: address, socklen_t(size)), !text.contains("%")
            else { continue }
            return text
        }
        return nil
    }

    /// The address of a host by its name, IPv4 where it has one, or, written out, its own. libzmq listens on numeric
    /// addresses only, and to a name that nobody knows it would connect in silence for ever. May block.
    static func ofHost(_ host: String) throws(TransportError) -> String {
        let addresses = try all(of: host)
        return addresses.first { isIPv4($0) } ?? addresses[0]
    }

    /// The system's addresses for `host`, at least one, port 9 (discard; connecting a UDP socket needs some port).
    private static func resolve(_ host: String, _ family: Int32) throws(TransportError) -> UnsafeMutablePointer<
        addrinfo
    > {
        var hints = addrinfo()
        hints.ai_family = family
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
        let port = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
            UInt16(bigEndian: $0.pointee.sin_port)
        }
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
        guard let address = try? NumericAddress.all(of: host).first else { return false }
        return NumericAddress.accepts(address, port)
    }
}
