// Responsible for: a coordinator and workers of this machine that are killed, stopped, cut off and started again. Must not
// know: when that happens, what becomes of answers.
import Bench
import Foundation
import Generation
import Node
import Sequences

/// The processes of `tandem chaos`, each worker with a cache and a key of its own, as on a host of its own.
final class StruckProcesses: StruckCluster, @unchecked Sendable {
    /// What is started.
    struct Plan {
        var model: String
        /// At the beginning, and at most.
        var workers: Int
        var mostWorkers: Int
        var kinds: [Fault.Kind]
        var contextLength: Int
        var streams: Int
        var threads: Int?
        var split: String?
        /// Where what processes say is kept; nil: nowhere.
        var logs: String?
    }

    /// A worker's place.
    private struct Place {
        var process: ChildProcess?
        var relay: Relay?
        /// Where it listens behind the relay.
        var dataPort: UInt16 = 0
        var startedAt = ContinuousClock.now
        /// Whoever ends it is us.
        var isExpectedToEnd = false
        /// It ends in order now, and another one is started then.
        var isLeaving = false
        var isSucceeded = false
    }

    private let plan: Plan
    private let folder: String
    private let port: UInt16
    private let share: [String]
    private let lock = NSRecursiveLock()
    private var coordinator: ChildProcess?
    private var isCoordinatorExpectedToEnd = false
    /// HOST:PORT#KEY#TOKEN.
    private var join = ""
    private var places: [Place]
    private var troubles: [String] = []
    private var isStopping = false

    /// How long one that ends in order may take.
    private static let leavingSeconds = 60.0

    init(_ plan: Plan) throws {
        self.plan = plan
        folder = NSTemporaryDirectory() + "tandem-chaos-\(MachineDescription.processID)"
        port = try LoopbackSocket.freePorts(3)
        share = ChildFamily.share(of: plan.mostWorkers, threads: plan.threads)
        places = Array(repeating: Place(), count: plan.mostWorkers)
    }

    var address: String { "127.0.0.1:\(port)" }

    /// Where a client has its key.
    var state: StateFolder { StateFolder(folder + "/coordinator") }

    /// Starts everything and waits until it serves. Throws where a process ends.
    func start(_ client: CoordinatorClient) async throws {
        try Self.makeFolder(folder)
        if let logs = plan.logs { try Self.makeFolder(logs) }
        try lock.withLock { try startCoordinator() }
        guard JoinLine(coordinator?.firstLine() ?? "") != nil else {
            throw TandemError("the coordinator did not start", hint: "look at what it said, with --logs FOLDER")
        }
        // The line that it printed is worth nothing once it was started again.
        join = try TokenOffice(state).create(
            role: .worker, uses: 1_000_000, seconds: nil, coordinator: address
        ).line.description
        try lock.withLock { for worker in 0..<plan.workers { try start(worker) } }
        while true {
            if let trouble = takeTroubles().first { throw TandemError("\(trouble) before the cluster served") }
            let status = try await client.status()
            // Spare workers, and those that would slow the others down, have no layers.
            let isSettled =
                status.change == nil && status.workers.allSatisfy { $0.layers == nil || $0.state == "ready" }
            if status.isServing, isSettled, status.workers.count == plan.workers { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw TandemError("\(path) cannot be made", hint: "name another folder, with TMPDIR or --logs")
        }
    }

    // MARK: Processes

    private func environment(_ name: String) -> [String: String] {
        var environment = ChildFamily.environment([
            "XDG_CACHE_HOME": "\(folder)/\(name)", "XDG_RUNTIME_DIR": folder,
            "TANDEM_LOG": ProcessInfo.processInfo.environment["TANDEM_LOG"] ?? (plan.logs == nil ? "error" : "debug"),
        ])
        // Of the service or the container that this runs in: none of them is.
        for name in ["JOURNAL_STREAM", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC"] {
            environment[name] = nil
        }
        return environment
    }

    private func log(_ name: String) -> String { plan.logs.map { "\($0)/\(name).log" } ?? "/dev/null" }

    /// Whether a process runs no more; one that was killed may take a moment to be gone.
    private static func isOver(_ process: ChildProcess?, isExpected: Bool) -> Bool {
        guard let process, process.isRunning else { return true }
        return isExpected && process.wait(until: Date(timeIntervalSinceNow: 10)) != nil
    }

    private func startCoordinator() throws {
        guard Self.isOver(coordinator, isExpected: isCoordinatorExpectedToEnd) else { return }
        let arguments =
            [
                "coordinator", "--drain-seconds", "0", "--model", plan.model, "--listen", "tcp://\(address)",
                "--advertise", "127.0.0.1", "--min-workers", "\(leastWorkers)", "--context", "\(plan.contextLength)",
                "--parallel", "\(plan.streams)", "--state", folder + "/coordinator",
            ] + (plan.split.map { ["--split", $0] } ?? [])
        coordinator = try ChildProcess(
            arguments, environment: environment("coordinator"), readsOutput: true, errors: log("coordinator"))
        isCoordinatorExpectedToEnd = false
    }

    /// One may be away when the coordinator comes back.
    private var leastWorkers: Int {
        let split = plan.split.map { $0.split(separator: ",").count }
        return max(1, split ?? (plan.kinds.contains(.drain) ? plan.workers - 1 : plan.workers))
    }

    /// Where one is that leaves, its successor waits until it is gone.
    private func start(_ worker: Int) throws {
        if isStopping { return }
        if places[worker].isLeaving {
            places[worker].isSucceeded = true
            return
        }
        guard Self.isOver(places[worker].process, isExpected: places[worker].isExpectedToEnd) else { return }
        let name = Self.name(worker)
        var arguments = ["worker", "--join", join, "--state", "\(folder)/\(name)"] + share
        if plan.kinds.contains(.cut) {
            let relay = try relay(of: worker)
            let host = Self.host(worker)
            arguments[2] = "\(host):\(port)" + join.drop { $0 != "#" }
            arguments += ["--advertise", "\(host):\(relay.port(3))", "--data-port", "\(places[worker].dataPort)"]
        } else {
            arguments += ["--data-port", "0"]
        }
        places[worker].process = try ChildProcess(arguments, environment: environment(name), errors: log(name))
        (places[worker].isExpectedToEnd, places[worker].startedAt) = (false, .now)
    }

    /// One that has yet to find a coordinator ends where another than it expects seems to be in its place, as a relay does
    /// when there is none; whoever watches over it starts it again.
    private func findsNobody(_ worker: Int, _ ending: ChildProcess.Ending) -> Bool {
        ending == .exit(ExitStatus.forbidden.rawValue) && places[worker].relay != nil
            && places[worker].startedAt.duration(to: .now) < Self.findingTime
    }

    private static let findingTime = Duration.seconds(15)

    private static func name(_ worker: Int) -> String { "worker-\(worker + 1)" }

    /// As if it were another host's.
    private static func host(_ worker: Int) -> String { "127.0.1.\(worker + 1)" }

    /// The ways to the coordinator's three ports, and to the worker's own.
    private func relay(of worker: Int) throws -> Relay {
        if let relay = places[worker].relay { return relay }
        places[worker].dataPort = try LoopbackSocket.freePorts(1)
        let host = Self.host(worker)
        var links = (0..<3).map { distance in
            Relay.Link(
                host: host, port: port + distance, target: port + distance, isFromWorker: true, side: .coordinator)
        }
        links.append(
            Relay.Link(
                host: host, port: 0, target: places[worker].dataPort, isFromWorker: false, side: .neighbour))
        let relay = try Relay(links)
        places[worker].relay = relay
        return relay
    }

    /// Asks a worker to end in order, and waits for it elsewhere.
    private func dismiss(_ worker: Int) {
        guard let process = places[worker].process, process.isRunning else { return }
        (places[worker].isExpectedToEnd, places[worker].isLeaving) = (true, true)
        process.signal(SIGTERM)
        Thread.detachNewThread { [self] in
            let ending = process.wait(until: Date(timeIntervalSinceNow: Self.leavingSeconds))
            lock.withLock {
                if ending != .exit(0) && !isStopping {
                    troubles.append("worker \(worker + 1), asked to end, \(Self.text(ending))")
                    process.signal(SIGKILL)
                }
                places[worker].isLeaving = false
                guard places[worker].isSucceeded else { return }
                places[worker].isSucceeded = false
                attempt { try start(worker) }
            }
        }
    }

    private static func text(_ ending: ChildProcess.Ending?) -> String {
        switch ending {
        case nil: "did not end within \(Int(leavingSeconds)) s"
        case .exit(let status)?: "ended with \(status)"
        case .signal(let number)?: "ended by signal \(number) (\(String(cString: strsignal(number))))"
        }
    }

    private func attempt(_ body: () throws -> Void) {
        do { try body() } catch { troubles.append((error as? TandemError)?.message.spelled ?? "\(error)") }
    }

    // MARK: Faults

    func process(of fault: Fault) -> Int? {
        lock.withLock {
            guard let worker = fault.worker, let process = places[worker].process, process.isRunning else { return nil }
            return Int(process.pid)
        }
    }

    func begin(_ fault: Fault) throws {
        try lock.withLock {
            switch fault.event {
            case .kill(let worker):
                places[worker].isExpectedToEnd = true
                places[worker].process?.signal(SIGKILL)
            case .stop(let worker): places[worker].process?.signal(SIGSTOP)
            case .cut(let worker, let cut, let side): places[worker].relay?.cut(cut, side)
            case .drain(let worker): dismiss(worker)
            case .join(let worker): try start(worker)
            case .coordinator:
                isCoordinatorExpectedToEnd = true
                coordinator?.signal(SIGKILL)
            }
        }
    }

    func end(_ fault: Fault) throws {
        try lock.withLock {
            switch fault.event {
            case .kill(let worker), .drain(let worker): try start(worker)
            case .stop(let worker): places[worker].process?.signal(SIGCONT)
            case .cut(let worker, _, _): places[worker].relay?.heal()
            case .join(let worker): dismiss(worker)
            case .coordinator: try startCoordinator()
            }
        }
    }

    func takeTroubles() -> [String] {
        lock.withLock {
            for worker in places.indices where !places[worker].isExpectedToEnd {
                guard let ending = places[worker].process?.ending else { continue }
                if !findsNobody(worker, ending) {
                    troubles.append("worker \(worker + 1) \(Self.text(ending)) by itself")
                }
                places[worker].isExpectedToEnd = true
                attempt { try start(worker) }
            }
            if !isCoordinatorExpectedToEnd, let ending = coordinator?.ending {
                troubles.append("the coordinator \(Self.text(ending)) by itself")
                attempt { try startCoordinator() }
            }
            defer { troubles = [] }
            return troubles
        }
    }

    func settle() async {
        while lock.withLock({ places.contains(where: \.isLeaving) }) {
            do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
        }
    }

    /// Ends everything and removes what was written.
    func stop() {
        let all = lock.withLock {
            isStopping = true
            return [coordinator].compactMap(\.self) + places.compactMap(\.process)
        }
        for process in all { process.signal(SIGKILL) }
        for process in all { process.wait() }
        for place in places { place.relay?.end() }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
