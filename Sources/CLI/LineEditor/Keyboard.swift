// Responsible for: what happens at the terminal while a command has it: keys, its size, signals, in one order.
// Must not know: what keys lead to.
import Foundation
import Synchronization

/// The keys of the terminal of stdin, from a thread that reads as long as the process lives.
final class Keyboard: Sendable {
    enum Event: Sendable {
        case keys([TypedKey])
        /// SIGINT, which means what Ctrl-C means.
        case interrupted
        /// The terminal has another size, or was somebody else's meanwhile.
        case resized, resumed
        /// SIGTSTP of somebody else.
        case suspended
        /// The terminal went away.
        case ended
    }

    private struct State {
        var events: [Event] = []
        var onInterrupt: (@Sendable () -> Void)?

        /// Takes away all up to a Ctrl-C; false where none waits.
        mutating func takeInterrupt() -> Bool {
            for (index, event) in events.enumerated() {
                switch event {
                case .interrupted: events.removeFirst(index + 1)
                case .keys(let keys):
                    guard let place = keys.firstIndex(of: .interrupt) else { continue }
                    events.removeFirst(index)
                    events[0] = .keys(Array(keys[(place + 1)...]))
                default: continue
                }
                return true
            }
            return false
        }
    }

    /// Rings where something happened that `take` gives; ends with the terminal.
    let bell: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let output: Int32
    private let state = Mutex(State())

    /// So long after an escape the rest of its sequence has come.
    private static let sequenceMilliseconds: Int32 = 50

    /// Takes the terminal; `output` is a descriptor through which it is written to.
    init(output: Int32) {
        self.output = output
        (bell, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        RawMode.enter(output: output)
        _ = Signals.listen(SIGINT) { [self] in interrupt() }
        for number in [SIGTERM, SIGHUP, SIGQUIT] { _ = Signals.listen(number) { exitNow(128 + number) } }
        _ = Signals.listen(SIGWINCH) { [self] in happen(.resized) }
        _ = Signals.listen(SIGTSTP) { [self] in if !suspendAtOnce() { happen(.suspended) } }
        _ = Signals.listen(SIGCONT) { [self] in
            RawMode.leave()  // whoever had the terminal meanwhile may have changed it
            RawMode.enter(output: output)
            happen(.resumed)
        }
        Thread.detachNewThread { [self] in read() }
    }

    /// What happened next, in order, but Ctrl-C while somebody else wants it; nil: nothing yet.
    func take() -> Event? { state.withLock { $0.events.isEmpty ? nil : $0.events.removeFirst() } }

    /// While `body` runs, Ctrl-C calls `action`, on any thread; all else that is typed is kept for later. A Ctrl-C that
    /// nobody has taken yet was meant for it too.
    func withInterrupt<Value>(
        _ action: @escaping @Sendable () -> Void, _ body: () async throws -> Value
    ) async rethrows -> Value {
        let isInterrupted = state.withLock { state in
            state.onInterrupt = action
            return state.takeInterrupt()
        }
        defer { state.withLock { $0.onInterrupt = nil } }
        if isInterrupted { action() }
        return try await body()
    }

    /// Stops this process until somebody lets it go on; the terminal is as it was.
    func suspend() {
        RawMode.leave()
        raise(SIGSTOP)  // to this thread, so that it does not go on before all have stopped
        RawMode.enter(output: output)
    }

    private func happen(_ event: Event) {
        state.withLock { $0.events.append(event) }
        continuation.yield()
    }

    private func interrupt() {
        if let action = state.withLock({ $0.onInterrupt }) { action() } else { happen(.interrupted) }
    }

    /// While an answer comes nobody asks for keys; true where that is so.
    private func suspendAtOnce() -> Bool {
        guard state.withLock({ $0.onInterrupt != nil }) else { return false }
        suspend()
        return true
    }

    private func read() {
        var decoder = KeyDecoder()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if decoder.isInSequence {
                var wanted = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
                if poll(&wanted, 1, Self.sequenceMilliseconds) == 0 { deliver(decoder.endSequence()) }
            }
            let count = Foundation.read(STDIN_FILENO, &buffer, buffer.count)
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            guard count > 0 else { break }
            deliver(decoder.decode(buffer[..<count]))
        }
        happen(.ended)
        continuation.finish()
    }

    private func deliver(_ keys: [TypedKey]) {
        var kept: [TypedKey] = []
        for key in keys {
            if key == .interrupt, let action = state.withLock({ $0.onInterrupt }) {
                action()
            } else if key != .suspend || !suspendAtOnce() {
                kept.append(key)
            }
        }
        if !kept.isEmpty { happen(.keys(kept)) }
    }
}
