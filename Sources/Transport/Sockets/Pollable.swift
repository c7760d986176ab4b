// What a `Poller` can wait for. Must not know what arrives.

/// A `RouterSocket`, `DealerSocket` or `Monitor`.
package protocol Pollable: AnyObject {
    /// The libzmq socket.
    var handle: SocketHandle { get }
}
