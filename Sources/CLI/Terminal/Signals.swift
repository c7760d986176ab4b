// Responsible for: signals as calls of closures, for as long as somebody wants them.
// Must not know: what they are used for.
@preconcurrency import Dispatch
import Foundation

/// The signals of this process. A source, once made, lives as long as the process: Dispatch on Linux sets up each signal
/// once, so that a second source of the same signal would never be told of anything.
enum Signals {
    /// Somebody who wants a signal.
    struct Listener: Sendable {
        fileprivate let number: Int32
        fileprivate let id: Int

        /// From now on the signal is for whoever listened before; without anybody it does what it always did.
        func stop() { Signals.table.remove(self) }
    }

    private static let table = Table()

    /// Calls `action` on a thread of Dispatch at each such signal, in the place of whoever listened before.
    static func listen(_ number: Int32, _ action: @escaping @Sendable () -> Void) -> Listener {
        table.add(number, action)
    }

    /// Who listens; the last one of a signal gets it.
    private final class Table: @unchecked Sendable {
        private struct Entry {
            let listener: Listener
            let action: @Sendable () -> Void
        }

        private let lock = NSLock()
        private let queue = DispatchQueue(label: "signals")
        private var sources: [Int32: any DispatchSourceSignal] = [:]
        private var entries: [Entry] = []
        private var nextID = 0

        func add(_ number: Int32, _ action: @escaping @Sendable () -> Void) -> Listener {
            lock.withLock {
                let listener = Listener(number: number, id: nextID)
                nextID += 1
                entries.append(Entry(listener: listener, action: action))
                if sources[number] == nil { sources[number] = source(of: number) }
                return listener
            }
        }

        func remove(_ listener: Listener) {
            lock.withLock { entries.removeAll { $0.listener.id == listener.id } }
        }

        private func source(of number: Int32) -> any DispatchSourceSignal {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { [self] in
                let entry = lock.withLock { entries.last { $0.listener.number == number } }
                if let entry { entry.action() } else { Signals.performDefault(of: number) }
            }
            source.resume()
            return source
        }
    }

    /// What the system does where nobody listens.
    private static func performDefault(of number: Int32) {
        switch number {
        case SIGINT, SIGTERM, SIGHUP, SIGQUIT: exitNow(128 + number)
        case SIGTSTP: raise(SIGSTOP)
        default: break
        }
    }
}
