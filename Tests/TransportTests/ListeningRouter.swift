// What the tests share: a ROUTER and DEALERs of one context, and waiting with a deadline.
import Glibc
import Testing

@testable import Transport

/// A listening ROUTER with its monitor and the poller that watches both, used by one thread.
final class ListeningRouter {
    let context: Context
    let router: RouterSocket
    let poller: Poller
    let endpoint: Endpoint
    /// Who sent the last message that `nextMessage` gave.
    private(set) var peer = Peer(number: 0)

    init(
        _ options: SocketOptions = ListeningRouter.options, listen: String = "tcp://127.0.0.1:0",
        waking waker: Waker? = nil
    )
        throws
    {
        context = try Context(.open)
        router = try RouterSocket(context, options, purpose: "tests")
        endpoint = try router.bind(Endpoint(parsing: listen))
        poller = try Poller(waker ?? Waker())
        poller.add(router)
        poller.add(router.monitor)
    }

    static let options = SocketOptions(maximumFrameBytes: 8 << 20)

    /// A DEALER on its way to the ROUTER.
    func dealer(_ options: SocketOptions = ListeningRouter.options) throws -> DealerSocket {
        let dealer = try DealerSocket(context, options, server: nil)
        try dealer.connect(endpoint)
        return dealer
    }

    /// A DEALER from which the ROUTER has heard, so that it can answer.
    func introducedDealer(_ options: SocketOptions = ListeningRouter.options) throws -> DealerSocket {
        let dealer = try dealer(options)
        try dealer.sendWhenPossible([Array("hello".utf8)])
        try #require(try nextMessage().frames.map(\.bytes) == [Array("hello".utf8)])
        return dealer
    }

    /// The ROUTER's next message, waited for with its poller.
    func nextMessage() throws -> Arrival {
        let message: Arrival = try wait("a message for the ROUTER") {
            if let message = router.receive(), !message.frames.isEmpty { return message }
            _ = poller.wait(timeoutMilliseconds: 20)
            return nil
        }
        peer = message.peer
        return message
    }
}

extension DealerSocket {
    /// Sends as soon as there is a connection with room.
    func sendWhenPossible(_ frames: [[UInt8]]) throws {
        try wait("a connection") { send(frames) == .sent ? () : pause() }
    }

    /// The next message, waited for.
    func nextMessage() throws -> [Frame] {
        try wait("a message for the DEALER") { receive() ?? pause() }
    }
}

/// Calls `attempt` until it gives a value; fails the test where it does not within minutes, for machines are busy.
func wait<Value>(_ what: Comment, for attempt: () throws -> Value?) throws -> Value {
    let deadline = ContinuousClock.now + .seconds(300)
    while ContinuousClock.now < deadline {
        if let value = try attempt() { return value }
    }
    return try #require(nil as Value?, "waited in vain for \(what)")
}

/// How many times longer than on an idle machine it takes until a thread runs again that slept, measured now; 1 at
/// least. What bounds a time in which threads wake each other is multiplied by it.
func slowness() -> Double {
    let start = ContinuousClock.now
    for _ in 0..<50 { usleep(1000) }
    return max(1, (ContinuousClock.now - start) / .milliseconds(60))
}

/// Sleeps a millisecond; gives nil, for use in `wait`.
func pause<Value>() -> Value? {
    usleep(1000)
    return nil
}

/// Bytes in which a shift, a cut or two swapped pages show: a period of 251, no divisor of any size used here.
func pattern(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
        for index in 0..<min(count, 251) { bytes[index] = UInt8(index) }
        filled = min(count, 251)
        while filled < count {  // a byte-wise loop takes seconds in a debug build
            let more = min(251, count - filled)
            bytes.baseAddress.map { _ = memcpy($0 + filled, $0, more) }
            filled += more
        }
    }
}
