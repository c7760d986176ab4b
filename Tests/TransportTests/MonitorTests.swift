// Responsible for: that watching a socket's connections never holds anything up.
import Testing

@testable import Transport

@Suite struct MonitorTests {
    @Test("Watched sockets that close in the middle of their events leave the context working")
    func closing() throws {
        let link = try ListeningRouter()
        for round in 0..<300 {
            let dealer = try DealerSocket(link.context, ListeningRouter.options, server: nil)
            let monitor = try dealer.monitor()
            try dealer.connect(link.endpoint)
            // Some close before they are connected, some while they are, some after.
            if round % 3 > 0 { _ = link.poller.wait(timeoutMilliseconds: round % 3) }
            dealer.close()
            monitor.close()
            while !link.router.takeEvents().isEmpty {}
        }
        let dealer = try link.introducedDealer()
        #expect(link.router.send(to: link.peer, [[7]]) == .sent)
        dealer.close()
    }
}
