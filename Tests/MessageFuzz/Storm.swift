// Responsible for: the thread that says what was changed, to every port. Must not know: what comes of it.
import CommandTests
import Foundation
import MessageMutator
import Synchronization
import Transport
import Wire

/// What an environment says of the run, so that a failure can be had again.
enum Run {
    private static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

    static let messages = number("TANDEM_FUZZ_MESSAGES") ?? 5000
    static let seed = UInt64(number("TANDEM_FUZZ_SEED") ?? 1)
    /// Messages a second, of all that are said.
    static let rate = number("TANDEM_FUZZ_RATE") ?? 500
    static let replay = "again with TANDEM_FUZZ_SEED=\(seed) TANDEM_FUZZ_MESSAGES=\(messages) TANDEM_FUZZ_RATE=\(rate)"

    /// Tells the person who runs it.
    static func tell(_ text: String) { FileHandle.standardError.write(Data("fuzz: \(text)\n".utf8)) }
}

/// A port of a node, and what is right to say to it.
struct Target: Sendable {
    enum Kind: Sendable { case control, results, weights, data }

    let kind: Kind
    let port: UInt16
    /// Whose port it is.
    let server: PublicKey
}

/// How far the storm is; of any thread.
final class Progress: Sendable {
    private let state = Mutex((sent: 0, dropped: 0, recent: [String](), breaches: Set<String>(), isOver: false))

    func note(_ text: @autoclosure () -> String, sent: Bool) {
        state.withLock { state in
            if sent { state.sent += 1 } else { state.dropped += 1 }
            if state.recent.count == 40 { state.recent.removeFirst() }
            state.recent.append(text())
        }
    }

    /// Somebody was let in who should not have been.
    func noteBreach(_ what: String) { state.withLock { _ = $0.breaches.insert(what) } }
    var breaches: [String] { state.withLock { $0.breaches.sorted() } }

    func end() { state.withLock { $0.isOver = true } }

    var isOver: Bool { state.withLock { $0.isOver } }
    /// Messages that a socket took, and those that none took in time.
    var sent: Int { state.withLock { $0.sent } }
    var dropped: Int { state.withLock { $0.dropped } }
    /// The latest messages, for a person.
    var recent: String { state.withLock { $0.recent.joined(separator: "\n") } }
}

/// Says messages at random, as everybody whom the cluster knows, to all targets.
struct Storm {
    let targets: [Target]
    let identities: [Identity]
    let progress: Progress

    /// Says them until `Run.messages` of them were taken, in about as much time as the rate allows; ends early where
    /// `progress` is over. Whoever's connection was ended is passed over until there is another.
    func run() throws {
        let context = try Context(.keys(.random(), Admission()))
        var connections: [Connection] = []
        defer { for connection in connections { connection.intruder.close() } }
        for target in targets {
            for identity in identities {
                let intruder = try Intruder(context, as: identity.pair, to: target.port, server: target.server)
                connections.append(Connection(target: target, identity: identity, intruder: intruder))
            }
        }
        defer {
            for connection in connections where connection.intruder.wasLetIn && !connection.isAdmitted {
                progress.noteBreach("\(connection.identity.role) at \(connection.target.kind)")
            }
        }
        // Whom no port lets in tries on, but has no part in the number of messages.
        let (inside, outside) = (connections.filter(\.isAdmitted), connections.filter { !$0.isAdmitted })
        var messages = Messages()
        messages.endpoints += targets.map { "tcp://127.0.0.1:\($0.port)" }
        let start = ContinuousClock.now
        for number in 0... {
            if progress.isOver || progress.sent >= Run.messages { break }
            var random = Mutator(seed: Run.seed &* 1_000_003 &+ UInt64(number))
            random.known = messages.known
            let (target, identity, intruder) = random.element(inside).parts
            let frames = random.spoil(frame(for: target, identity, &messages, &random))
            if number % 16 == 0 {
                let connection = random.element(outside)
                if connection.intruder.say(frames, within: 0) {
                    progress.noteBreach("\(connection.identity.role) at \(connection.target.kind)")
                }
            }
            let isSent = intruder.say(frames, within: 0)
            progress.note(
                "\(number) of the \(identity.role) to \(target.kind) \(target.port): \(hexadecimal(frames))",
                sent: isSent)
            for answer in intruder.answers() { learn(answer, &messages) }
            if !isSent { usleep(1000) }
            let due = start + .microseconds(progress.sent * 1_000_000 / max(1, Run.rate))
            if ContinuousClock.now < due { usleep(UInt32(max(1, (due - .now) / .microseconds(1)))) }
        }
    }

    /// One connection of the storm.
    private struct Connection {
        let target: Target
        let identity: Identity
        let intruder: Intruder

        var isAdmitted: Bool { identity.isAdmitted(to: target.kind) }
        var parts: (Target, Identity, Intruder) { (target, identity, intruder) }
    }

    /// What is right of this one at this port, most of the time.
    private func frame(
        for target: Target, _ identity: Identity, _ messages: inout Messages, _ random: inout Mutator
    ) -> [[UInt8]] {
        messages.step = UInt64(random.below(2000))
        if random.once(in: 8) { return messages.any(&random) }
        switch target.kind {
        case .control: return messages.control(of: random.once(in: 8) ? nil : identity.role, &random)
        case .results: return random.once(in: 4) ? messages.hello(&random) : messages.result(&random)
        case .weights: return random.once(in: 4) ? messages.hello(&random) : messages.fetch(&random)
        case .data: return messages.forward(&random)
        }
    }

    /// What members are told: the epoch of the plan in force.
    private func learn(_ answer: [UInt8], _ messages: inout Messages) {
        switch try? CoordinatorMessage(decoding: answer) {
        case .standby(let epoch): messages.epoch = epoch.value
        case .assign(let assign): messages.epoch = assign.epoch.value
        default: break
        }
        if case .status(let status)? = try? ClientReply(decoding: answer) { messages.epoch = status.epoch.value }
    }
}

/// The frames for a person, long ones cut.
func hexadecimal(_ frames: [[UInt8]]) -> String {
    frames.prefix(4).map { frame in
        let digits = frame.prefix(300).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return frame.count > 300 ? "\(digits)... (\(frame.count) bytes)" : digits
    }.joined(separator: " | ")
}
