// Responsible for: many requests to one coordinator at the same time or at given times, and a record of each.
// Must not know: what the prompts are, what is reckoned from the records.
import Foundation
import Generation
import Inference
import Node
import Sequences

/// Makes loads. Each request has a connection of its own, as the requests of different people have.
package struct LoadGenerator: Sendable {
    /// The request of a number, which counts from 0; asked for when it is to be sent.
    package typealias Requests = @Sendable (_ number: Int) -> GenerationRequest

    private let clients: [CoordinatorClient]
    private let didEnd: @Sendable () -> Void

    /// A client's sockets belong to one libzmq context, which has at most 1023 of them.
    private static let clientCount = 8

    /// `connect` makes a client of the coordinator. `didEnd` is called at the end of each request, from any thread.
    package init(
        connect: () throws(TandemError) -> CoordinatorClient, didEnd: @escaping @Sendable () -> Void = {}
    ) throws(TandemError) {
        MachineDescription.raiseDescriptorLimit()
        var clients: [CoordinatorClient] = []
        for _ in 0..<Self.clientCount { clients.append(try connect()) }
        (self.clients, self.didEnd) = (clients, didEnd)
    }

    /// A closed loop: `concurrency` requests at the same time, each that ends followed by the next, until `count` were
    /// made and have ended. No further ones are made after one that was lost, and after a cancellation.
    package func closedLoop(concurrency: Int, count: Int, _ requests: @escaping Requests) async -> [RequestRecord] {
        let start = ContinuousClock.now
        return await withTaskGroup(of: RequestRecord.self) { group in
            var records: [RequestRecord] = []
            var made = 0
            func makeNext() {
                let number = made
                made += 1
                group.addTask { await perform(requests(number), number: number, since: start) }
            }
            while made < min(concurrency, count) { makeNext() }
            while let record = await group.next() {
                records.append(record)
                if case .lost = record.ending { made = count }
                if made < count && !Task.isCancelled { makeNext() }
            }
            return records
        }
    }

    /// An open loop: a request at each of `times` (seconds from now on, ascending), however many have not ended. No
    /// further ones are made after a cancellation.
    package func openLoop(at times: [Double], _ requests: @escaping Requests) async -> [RequestRecord] {
        let start = ContinuousClock.now
        return await withTaskGroup(of: RequestRecord.self) { group in
            for (number, time) in times.enumerated() {
                try? await Task.sleep(until: start + .seconds(time))
                if Task.isCancelled { break }
                group.addTask { await perform(requests(number), number: number, since: start) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    /// One request from its submission to its end. A cancellation of the task is one of the request.
    private func perform(
        _ request: GenerationRequest, number: Int, since start: ContinuousClock.Instant
    ) async -> RequestRecord {
        func now() -> Double { start.duration(to: .now).seconds }
        var record = RequestRecord(
            submitted: now(), ended: 0, promptTokens: 0, ending: .lost("the stream ended before the answer did"))
        if case .tokens(let prompt) = request.prompt { record.promptTokens = prompt.count }
        do {
            for try await event in clients[number % clients.count].generate(request).events {
                switch event {
                case .accepted(_, let prompt, _): record.promptTokens = prompt.count
                case .tokens(let tokens, _), .reasoning(let tokens, _):
                    record.tokenTimes += repeatElement(now(), count: tokens.count)
                case .finished(let reason, _): record.ending = Self.ending(of: record, reason, request)
                case .notice, .waiting, .scores: break
                }
            }
        } catch { record.ending = Self.ending(of: record, error) }
        if Task.isCancelled { record.ending = .cancelled }
        record.ended = now()
        didEnd()
        return record
    }

    private static func ending(
        of record: RequestRecord, _ reason: FinishReason, _ request: GenerationRequest
    ) -> RequestRecord.Ending {
        if reason == .cancelled { return .cancelled }
        let (count, wanted) = (record.tokenTimes.count, request.maximumTokens)
        if request.ignoresEndOfText && count != wanted {
            return .failed("an answer ended after \(count) of \(wanted) tokens")
        }
        return .completed
    }

    private static func ending(of record: RequestRecord, _ error: any Error) -> RequestRecord.Ending {
        guard let error = error as? TandemError else { return .lost("\(error)") }
        if !error.isReply { return .lost("\(error.message)") }
        return record.tokenTimes.isEmpty ? .refused("\(error.message)") : .failed("\(error.message)")
    }
}

extension GenerationRequest {
    /// A request of a load: the likeliest token each time, and exactly `answerTokens` of them.
    package static func load(prompt: [Int32], answerTokens: Int) -> GenerationRequest {
        var request = GenerationRequest(prompt: .tokens(prompt))
        request.sampling.temperature = 0
        request.maximumTokens = answerTokens
        request.ignoresEndOfText = true
        return request
    }
}
