// Responsible for: what people set of coordinators and workers. Must not know: how it is spelled.
import Sequences

extension Field {
    static let advertise = Field("advertise")
    static let coordinator = Field("coordinator")
    static let dataPort = Field("data_port")
    static let drainSeconds = Field("drain_seconds")
    static let insecure = Field("insecure")
    static let join = Field("join")
    static let journal = Field("journal")
    static let leaseSeconds = Field("lease_seconds")
    static let listen = Field("listen")
    static let maximumRunning = Field("max_running")
    static let maximumWaiting = Field("queue")
    static let memory = Field("memory")
    static let minimumWorkers = Field("min_workers")
    package static let parallelRequests = Field("parallel")
    static let role = Field("role")
    static let simulatedTokenMicroseconds = Field("simulate_token_microseconds")
    static let standbyOf = Field("standby_of")
    static let state = Field("state")
    static let stepMilliseconds = Field("step_milliseconds")
    static let waitSeconds = Field("wait_seconds")
    static let without = Field("without")
    static let workers = Field("workers")
}
