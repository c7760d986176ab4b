// Responsible for: that watching a socket's connections never holds anything up.
import Testing

@testable import Transport

@Suite struct MonitorTests {
    @Test("Watched sockets that close in the middle of their events leave the context working")
    func closing() throws {
        let link = try ListeningRouter()
        for round in 0..<300 {
            let dealer = try DealerSocket(link.context, ListeningRouter.options, as: .random())
            let monitor = try dealer.monitor()
            try dealer.connect(link.endpoint)
            // Some close before they are connected, some while they are, some after.
            if round % 3 > 0 { _ = link.poller.wait(timeoutMilliseconds: round % 3) }
            dealer.close()
            monitor.close()
            while link.monitor.next() != nil {}
        }
        let dealer = try link.introducedDealer("last")
        #expect(link.router.send(to: try #require(Peer(Array("last".utf8))), [[7]]) == .sent)
        dealer.close()
    }
}
