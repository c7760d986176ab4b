// A peer below libzmq: a bare TCP connection that speaks as much ZMTP 3.1 (https://rfc.zeromq.org/spec/37) as a test
// needs, so that it can die like a killed process, be silent, or send what libzmq would not.
import Glibc
import Testing

@testable import Transport

/// Blocking, with a receive timeout. Closed with its last reference.
final class RawPeer {
    private var descriptor: Int32

    /// Connects and says nothing.
    init(connectingTo endpoint: Endpoint) throws {
        guard case .tcp(_, let port) = endpoint else {
            throw TransportError.system(operation: "test", reason: "not TCP")
        }
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Connects and introduces itself as a DEALER, with the routing id `id` where it is not empty.
    convenience init(greeting endpoint: Endpoint, as id: String = "") throws {
        try self.init(connectingTo: endpoint)
        write(Self.greeting(mechanism: "NULL"))
        var ready: [UInt8] = [5] + Array("READY".utf8)
        for (name, value) in [("Socket-Type", "DEALER"), ("Identity", id)] {
            ready +=
                [UInt8(name.utf8.count)] + Array(name.utf8) + [0, 0, 0, UInt8(value.utf8.count)] + Array(value.utf8)
        }
        write([0x04, UInt8(ready.count)] + ready)
        // A message before the other side's greeting (64 bytes) and READY would be a violation of the protocol.
        try skip(64)
        try skip(Int(try skip(2)[1]))
    }

    /// The 64 bytes that every ZMTP 3.1 connection begins with.
    static func greeting(mechanism: String) -> [UInt8] {
        let signature: [UInt8] = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F]
        let name = Array(mechanism.utf8)
        return signature + [3, 1] + name + Array(repeating: 0, count: 20 - name.count + 32)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Reads `count` bytes.
    @discardableResult
    private func skip(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = recv(descriptor, &bytes, count, Int32(MSG_WAITALL))
        try #require(received == count)
        return bytes
    }

    /// Writes bytes as they are.
    func write(_ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Sends a message of one frame, or a frame of a message that goes on.
    func send(_ bytes: [UInt8], hasMore: Bool = false) {
        let length = withUnsafeBytes(of: UInt64(bytes.count).bigEndian) { Array($0) }
        write([hasMore ? 0x03 : 0x02] + length + bytes)
    }

    /// Closes the connection as the kernel does for a killed process: with a reset where it had unread data.
    func die(withReset: Bool) {
        var linger = linger(l_onoff: withReset ? 1 : 0, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
        descriptor = -1
    }

    /// Reads until the other side closes; false where it has not after `milliseconds`.
    func isCutOff(withinMilliseconds milliseconds: Int) -> Bool {
        let start = ContinuousClock.now
        var buffer = [UInt8](repeating: 0, count: 256)
        while ContinuousClock.now - start < .milliseconds(milliseconds) {
            if read(descriptor, &buffer, buffer.count) == 0 { return true }
        }
        return false
    }
}
