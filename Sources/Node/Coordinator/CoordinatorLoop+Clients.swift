// Responsible for: what clients ask of a coordinator over the control link, and what they are told there.
// Must not know: text, how an answer comes about.
import Cluster
import Logging
import Sequences
import Transport
import Wire

extension CoordinatorLoop {
    private static let retellingDelay = Duration.milliseconds(250)

    /// Answers a client, or begins what it asks for.
    func serve(_ message: ClientMessage, over arrival: Arrival) {
        let client = ClientID(arrival.peer)
        switch message {
        case .statusQuery(let query):
            guard query.version == Wire.protocolVersion else { return refuse(client, query.version, query.build) }
            guard pace.allows(.status, arrival, now) else { return refuse(arrival, on: sockets.control) }
            let frame = statusFrame ?? ClientReply.status(status).encode()
            statusFrame = frame
            _ = send(frame, to: client)
        case .cancel(let request): clients.cancel(request, of: client)
        case .measureQuery(let query):
            guard query.version == Wire.protocolVersion else { return refuse(client, query.version, query.build) }
            measure(for: client, arrival)
        case .drain(let request):
            guard request.version == Wire.protocolVersion else { return refuse(client, request.version, request.build) }
            guard pace.allows(.status, arrival, now) else { return refuse(arrival, on: sockets.control) }
            guard permissions.mayAdminister(arrival.key) else {
                let why: Sentence = "only the user who runs the coordinator may have workers left out"
                return reply(.drain(DrainReply(.refused, why)), to: client)
            }
            decide(.drain(request, of: client))
        case .planQuery(let query):
            guard query.version == Wire.protocolVersion else { return refuse(client, query.version, query.build) }
            guard pace.allows(.plan, arrival, now) else { return refuse(arrival, on: sockets.control) }
            preview(query, for: client, mayApply: permissions.mayAdminister(arrival.key))
        case .ping: reply(.pong(clockMicroseconds: Microseconds.ofDay), to: client)
        case .generate(let generate):
            guard generate.version == Wire.protocolVersion else {
                return refuse(client, generate.version, generate.build)
            }
            if let place = desk.record.standby?.place {
                if desk.handOverEnd != nil || desk.end != nil { return reply(.elsewhere(place), to: client) }
                reply(.standbyPlace(place), to: client)
            }
            if drain.hasBegun { return reply(.failed(generate.id, .stopping), to: client) }
            let owner = permissions.keeper(arrival, coordinator: parts.configuration.key)
            let known = resumed.take(generate, of: owner)
            if let known {
                parts.log.debug("\(generate.id) was accepted before; \(known.count) tokens are known to follow")
            }
            let refusal = clients.start(
                generate, known: known, of: client, for: permissions.requester(arrival), with: parts.generations,
                JournaledAnswer(generate, owner: owner, in: parts.journal), replies: parts.wishes)
            if let refusal { reply(refusal, to: client) }
        }
    }

    /// The state of everything, for people.
    private var status: StatusReply {
        var status = machine.status(now: now)
        status.journal = parts.journal?.status
        status.standby?.unacknowledgedBytes = UInt64(desk.following?.unacknowledgedBytes ?? 0)
        return status
    }

    /// Tells which plan there would be, and has it carried out if that is wanted.
    private func preview(_ query: PlanQuery, for client: ClientID, mayApply: Bool) {
        guard mayApply || !query.isApplied else {
            let error = TandemError(
                "only the user who runs the coordinator may have another plan carried out", kind: .forbidden,
                hint: "run it on the coordinator's host as that user, as `tandem remove`")
            return reply(.failed(PlanQuery.request, error), to: client)
        }
        switch machine.preview(query, now: now) {
        case .failure(let error): reply(.failed(PlanQuery.request, error), to: client)
        case .success(var preview):
            preview.isApplied = query.isApplied
            if query.isApplied { decide(.apply(query)) }
            reply(.planPreview(preview), to: client)
        }
    }

    /// All who ask while links are measured are told what was found.
    private func measure(for client: ClientID, _ arrival: Arrival) {
        guard measurers.count < Self.mostMeasurers, pace.allows(.measure, arrival, now) else {
            return reply(
                .refusal(Refusal(reason: "links were measured a moment ago; ask again in a while")), to: client)
        }
        measurers.append(client)
        decide(.examine)
    }

    /// What was found out about the links, for all that asked.
    func tellMeasurers(_ found: Measurements) {
        let frame = ClientReply.measurements(found).encode()
        let clients = measurers
        measurers = []
        for client in clients { _ = send(frame, to: client) }
    }

    private static let mostMeasurers = 64

    private func refuse(_ client: ClientID, _ version: UInt32, _ build: String) {
        reply(.refusal(.version(version, build: build, ourBuild: Build.version)), to: client)
    }

    /// Sends a message to a client.
    func reply(_ message: ClientReply, to client: ClientID) { _ = send(message.encode(), to: client) }

    /// The requests of a client that is gone, or reads so slowly that its queue is full, are given up.
    func send(_ message: [UInt8], to client: ClientID) -> SendResult {
        let result = sockets.control.send(to: client.peer, [message])
        switch result {
        case .sent: break
        case .unreachable: clients.leave(client)
        case .full:
            clients.stall(client)
            if retelling == nil { retelling = now + Self.retellingDelay }
        }
        return result
    }

    /// Who read too slowly is told what became of its requests as soon as it reads again.
    func tellUntold() {
        guard isDue(&retelling) else { return }
        for (client, request) in clients.untold {
            if send(ClientReply.failed(request, .readTooSlowly).encode(), to: client) == .sent {
                clients.noteTold(request, of: client)
            }
        }
        if !clients.untold.isEmpty { retelling = now + Self.retellingDelay }
    }
}
