// Responsible for: the way of records to a coordinator's journal: a thread that writes them, and those who wait until one is
// safe. Must not know: what is in files (JournalFiles), how requests are answered.
import Generation
import Logging
import Sequences
import Synchronization
import Transport
import Wire

/// What a coordinator has promised, on its disk. Whoever posts never waits for the disk, but for an admission.
package final class Journal: Sendable {
    private enum Order: Sendable {
        case admit(Generate, owner: NodeKey?, CheckedContinuation<Result<UInt64, TandemError>, Never>)
        case note(JournalRecord)
        /// All that counts goes there, and then all that is written; nil: it does not any more.
        case mirror(JournalMirror?)
        /// The mirror is told that all that was posted before is there.
        case endMirror
    }

    /// Requests of an earlier process that had not ended.
    let found: [JournalState.Entry]
    /// The last plans of it.
    let plans: [JournalPlan]
    let model: ContentHash
    private let orders: Mailbox<Order>
    private let record: Record
    private let thread: LoopThread<Void>

    /// Opens the journal in a folder, for this model. Throws where it cannot be used.
    convenience init(_ folder: StateFolder, model: ContentHash, log: Logger) throws(TandemError) {
        try self.init(try JournalFiles(folder, model: model), log: log)
    }

    /// One whose files are open already, and are this one's from now on.
    init(_ files: sending JournalFiles, log: Logger) throws(TandemError) {
        (found, plans, model) = (files.state.entries, files.state.plans, files.model)
        do {
            let orders = Mailbox<Order>(capacity: 1 << 16, waking: try Waker())
            self.orders = orders
            let record = Record(files, path: files.path)
            self.record = record
            thread = try LoopThread(name: "journal") {
                JournalWriter(files: files, orders: orders, record: record, path: files.path, log: log).run()
            }
        } catch { throw TandemError(error) }
    }

    /// Sends all that counts, and then all that is written, to a standby's mirror; nil: to nobody any more.
    func mirror(to mirror: JournalMirror?) { if !orders.post(.mirror(mirror)) { mirror?.breakOff() } }

    /// Has the mirror told when all is in it that was written before.
    func endMirror() { _ = orders.post(.endMirror) }

    /// Takes no more, and ends when all that was posted is written.
    func close() {
        orders.close()
        try? thread.join()
    }

    /// Writes down that a request was accepted; returns when that is safe, with its number. Throws where it is not, and then
    /// nobody may be told.
    func admit(_ request: Generate, owner: NodeKey?) async throws(TandemError) -> UInt64 {
        try await withCheckedContinuation { continuation in
            guard orders.post(.admit(request, owner: owner, continuation)) else {
                let error: TandemError = orders.isClosed ? .stopped : .overloaded
                return continuation.resume(returning: .failure(error))
            }
        }.get()
    }

    /// Writes down what need not be safe.
    func note(_ record: JournalRecord) async { await orders.postPatiently(.note(record)) }

    /// How it is now.
    var status: JournalStatus { record.status }

    /// What its thread does, for people. Any thread may ask.
    private final class Record: Sendable {
        private struct Facts {
            var status = JournalStatus()
            var totalMicroseconds: UInt64 = 0
            var lastCommit: UInt64?
            var problemSince: UInt64?
        }

        private let facts: Mutex<Facts>

        init(_ files: JournalFiles, path: String) {
            var status = JournalStatus()
            status.folder = path
            (status.segments, status.bytes) = (files.segmentCount, UInt64(files.length))
            status.requests = files.state.entries.count
            facts = Mutex(Facts(status: status))
        }

        /// Something was written, or could not be; `commit`: microseconds in which it was made safe.
        func note(_ files: JournalFiles, problem: String?, commit: UInt64?) {
            let now = Microseconds.monotonic
            facts.withLock { facts in
                (facts.status.segments, facts.status.bytes) = (files.segmentCount, UInt64(files.length))
                facts.status.requests = files.state.entries.count
                if let problem {
                    facts.problemSince = facts.problemSince ?? now
                    facts.status.problem = .init(why: problem, milliseconds: 0)
                    return
                }
                (facts.problemSince, facts.status.problem) = (nil, nil)
                guard let commit else { return }
                facts.totalMicroseconds += commit
                facts.status.commits += 1
                facts.lastCommit = now
            }
        }

        var status: JournalStatus {
            let now = Microseconds.monotonic
            return facts.withLock { facts in
                var status = facts.status
                if status.commits > 0 { status.meanCommitMicroseconds = facts.totalMicroseconds / status.commits }
                status.sinceCommitMilliseconds = facts.lastCommit.map { (now - $0) / 1000 }
                status.problem?.milliseconds = facts.problemSince.map { (now - $0) / 1000 } ?? 0
                return status
            }
        }
    }

    /// The thread: takes what there is, writes it, makes it safe once for all who wait, and tells them.
    private struct JournalWriter {
        let files: JournalFiles
        let orders: Mailbox<Order>
        let record: Record
        let path: String
        let log: Logger

        func run() {
            var wasWell = true
            var mirror: JournalMirror?
            defer { mirror?.close() }
            while true {
                let taken = orders.wait()
                if taken.isEmpty { return }
                var records: [JournalRecord] = []
                var waiting: [JournalMirror.Waiting] = []
                var number = files.state.lastNumber
                var (begins, isEnd) = (false, false)
                for order in taken {
                    switch order {
                    case .mirror(let next):
                        mirror?.close()
                        (mirror, begins) = (next, true)
                    case .endMirror: isEnd = true
                    case .note(let record): records.append(record)
                    case .admit(let request, let owner, let continuation):
                        number += 1
                        records.append(
                            .admission(JournalAdmission(number: number, owner: owner, request: request)))
                        waiting.append(JournalMirror.Waiting(number: number, continuation: continuation))
                    }
                }
                var problem: String?
                if !records.isEmpty {
                    let start = Microseconds.monotonic
                    problem = files.append(records, isDurable: !waiting.isEmpty)
                    let commit = waiting.isEmpty ? nil : Microseconds.monotonic - start
                    record.note(files, problem: problem, commit: commit)
                }
                if let problem, wasWell {
                    log.error("the journal in \(path) cannot be written: \(problem); new requests are refused")
                } else if problem == nil, !records.isEmpty, !wasWell {
                    log.info("the journal in \(path) is written again")
                }
                if !records.isEmpty { wasWell = problem == nil }
                if let problem {
                    for one in waiting {
                        files.forget(one.number)
                        one.continuation.resume(returning: .failure(.notJournaled(path, problem)))
                    }
                    waiting = []
                }
                guard let mirror, !mirror.isBroken else {
                    for one in waiting { one.accept() }
                    continue
                }
                // What could not be written counts for the next segment, so that the mirror begins anew, too.
                let isWhole = begins || problem != nil
                mirror.put(
                    isWhole ? files.state.snapshot(model: files.model) : records, begins: isWhole, waiting: waiting,
                    isEnd: isEnd)
            }
        }
    }
}

extension TandemError {
    /// The end of a request that could not be written down.
    static func notJournaled(_ path: String, _ problem: String) -> TandemError {
        TandemError(
            "the coordinator takes no new requests, as its journal in \(path) cannot be written: \(problem)",
            kind: .overloaded(retryAfterMilliseconds: 5_000),
            hint: "free space on the coordinator's disk, or start it with another \(.state), or without \(.journal)")
    }
}

/// One request on its way through the journal.
struct JournaledAnswer {
    private let journal: Journal?
    private let message: Generate
    private let owner: NodeKey?
    private var number: UInt64?
    /// Tokens that the journal knows of, and that were told.
    private var written = 0
    private var told = 0

    /// One that is not accepted yet. Who cannot ask for it again, or only has a prompt scored, needs no journal.
    init(_ message: Generate, owner: NodeKey?, in journal: Journal?) {
        let isKept = message.identity != nil && message.request.scoringStart == nil
        (self.journal, self.message, self.owner) = (isKept ? journal : nil, message, owner)
    }

    /// One that an earlier process has accepted.
    init(_ entry: JournalState.Entry, in journal: Journal) {
        (self.journal, message, owner) = (journal, entry.admission.request, entry.admission.owner)
        (number, written) = (entry.admission.number, entry.tokens.count)
    }

    /// Before its client is told of something. Throws where it must not be.
    mutating func note(_ event: GenerationEvent) async throws(TandemError) {
        guard let journal else { return }
        switch event {
        case .accepted: if number == nil { number = try await journal.admit(message, owner: owner) }
        case .tokens(let samples, _), .reasoning(let samples, _):
            let new = samples.dropFirst(max(0, written - told))
            told += samples.count
            guard let number, !new.isEmpty else { return }
            await journal.note(.progress(number: number, first: written, tokens: Array(new)))
            written += new.count
        case .waiting, .notice, .scores, .finished: break
        }
    }

    /// Nobody waits for it any more.
    func end() async { if let number { await journal?.note(.end(number: number)) } }
}
