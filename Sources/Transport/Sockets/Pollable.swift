// What a `Poller` can wait for. Must not know what arrives.

/// A `RouterSocket`, `DealerSocket` or `Monitor`.
package protocol Pollable: AnyObject {
    /// Messages that were dropped for breaking a limit of the socket's options.
    var droppedMessages: Int { get }
    /// The libzmq socket.
    var handle: SocketHandle { get }
}
