// Responsible for: `tandem status --watch`: ask again and again, show what came, until somebody ends it.
// Must not know: what a state looks like.
import Foundation
import Generation
import Node
import Sequences

/// Asks one coordinator every `interval` seconds.
struct StatusWatch {
    let client: CoordinatorClient
    let interval: Double
    let isJSON: Bool

    private enum Event: Sendable {
        case answer(Result<ClusterStatus, TandemError>)
        case key(UInt8)
        case interrupted, resized, suspended, second
    }

    /// Returns at a `q` of the live view; throws `CancellationError` after a signal to end it. Otherwise goes on for ever.
    func run() async throws {
        if !isJSON, let screen = Screen() { try await show(on: screen) } else { try await printLines() }
    }

    /// A line for each answer on stdout, failures on stderr.
    private func printLines() async throws {
        var previous: ClusterStatus?
        for await result in answers() {
            switch result {
            case .failure(let error): Terminal.say("\(error.message.spelled); asking again")
            case .success(let status):
                let view = StatusView(status: status, previous: previous)
                Terminal.put(isJSON ? try JSONOutput.line(status) : view.plainLine() + "\n")
                previous = status
            }
        }
    }

    /// The state every `interval` seconds, until nobody listens.
    private func answers() -> AsyncStream<Result<ClusterStatus, TandemError>> {
        AsyncStream { continuation in
            let task = Task {
                var next = ContinuousClock.now
                while !Task.isCancelled {
                    continuation.yield(await answer())
                    next = max(.now, next + .seconds(interval))
                    try? await Task.sleep(until: next, clock: .continuous)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func answer() async -> Result<ClusterStatus, TandemError> {
        do { return .success(try await client.status()) } catch {
            return .failure(error as? TandemError ?? TandemError("\(error)"))
        }
    }

    private func show(on screen: Screen) async throws {
        let (events, continuation) = AsyncStream<Event>.makeStream()
        let asking = Task { for await result in answers() { continuation.yield(.answer(result)) } }
        let ticking = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: .seconds(1))
                continuation.yield(.second)
            }
        }
        let interrupt = Interrupt { continuation.yield(.interrupted) }
        let signals = [
            Signals.listen(SIGWINCH) { continuation.yield(.resized) },
            Signals.listen(SIGTSTP) { continuation.yield(.suspended) },
        ]
        Screen.readKeys { continuation.yield(.key($0)) }
        screen.enter()
        defer {
            asking.cancel()
            ticking.cancel()
            for signal in signals { signal.stop() }
            screen.leave()
            interrupt.stop()
        }
        var view = StatusView(isFine: screen.isFine)
        var age = Age(interval: interval)
        Self.draw(view, on: screen)
        for await event in events {
            switch event {
            case .answer(.success(let status)):
                (view.previous, view.status) = (view.status, status)
                (age.lastAnswer, age.error) = (.now, nil)
            case .answer(.failure(let error)): age.error = error
            case .key(let byte): if byte == UInt8(ascii: "q") { return }
            case .second, .resized: break
            case .interrupted: throw CancellationError()
            case .suspended:
                screen.leave()
                raise(SIGSTOP)  // to this thread, so that it does not go on before all have stopped
                screen.enter()
            }
            view.failure = age.sentence
            Self.draw(view, on: screen)
        }
    }

    private static func draw(_ view: StatusView, on screen: Screen) {
        let size = screen.size
        screen.draw(view.lines(width: size.width, height: size.height), size: size)
    }
}

/// How old the shown state is, and why.
private struct Age {
    let interval: Double
    let start = ContinuousClock.now
    var lastAnswer: ContinuousClock.Instant?
    var error: TandemError?

    /// Longer than an answer should ever take. An attempt may take longer to fail.
    private static let patienceSeconds = 2.0

    /// nil where the state is as new as it should be.
    var sentence: String? {
        let seconds = (lastAnswer ?? start).duration(to: .now).seconds
        guard error != nil || seconds > interval + Self.patienceSeconds else { return nil }
        let last = lastAnswer == nil ? "" : "; its last answer came \(formatSeconds(seconds)) ago"
        return (error?.message.spelled ?? "the coordinator does not answer") + last + "; asking again"
    }
}
