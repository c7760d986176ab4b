// An operating system thread with a name and a result. Must not know what it runs.
import Glibc
import Synchronization

/// Runs a closure on a thread of its own, for loops that own sockets or compute for long: never on the pool that
/// Swift's tasks share. The closure ends by itself (tell it to through a `Mailbox`); the thread cannot be killed.
package final class LoopThread<Value: Sendable>: Sendable {
    private enum State {
        case running(awaiting: [CheckedContinuation<Result<Value, any Error>, Never>])
        case finished(Result<Value, any Error>)
    }

    private let state = Mutex(State.running(awaiting: []))
    private let end: Waker

    /// Starts the thread. `name` is shown by `top -H`; the kernel keeps its first 15 bytes. `body` owns what it
    /// captures: sockets made here go over to the thread. Throws `.system` where the system has no thread left.
    package init(name: String, _ body: sending @escaping () throws -> Value) throws(TransportError) {
        end = try Waker()
        let start = ThreadStart { [self] in
            nameThisThread(name)
            finish(Result { try body() })
        }
        let argument = Unmanaged.passRetained(start)
        var thread = pthread_t()
        let number = pthread_create(&thread, nil, runThreadStart, argument.toOpaque())
        guard number == 0 else {
            argument.release()
            throw .system(operation: "start the thread '\(name)'", reason: reason(number))
        }
        pthread_detach(thread)
    }

    /// What the closure returned or threw, once it has. From any task, any number of times.
    package var value: Value {
        get async throws {
            let result = await withCheckedContinuation { continuation in
                let result: Result<Value, any Error>? = state.withLock { state in
                    switch state {
                    case .finished(let result): return result
                    case .running(let awaiting):
                        state = .running(awaiting: awaiting + [continuation])
                        return nil
                    }
                }
                if let result { continuation.resume(returning: result) }
            }
            return try result.get()
        }
    }

    /// What the closure returned or threw; blocks the calling thread until it has. For threads only: a task uses
    /// `value`.
    package func join() throws -> Value {
        while true {
            if case .finished(let result) = state.withLock({ $0 }) {
                end.ring()  // for the next one who joins
                return try result.get()
            }
            _ = end.wait()
        }
    }

    private func finish(_ result: Result<Value, any Error>) {
        let awaiting = state.withLock { state in
            defer { state = .finished(result) }
            if case .running(let awaiting) = state { return awaiting }
            return []
        }
        for continuation in awaiting { continuation.resume(returning: result) }
        end.ring()
    }
}

/// What travels through the `void *` of pthread_create.
private final class ThreadStart {
    let body: () -> Void

    init(_ body: @escaping () -> Void) {
        self.body = body
    }
}

/// Glibc's module does not offer `pthread_setname_np`; the kernel takes the name through a file too. It is a help for
/// whoever looks at the process, so that a failure does not matter.
private func nameThisThread(_ name: String) {
    let descriptor = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = Array(name.utf8.prefix(15)).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}

private func runThreadStart(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().body()
    return nil
}
