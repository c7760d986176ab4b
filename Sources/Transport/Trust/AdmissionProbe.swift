// Responsible for: whom the installed libzmq lets in, tried on loopback with sockets of its own: what all trust stands on.
// Must not know: which keys are admitted.
import CZeroMQ
import Glibc

/// A listening socket with CURVE, and one that connects to it: does its message arrive?
package struct AdmissionProbe: Sendable, Hashable {
    /// What guards the listening socket.
    package struct Guard: Sendable, Hashable {
        /// What the handler of the context (ZAP) says to everybody; nil: there is no handler.
        package var verdict: Verdict?
        /// The socket has a domain (`ZMQ_ZAP_DOMAIN`).
        package var hasDomain: Bool
        /// The socket demands a handler's answer (`ZMQ_ZAP_ENFORCE_DOMAIN`).
        package var isEnforced: Bool

        package init(verdict: Verdict?, hasDomain: Bool, isEnforced: Bool) {
            (self.verdict, self.hasDomain, self.isEnforced) = (verdict, hasDomain, isEnforced)
        }
    }

    /// A handler's answer, as its protocol writes it.
    package enum Verdict: String, Sendable { case admit = "200", refuse = "400" }

    /// Who connects.
    package enum Caller: Sendable, Hashable {
        /// With a key of its own, which nobody knows.
        case stranger
        /// The same, taking another for the listener.
        case misled
        /// Without keys.
        case plain
    }

    /// What became of it.
    package enum Outcome: Sendable, Hashable {
        /// Its message arrived; `user`: who the handler says it is.
        case admitted(user: String?)
        case refused
    }

    package var guarding: Guard
    package var caller: Caller

    /// One try.
    package init(_ guard: Guard, caller: Caller = .stranger) { (guarding, self.caller) = (`guard`, caller) }

    /// What every listening socket of Tandem has, with a handler that refuses, and if that were missing.
    package static let refusing = AdmissionProbe(.init(verdict: .refuse, hasDomain: true, isEnforced: true))
    package static let unattended = AdmissionProbe(.init(verdict: nil, hasDomain: true, isEnforced: true))
    /// The same with one that admits.
    package static let admitting = AdmissionProbe(.init(verdict: .admit, hasDomain: true, isEnforced: true))

    /// What the handler calls those that it admits.
    package static let user = "probe"
    private static let patienceMilliseconds = 30_000
    /// ZMQ_ZAP_ENFORCE_DOMAIN, for which 4.3.4's header has no name.
    private static let enforceDomain: Int32 = 93

    /// Tries it, in some milliseconds: both a message and a refusal are told by libzmq. Throws `.system` where a socket
    /// cannot be had, or neither comes.
    package func run() throws(TransportError) -> Outcome {
        guard let context = zmq_ctx_new() else { throw Self.failure("start ZeroMQ") }
        // Waits for the sockets that are left, of which the handler closes its own.
        defer { while zmq_ctx_term(context) != 0 && zmq_errno() == EINTR {} }
        if let verdict = guarding.verdict { try Self.answer(verdict, in: context) }
        let listener = try Self.socket(ZMQ_DEALER, in: context)
        defer { zmq_close(listener) }
        let connecting = try Self.socket(ZMQ_DEALER, in: context)
        defer { zmq_close(connecting) }
        let (own, other, guest) = (try Keys(), try Keys(), try Keys())
        Self.set(listener, ZMQ_CURVE_SERVER, 1)
        Self.set(listener, ZMQ_CURVE_SECRETKEY, own.secret)
        if guarding.hasDomain { Self.set(listener, ZMQ_ZAP_DOMAIN, Array("tandem".utf8)) }
        if guarding.isEnforced { Self.set(listener, Self.enforceDomain, 1) }
        if caller != .plain {
            Self.set(connecting, ZMQ_CURVE_SERVERKEY, caller == .misled ? other.open : own.open)
            Self.set(connecting, ZMQ_CURVE_PUBLICKEY, guest.open)
            Self.set(connecting, ZMQ_CURVE_SECRETKEY, guest.secret)
        }
        return try Self.outcome(listener, connecting, in: context)
    }

    private static func outcome(
        _ listener: UnsafeMutableRawPointer, _ connecting: UnsafeMutableRawPointer, in context: UnsafeMutableRawPointer
    ) throws(TransportError) -> Outcome {
        var watchers: [UnsafeMutableRawPointer] = []
        defer {
            // Before the sockets are closed: libzmq's thread waits for whoever listens to events.
            for socket in [listener, connecting] { zmq_socket_monitor(socket, nil, 0) }
            for watcher in watchers { zmq_close(watcher) }
        }
        let failures =
            ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
            | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
        for (name, socket) in [("inproc://listener", listener), ("inproc://connecting", connecting)] {
            guard zmq_socket_monitor(socket, name, Int32(failures)) == 0 else { throw failure("watch a socket") }
            let watcher = try Self.socket(ZMQ_PAIR, in: context)
            watchers.append(watcher)
            guard zmq_connect(watcher, name) == 0 else { throw failure("watch a socket") }
        }
        guard zmq_bind(listener, "tcp://127.0.0.1:*") == 0 else { throw failure("listen on 127.0.0.1") }
        var text = [CChar](repeating: 0, count: 256)
        var size = text.count
        guard zmq_getsockopt(listener, ZMQ_LAST_ENDPOINT, &text, &size) == 0, zmq_connect(connecting, text) == 0 else {
            throw failure("connect to 127.0.0.1")
        }
        guard zmq_send(connecting, "x", 1, ZMQ_DONTWAIT) == 1 else { throw failure("send a message") }
        return try firstNews(of: listener, watchers)
    }

    /// The message, or the first event of a handshake that has failed.
    private static func firstNews(
        of listener: UnsafeMutableRawPointer, _ watchers: [UnsafeMutableRawPointer]
    ) throws(TransportError) -> Outcome {
        var items = ([listener] + watchers).map {
            zmq_pollitem_t(socket: $0, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
        }
        while true {
            let count = zmq_poll(&items, Int32(items.count), patienceMilliseconds)
            if count < 0 && zmq_errno() == EINTR { continue }
            guard count > 0 else {
                throw .system(operation: "try a handshake", reason: "neither a message nor a refusal came")
            }
            guard items[0].revents != 0 else { return .refused }
            var message = zmq_msg_t()
            zmq_msg_init(&message)
            defer { zmq_msg_close(&message) }
            guard zmq_msg_recv(&message, listener, ZMQ_DONTWAIT) >= 0 else { throw failure("receive a message") }
            return .admitted(user: zmq_msg_gets(&message, "User-Id").map { String(cString: $0) })
        }
    }

    /// Answers every question about a handshake in the same way, until the context ends.
    private static func answer(_ verdict: Verdict, in context: UnsafeMutableRawPointer) throws(TransportError) {
        let handler = try socket(ZMQ_REP, in: context)
        guard zmq_bind(handler, "inproc://zeromq.zap.01") == 0 else {
            let error = failure("guard handshakes")
            zmq_close(handler)
            throw error
        }
        // The thread takes the socket over: starting it is the fence that libzmq asks for.
        struct Transfer: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }
        let transfer = Transfer(pointer: handler)
        do {
            _ = try LoopThread(name: "admission probe") {
                while let request = RawMessage.receive(transfer.pointer) {
                    let user = verdict == .admit ? Array(user.utf8) : []
                    let reply = [
                        Array("1.0".utf8), request.count > 1 ? request[1] : [], Array(verdict.rawValue.utf8), [], user,
                        [],
                    ]
                    RawMessage.send(reply, transfer.pointer)
                }
                zmq_close(transfer.pointer)
            }
        } catch {
            zmq_close(handler)
            throw error
        }
    }

    /// A key pair as libzmq writes it: Z85, ended by a zero.
    private struct Keys {
        var open = [UInt8](repeating: 0, count: 41)
        var secret = [UInt8](repeating: 0, count: 41)

        init() throws(TransportError) {
            let (made, openText, secretText) = Self.make()
            guard made else { throw AdmissionProbe.failure("make a key") }
            (open, secret) = (openText, secretText)
        }

        private static func make() -> (Bool, [UInt8], [UInt8]) {
            var (open, secret) = ([CChar](repeating: 0, count: 41), [CChar](repeating: 0, count: 41))
            let isMade = zmq_curve_keypair(&open, &secret) == 0
            return (isMade, open.map { UInt8(bitPattern: $0) }, secret.map { UInt8(bitPattern: $0) })
        }
    }

    private static func socket(
        _ type: Int32, in context: UnsafeMutableRawPointer
    ) throws(TransportError) -> UnsafeMutableRawPointer {
        guard let socket = zmq_socket(context, type) else { throw failure("open a ZeroMQ socket") }
        set(socket, ZMQ_LINGER, 0)
        return socket
    }

    private static func set(_ socket: UnsafeMutableRawPointer, _ option: Int32, _ value: Int32) {
        var value = value
        zmq_setsockopt(socket, option, &value, MemoryLayout<Int32>.size)
    }

    private static func set(_ socket: UnsafeMutableRawPointer, _ option: Int32, _ value: [UInt8]) {
        zmq_setsockopt(socket, option, value, value.count)
    }

    fileprivate static func failure(_ operation: String) -> TransportError {
        .system(operation: operation, reason: reason(zmq_errno()))
    }
}
