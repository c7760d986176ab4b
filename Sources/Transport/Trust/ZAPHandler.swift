// Responsible for: libzmq's question at each handshake, who may come in (ZAP, ZeroMQ RFC 27), on a thread of its own.
// Must not know: why a key is admitted (Admission).
import CZeroMQ
import Glibc

/// Answers for one context. libzmq admits everybody where nobody answers, so it is bound before any socket listens, and a
/// failure of it ends the process: every socket also sets a domain and demands an answer.
enum ZAPHandler {
    /// Binds and starts to answer; ends by itself when the context is terminated.
    static func start(in context: UnsafeMutableRawPointer, _ admission: Admission) throws(TransportError) {
        guard let socket = zmq_socket(context, ZMQ_REP) else {
            throw .system(operation: "open a ZeroMQ socket", reason: reason(zmq_errno()))
        }
        guard zmq_bind(socket, "inproc://zeromq.zap.01") == 0 else {
            let number = zmq_errno()
            zmq_close(socket)
            throw .system(operation: "guard the handshakes of ZeroMQ", reason: reason(number))
        }
        // The thread takes the socket over: starting it is the fence that libzmq asks for.
        let transfer = SocketTransfer(pointer: socket)
        do {
            _ = try LoopThread(name: "admission") {
                answer(transfer.pointer, admission)
                zmq_close(transfer.pointer)
            }
        } catch {
            zmq_close(socket)
            throw error
        }
    }

    private struct SocketTransfer: @unchecked Sendable { let pointer: UnsafeMutableRawPointer }

    private static func answer(_ socket: UnsafeMutableRawPointer, _ admission: Admission) {
        while let request = RawMessage.receive(socket) {
            // Version, request id, domain, address, identity, mechanism, credentials.
            guard request.count >= 2 else { preconditionFailure("libzmq asks for admission with too few frames") }
            var user = ""
            if request.count == 7, text(request[0]) == "1.0", text(request[5]) == "CURVE",
                let key = PublicKey(request[6]),
                admission.isAdmitted(key, for: text(request[2]), from: text(request[3]))
            {
                user = key.description
            }
            let status = user.isEmpty ? "400" : "200"
            RawMessage.send([request[0], request[1], Array(status.utf8), [], Array(user.utf8), []], socket)
        }
        let number = zmq_errno()
        precondition(number == ETERM, "nobody guards the handshakes any more: \(reason(number))")
    }

    private static func text(_ frame: [UInt8]) -> String { String(decoding: frame, as: UTF8.self) }
}
