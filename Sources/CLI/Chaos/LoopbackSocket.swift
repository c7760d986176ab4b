// Responsible for: TCP sockets of this machine's own addresses, as descriptors that never wait. Must not know: what they
// carry.
import Foundation
import Sequences

enum LoopbackSocket {
    private static let flags =
        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)

    /// Port 0: any free one. Throws where it is taken.
    static func listening(_ host: String, _ port: UInt16) throws(TandemError) -> Int32 {
        let descriptor = socket(AF_INET, flags, 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let isBound = with(host, port) { bind(descriptor, $0, $1) == 0 }
        guard descriptor >= 0, isBound, listen(descriptor, 128) == 0 else {
            let reason = String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw TandemError("\(host):\(port) cannot be listened on: \(reason)", kind: .unavailable)
        }
        return descriptor
    }

    /// A connection of which nobody knows yet whether it comes about; nil: it does not.
    static func connecting(to port: UInt16) -> Int32? {
        let descriptor = socket(AF_INET, flags, 0)
        guard descriptor >= 0 else { return nil }
        if with("127.0.0.1", port, { connect(descriptor, $0, $1) }) != 0, errno != EINPROGRESS {
            close(descriptor)
            return nil
        }
        setNoDelay(descriptor)
        return descriptor
    }

    /// Who connected; nil: nobody.
    static func accepted(by listener: Int32) -> Int32? {
        let descriptor = ChildProcess.amongNoOthers {
            let descriptor = accept(listener, nil, nil)
            if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
            return descriptor
        }
        guard descriptor >= 0 else { return nil }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        setNoDelay(descriptor)
        return descriptor
    }

    static func port(of descriptor: Int32) -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// The first of `count` ports one behind the other that are free now on 127.0.0.1. Throws where there are none.
    static func freePorts(_ count: UInt16) throws(TandemError) -> UInt16 {
        for _ in 0..<100 {
            let first = try listening("127.0.0.1", 0)
            let port = Self.port(of: first)
            var taken = [first]
            defer { for descriptor in taken { close(descriptor) } }
            guard port <= .max - count else { continue }
            for next in port + 1..<port + count {
                guard let descriptor = try? listening("127.0.0.1", next) else { break }
                taken.append(descriptor)
            }
            if taken.count == count { return port }
        }
        throw TandemError("no \(count) free ports follow each other", kind: .unavailable)
    }

    private static func setNoDelay(_ descriptor: Int32) {
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func with<Value>(
        _ host: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
    ) -> Value {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port.bigEndian)
        address.sin_addr.s_addr = inet_addr(host)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
