// One libzmq socket: options common to all, whole messages in and out, the thread that owns it. Must not know which
// pattern it serves; `RouterSocket` and `DealerSocket` do.
import CZeroMQ
import Glibc

/// Owns a libzmq socket. Not thread safe, as libzmq sockets are not: it may be made on one thread and handed to
/// another, but the thread that first sends, receives or polls owns it from then on (checked in debug builds). Visible
/// outside only because `Pollable` names it; nothing of it can be used there.
package final class SocketHandle {
    let context: Context
    let pointer: UnsafeMutableRawPointer
    let options: SocketOptions
    /// Messages refused by `receive` for having too many frames or, over inproc, too large ones.
    private(set) var droppedMessages = 0
    /// Whether a `Poller` looks after `isSettled`.
    var isPolled = false { didSet { isSettled = false } }
    /// There is nothing to receive, and `descriptor` becomes readable once that may have changed. Only of polled sockets.
    private var isSettled = false
    /// What libzmq signals news to this socket with; that something is there, only `hasMessage` can tell.
    private(set) lazy var descriptor: Int32 = {
        var descriptor: Int32 = -1
        var size = MemoryLayout<Int32>.size
        let result = zmq_getsockopt(pointer, ZMQ_FD, &descriptor, &size)
        precondition(result == 0, "libzmq refuses to name a descriptor: \(reason(zmq_errno()))")
        return descriptor
    }()
    private var owner: pthread_t?
    private var isOpen = true

    init(_ type: Int32, context: Context, options: SocketOptions) throws(TransportError) {
        guard let pointer = zmq_socket(context.handle, type) else {
            throw .system(operation: "open a ZeroMQ socket", reason: reason(zmq_errno()))
        }
        self.context = context
        self.pointer = pointer
        self.options = options

        set(ZMQ_LINGER, 0)  // closing never waits: the coordinator replays what was lost
        set(ZMQ_IMMEDIATE, 1)  // queue only on connections that exist
        set(ZMQ_SNDHWM, options.sendHighWaterMark)
        set(ZMQ_RCVHWM, options.receiveHighWaterMark)
        if let bytes = options.sendBufferBytes { set(ZMQ_SNDBUF, bytes) }
        set(ZMQ_MAXMSGSIZE, Int64(options.maximumFrameBytes + context.security.frameOverhead))
        set(ZMQ_BACKLOG, 512)
        set(ZMQ_HANDSHAKE_IVL, 2000)
        set(ZMQ_CONNECT_TIMEOUT, 2000)
        set(ZMQ_TCP_MAXRT, 5000)  // milliseconds until unacknowledged data counts as a lost connection
        set(ZMQ_RECONNECT_IVL, 100)
        set(ZMQ_RECONNECT_IVL_MAX, options.longestReconnectMilliseconds)
        set(ZMQ_TCP_KEEPALIVE, 1)
        set(ZMQ_TCP_KEEPALIVE_IDLE, 5)  // seconds
        set(ZMQ_TCP_KEEPALIVE_INTVL, 2)
        set(ZMQ_TCP_KEEPALIVE_CNT, 3)
        // Never ZMQ_HEARTBEAT_*: libzmq 4.3.4 aborts the process when a connecting socket's receive pipe is full
        // (#3937).
    }

    deinit { close() }

    func close() {
        guard isOpen else { return }
        stopMonitoring()
        isOpen = false
        zmq_close(pointer)
    }

    /// Ends the socket's event stream, now and while its reader still exists. A closed socket lives on in libzmq for a
    /// moment, and libzmq's I/O thread would wait for ever to tell a reader that is gone what becomes of it.
    func stopMonitoring() {
        if isOpen { zmq_socket_monitor(pointer, nil, 0) }
    }

    /// In debug builds, traps where another thread than the owner uses the socket, or anyone after `close`.
    func checkUse() {
        assert(isOpen, "A closed socket is used")
        assert(isOwnedByThisThread(), "A socket is used by two threads; one thread owns it")
    }

    private func isOwnedByThisThread() -> Bool {
        guard let owner else {
            self.owner = pthread_self()
            return true
        }
        return pthread_equal(owner, pthread_self()) != 0
    }

    // MARK: Options

    func set<Value: FixedWidthInteger>(_ option: Int32, _ value: Value) {
        // Every option is an `int` but for ZMQ_MAXMSGSIZE, which is an `int64_t`.
        let result =
            if let wide = value as? Int64 {
                withUnsafeBytes(of: wide) { zmq_setsockopt(pointer, option, $0.baseAddress, $0.count) }
            } else {
                withUnsafeBytes(of: Int32(value)) { zmq_setsockopt(pointer, option, $0.baseAddress, $0.count) }
            }
        precondition(result == 0, "libzmq refuses option \(option): \(reason(zmq_errno()))")
    }

    func set(_ option: Int32, _ bytes: [UInt8]) {
        let result = bytes.withUnsafeBytes { zmq_setsockopt(pointer, option, $0.baseAddress, $0.count) }
        precondition(result == 0, "libzmq refuses option \(option): \(reason(zmq_errno()))")
    }

    /// Where the socket really listens, after a bind to port 0 too.
    func lastEndpoint() -> String {
        var text = [UInt8](repeating: 0, count: 512)
        var count = text.count
        let result = text.withUnsafeMutableBytes {
            zmq_getsockopt(pointer, ZMQ_LAST_ENDPOINT, $0.baseAddress, &count)
        }
        precondition(result == 0, "libzmq refuses to name an endpoint: \(reason(zmq_errno()))")
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }

    // MARK: Messages

    /// Whether there is something to receive.
    func hasMessage() -> Bool {
        checkUse()
        if isSettled { return false }
        var events: Int32 = 0
        var size = MemoryLayout<Int32>.size
        while zmq_getsockopt(pointer, ZMQ_EVENTS, &events, &size) != 0 {
            precondition(zmq_errno() == EINTR, "libzmq cannot poll: \(reason(zmq_errno()))")
        }
        let hasMessage = events & ZMQ_POLLIN != 0
        isSettled = isPolled && !hasMessage
        return hasMessage
    }

    /// The next `receive` asks libzmq, whatever the poller has heard.
    func unsettle() { isSettled = false }

    /// Its descriptor became readable: whether there is something to receive that there was not before.
    func hasNews() -> Bool {
        guard isSettled else { return false }
        isSettled = false
        return hasMessage()
    }

    /// Sends one frame, copying it once, without waiting. Returns 0 or the error number.
    func sendFrame(_ bytes: UnsafeRawBufferPointer, more: Bool) -> Int32 {
        isSettled = false  // libzmq hears its news while it sends, and signals them no more
        let flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)
        while zmq_send(pointer, bytes.baseAddress, bytes.count, flags) < 0 {
            let number = zmq_errno()
            if number != EINTR { return number }
        }
        return 0
    }

    /// Sends the frames, then with `bulk` one more, as (the rest of) one message. Returns 0 or the number of the error that
    /// the first failing frame met. All frames are offered even then: a pipe that dies in the middle of a message makes
    /// libzmq drop everything up to the message's last frame, and without that one it would swallow the next message.
    func sendFrames(_ frames: [[UInt8]], bulk: Bulk?) -> Int32 {
        precondition(!frames.isEmpty || bulk != nil, "A message has at least one frame")
        let count = frames.count + (bulk == nil ? 0 : 1)
        precondition(
            count <= options.maximumFrames, "A message of \(count) frames; \(options.maximumFrames) are agreed")
        var failure: Int32 = 0
        for index in 0..<count {
            let isLast = index == count - 1
            let result =
                if index < frames.count {
                    frames[index].withUnsafeBytes { sendFrame($0, more: !isLast) }
                } else {
                    sendBulk(bulk)
                }
            if result != 0 && failure == 0 { failure = result }
            if result != 0 && index == 0 { break }  // nothing is under way yet
        }
        return failure
    }

    /// The large frame of a message.
    enum Bulk {
        case copied(UnsafeRawBufferPointer)
        case shared(Frame)
    }

    private func sendBulk(_ bulk: Bulk?) -> Int32 {
        isSettled = false
        return switch bulk {
        case .copied(let bytes): sendFrame(bytes, more: false)
        case .shared(let frame): frame.send(to: pointer)
        case nil: 0
        }
    }

    /// The next whole message without waiting; nil where none is there or the one that was there broke a limit. Of a
    /// polled socket, nil without asking libzmq as long as the poller has heard nothing.
    /// `extra` frames (a ROUTER's routing id) are allowed beside the limit.
    func receive(extra: Int) -> [Frame]? {
        guard let message = receiveMessage(extra: extra), message.isAcceptable else { return nil }
        return message.frames
    }

    /// A whole message.
    struct Message {
        /// At least one; where it is not acceptable, only the first two of them.
        var frames: [Frame] = []
        /// Of all frames but the extra ones, as they travel.
        var wireBytes = 0
        /// It keeps the limits of the options.
        var isAcceptable = true
    }

    /// The same, with messages that break a limit as far as they are needed to know who sent them.
    func receiveMessage(extra: Int) -> Message? {
        checkUse()
        if isSettled { return nil }
        var message = Message()
        var (count, hasMore) = (0, true)
        while hasMore {
            guard let frame = receiveFrame() else {
                precondition(count == 0, "libzmq handed out a part of a message")
                return nil
            }
            hasMore = frame.hasMore
            count += 1
            // TCP peers meet the size limit in libzmq; inproc ones here.
            if count > options.maximumFrames + extra || frame.count > options.maximumFrameBytes {
                message.isAcceptable = false
            }
            if count > extra { message.wireBytes += wireBytes(frame.count) }
            if message.isAcceptable || count <= 2 { message.frames.append(frame) }
            if !message.isAcceptable, message.frames.count > 2 { message.frames.removeSubrange(2...) }
        }
        if count <= extra { message.isAcceptable = false }
        if !message.isAcceptable { droppedMessages += 1 }
        return message
    }

    /// Bytes of a frame with its header (ZMTP 3.1, ZeroMQ RFC 37: two bytes, or nine for more than 255).
    func wireBytes(_ count: Int) -> Int {
        let content = count + context.security.frameOverhead
        return content + (content > 255 ? 9 : 2)
    }

    private func receiveFrame() -> Frame? {
        while true {
            if let frame = Frame(receivingFrom: pointer) { return frame }
            let number = zmq_errno()
            if number == EAGAIN {
                isSettled = isPolled
                return nil
            }
            precondition(number == EINTR, "libzmq cannot receive: \(reason(number))")
        }
    }
}
