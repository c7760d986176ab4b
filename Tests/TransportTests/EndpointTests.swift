// Endpoints: what is read, what is refused and in which words.
import Testing

@testable import Transport

@Suite struct EndpointTests {
    @Test(
        "Endpoints are read and written in one form",
        arguments: [
            ("tcp://127.0.0.1:7070", "tcp://127.0.0.1:7070"),
            ("127.0.0.1:7070", "tcp://127.0.0.1:7070"),
            ("gpu-3.lan:1", "tcp://gpu-3.lan:1"),
            ("[::1]:7070", "tcp://[::1]:7070"),
            ("tcp://[fe80::1%eth0]:65535", "tcp://[fe80::1%eth0]:65535"),
            ("tcp://*:*", "tcp://*:0"),
            ("inproc://stage-1", "inproc://stage-1"),
            // As long as a host may be.
            (String(repeating: "h", count: 253) + ":*", "tcp://" + String(repeating: "h", count: 253) + ":0"),
        ])
    func readsAndWrites(text: String, written: String) throws {
        let endpoint = try Endpoint(parsing: text)
        #expect(endpoint.description == written)
        #expect(try Endpoint(parsing: written) == endpoint)
    }

    @Test(
        "What is not an endpoint is refused with the reason",
        arguments: [
            ("", "port is missing"),
            ("localhost", "port is missing"),
            ("[::1]", "port is missing"),
            (":7070", "host is missing"),
            ("tcp://:7070", "host is missing"),
            ("host:", "not a number"),
            ("host:70700", "not a number"),
            ("host:-1", "not a number"),
            ("host:+1", "not a number"),
            ("host:0x10", "not a number"),
            ("::1:7070", "brackets"),
            ("[localhost]:1", "IPv6"),
            ("[::1:7070", "IPv6"),
            ("http://host:80", "'http' is not a transport"),
            ("ipc:///tmp/x:1", "'ipc' is not a transport"),
            ("inproc://", "name after inproc://"),
            ("ho st:1", "space"),
            ("hôst:1", "not ASCII"),
            ("host/path:1", "host name"),
            ("a;b:1", "host name"),
            ("host\u{0}:1", "space"),
            (String(repeating: "h", count: 400) + ":1", "longer than"),
            (String(repeating: "h", count: 254) + ":1", "host is longer than"),
        ])
    func refuses(text: String, reason: String) throws {
        let error = try #require(throws: TransportError.self) { try Endpoint(parsing: text) }
        #expect(error.description.contains(reason), "\(error)")
        #expect(error.hint.contains("HOST:PORT"))
    }

    @Test(
        "Loopback addresses are known as such",
        arguments: [
            ("127.0.0.1:1", true), ("127.9.8.7:1", true), ("[::1]:1", true), ("localhost:1", true),
            ("inproc://x", true),
            ("0.0.0.0:1", false), ("*:1", false), ("10.0.0.1:1", false), ("[::]:1", false), ("[::2]:1", false),
            ("127.example.org:1", false),
        ])
    func loopback(text: String, isLoopback: Bool) throws {
        #expect(try Endpoint(parsing: text).isLoopback == isLoopback)
    }

    @Test("The address towards a host on this machine is a loopback address")
    func localAddress() throws {
        #expect(try NumericAddress.local(towards: "127.0.0.1") == "127.0.0.1")
        #expect(try NumericAddress.local(towards: "localhost").hasPrefix("127."))
    }

    @Test("A name that nobody knows is an error that names it, not a silent retry")
    func unknownName() throws {
        let error = try #require(throws: TransportError.self) {
            try NumericAddress.local(towards: "no-such-host.invalid")
        }
        #expect(error.description.contains("no-such-host.invalid"))
        let link = try ListeningRouter()
        let dealer = try DealerSocket(link.context, ListeningRouter.options, server: nil)
        #expect(throws: TransportError.self) { try dealer.connect(.tcp(host: "no-such-host.invalid", port: 1)) }
    }
}
