// Responsible for: clients take turns, whatever they ask at whatever priority. Must not know: steps, workers.

import Sequences
import Testing
import Wire

@testable import Cluster

@Suite("Turns of clients")
struct TurnTests {
    private func task(_ request: UInt64, of client: UInt64, priority: Int = 0) -> GenerationTask {
        var task = Example.task(request, priority: priority)
        task.client = ClientID(client)
        return task
    }

    /// The requests in order.
    private func order(_ tasks: [GenerationTask]) -> [UInt64] {
        var scheduler = Example.scheduler()
        for task in tasks { scheduler.submit(task, now: .start) }
        return scheduler.sequences.map(\.request.value)
    }

    @Test("One client's requests have turns by priority, then arrival")
    func oneClient() {
        #expect(order([task(1, of: 1), task(2, of: 1), task(3, of: 1, priority: 1), task(4, of: 1)]) == [3, 1, 2, 4])
        #expect(order([task(1, of: 1, priority: -1), task(2, of: 1), task(3, of: 1)]) == [2, 3, 1])
    }

    @Test("Clients with one request each come by priority, then arrival")
    func oneRequestEach() {
        #expect(order([task(1, of: 1), task(2, of: 2, priority: 5), task(3, of: 3)]) == [2, 1, 3])
    }

    @Test("A client that asks for much at the highest priority waits behind itself")
    func flood() {
        let flood = (1...6).map { task($0, of: 1, priority: 100) }
        #expect(order(flood + [task(7, of: 2), task(8, of: 3), task(9, of: 2)]) == [1, 7, 8, 2, 9, 3, 4, 5, 6])
    }

    @Test("A client that asks one thing after the other at the highest priority does not keep others from their turn")
    func oneAfterTheOther() {
        var scheduler = Example.scheduler(running: 1)
        scheduler.submit(task(1, of: 1), now: .start)
        scheduler.submit(task(2, of: 2, priority: 100), now: .start)
        #expect(scheduler.sequences.first?.request == RequestID(2))
        for request in UInt64(3)...6 {
            _ = scheduler.end(RequestID(request - 1))
            scheduler.submit(task(request, of: 2, priority: 100), now: .start)
            #expect(scheduler.sequences.first?.request == RequestID(1))
        }
    }

    @Test("A client that has all places gives one to another that comes")
    func places() {
        var scheduler = Example.scheduler(running: 2)
        for request in UInt64(1)...4 { scheduler.submit(task(request, of: 1), now: .start) }
        _ = scheduler.nextStep(.start)
        scheduler.submit(task(5, of: 2), now: .start)
        _ = scheduler.nextStep(.start)
        let running = scheduler.sequences.filter { $0.phase == .running }.map(\.request.value)
        #expect(running == [1, 5])
    }

    @Test("In a full queue a newcomer takes the place of the last request of whoever has most, if it has fewer")
    func fullQueue() {
        var configuration = Example.configuration()
        configuration.maximumWaiting = 4
        var played = Played(configuration)
        for request in UInt64(1)...4 { played.tell(.submit(task(request, of: 1, priority: 100))) }
        // Nobody takes a place from itself.
        #expect(played.tell(.submit(task(5, of: 1, priority: 100))).refused == [5])
        #expect(played.tell(.submit(task(6, of: 2))).refused == [4])
        #expect(played.tell(.submit(task(7, of: 2))).refused == [3])
        // Two against two: it stays so.
        #expect(played.tell(.submit(task(8, of: 2))).refused == [8])
        #expect(played.tell(.submit(task(9, of: 3))).refused.count == 1)
        #expect(played.coordinator.status(now: .start).requests.count == 4)
    }

    @Test("What was accepted before the coordinator began is not refused, and gives its place to nobody")
    func acceptedBefore() {
        var configuration = Example.configuration()
        configuration.maximumWaiting = 2
        var played = Played(configuration)
        for request in UInt64(1)...4 {
            var accepted = task(request, of: 1)
            accepted.isAccepted = true
            #expect(played.tell(.submit(accepted)).refused == [])
        }
        #expect(played.tell(.submit(task(5, of: 2))).refused == [5])
        #expect(played.coordinator.status(now: .start).requests.count == 4)
    }

    @Test("Clients that have one request each take no place from each other")
    func noPlaceTaken() {
        var configuration = Example.configuration()
        configuration.maximumWaiting = 3
        var played = Played(configuration)
        for request in UInt64(1)...3 { played.tell(.submit(task(request, of: request))) }
        #expect(played.tell(.submit(task(4, of: 4, priority: 100))).refused == [4])
    }
}

extension [Coordinator.Action] {
    /// Requests that are told to come again.
    fileprivate var refused: [UInt64] {
        compactMap {
            guard case .fail(let request, let error) = $0, error.retryAfterMilliseconds != nil else { return nil }
            return request.value
        }
    }
}
