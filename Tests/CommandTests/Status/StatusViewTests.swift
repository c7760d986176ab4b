// The live view of a cluster as lines: what is in them at which width and height, and how shares come about.
import Sequences
import Testing
import Wire

@testable import CLI
@testable import Node

@Suite("The live view of a cluster")
struct StatusViewTests {
    /// A cluster of `stages` stages with two layers each, after so many seconds: stage number n computes for
    /// (n + 1) / (stages + 1) of the time, 100 steps and 50 tokens a second.
    private static func status(
        stages: Int, seconds: Double, epoch: UInt64 = 7, requests: Int = 2, host: String = "host"
    ) -> ClusterStatus {
        var reply = StatusReply()
        (reply.modelName, reply.state, reply.isServing) = ("Tales", "serving", true)
        (reply.epoch, reply.layerCount, reply.contextLength) = (Epoch(epoch), 2 * stages, 512)
        (reply.keyValueBlocksTotal, reply.keyValueBlocksFree) = (100, 80)
        reply.uptimeMilliseconds = UInt64(seconds * 1000)
        reply.generatedTokens = UInt64(seconds * 50)
        reply.pipeline.activeMicroseconds = UInt64(seconds * 1e6)
        (reply.pipeline.stepsInFlight, reply.pipeline.targetSteps) = (3, 4)
        (reply.pipeline.queueLimit, reply.pipeline.cachedBlocks, reply.pipeline.keyValueType) = (256, 5, "f16")
        for index in 0..<stages {
            var worker = WorkerStatus(id: WorkerID(UInt64(index + 1)))
            (worker.hostName, worker.processID, worker.layers) = (host, Int32(100 + index), 2 * index..<2 * index + 2)
            var stage = StageStatus(worker: worker.id)
            stage.steps = UInt64(seconds * 100)
            stage.total.compute = UInt64(seconds * 1e6) * UInt64(index + 1) / UInt64(stages + 1)
            stage.total.wait = UInt64(seconds * 1e6) - stage.total.compute
            stage.total.wire = UInt64(seconds * 2e5)
            stage.recentBusy = 0.11
            reply.workers.append(worker)
            reply.stages.append(stage)
        }
        reply.requests = (0..<requests).map {
            RequestStatus(
                id: RequestID(UInt64($0)), state: "decode", promptTokens: 9, generatedTokens: Int(seconds * 25))
        }
        return ClusterStatus(reply)
    }

    @Test("A journal is told with what is in it and how long it takes to make it safe; also that it is off, or full")
    func journal() throws {
        var status = Self.status(stages: 2, seconds: 12)
        func text(_ change: (inout JournalStatus) -> Void) -> String {
            var journal = JournalStatus()
            (journal.folder, journal.segments, journal.bytes, journal.requests) = ("/state/journal/7070", 1, 2048, 3)
            change(&journal)
            status.journal = .init(journal)
            return StatusText.text(status)
        }
        #expect(text { _ in }.contains("journal  3 open requests, 2.0 KiB in 1 segment, /state/journal/7070\n"))
        let safe = text { ($0.commits, $0.meanCommitMicroseconds, $0.sinceCommitMilliseconds) = (4, 1_250, 90_000) }
        #expect(safe.contains("safe in 1.25 ms on average, last 1 min 30 s ago, /state"), "\(safe)")
        let full = text { $0.problem = .init(why: "No space left on device", milliseconds: 5_000) }
        let sentence = "cannot be written for 5 s: No space left on device, new requests are refused"
        #expect(full.contains("journal  3 open requests, " + sentence), "\(full)")
        let view = StatusView(status: status, previous: nil)
        #expect(view.plainLine().contains("journal cannot be written: No space left on device"))
        #expect(view.lines(width: 200, height: 40).contains { $0.text.contains(sentence) })
        status.journal = nil
        #expect(StatusText.text(status).contains("journal  off: what is accepted ends with the coordinator\n"))
    }

    @Test("A change of the plan is told with its reason, how far it is, and what comes of it")
    func change() throws {
        var status = Self.status(stages: 2, seconds: 12, epoch: 7)
        func change(_ phase: String) -> String {
            status.change = .init(
                epoch: 8, phase: phase, reason: "a worker has joined", loadedBytes: 1 << 20, bytesToLoad: 3 << 20,
                copiedBlocks: 12, blocksLeft: 30, copiedBytes: 2048,
                stages: [.init(worker: "1", host: "a", pid: 7, layers: .init(first: 0, last: 2))])
            return StatusText.text(status)
        }
        let end = "; then 0-2 on a/7"
        #expect(change("loading").contains("a worker has joined: loading weights, 1.0 MiB of 3.0 MiB" + end))
        #expect(change("fencing").contains("a worker has joined: copying the rest, 30 blocks left" + end))
        let copying = "a worker has joined: copying keys and values, 12 blocks done and 30 left (2.0 KiB)" + end
        #expect(change("copying").contains("change   " + copying))
        let view = StatusView(status: status, previous: nil)
        #expect(view.plainLine().contains("change: " + copying))
        #expect(view.lines(width: 200, height: 40).contains { $0.text == copying })
        status.change = nil
        #expect(!StatusText.text(status).contains("change "))
    }

    private static func view(stages: Int, epochs: (UInt64, UInt64) = (7, 7)) -> StatusView {
        StatusView(
            status: status(stages: stages, seconds: 12, epoch: epochs.1),
            previous: status(stages: stages, seconds: 10, epoch: epochs.0))
    }

    @Test("Every size holds a line for each stage, none too wide, none too many", arguments: [40, 80, 200], [1, 12])
    func sizes(width: Int, stages: Int) throws {
        let lines = Self.view(stages: stages).lines(width: width, height: 40)
        #expect(lines.count <= 40 && lines.allSatisfy { $0.width <= width })
        for index in 0..<stages {
            let share = percent(Double(index + 1) / Double(stages + 1))
            let layers = "\(2 * index)-\(2 * index + 1) "
            let line = try #require(lines.first { $0.text.hasPrefix(layers) }?.text)
            #expect(line.contains(" \(share)"), "\(line)")
            let full = line.count { $0 == "#" }
            let whole = full + line.count { $0 == "." && width == 40 }
            if width == 40 { #expect(whole >= 10 && abs(full * (stages + 1) - whole * (index + 1)) <= stages + 1) }
        }
        let text = lines.map(\.text).joined(separator: "\n")
        #expect(text.contains("50.0 tokens/s, 600 generated") && text.contains("3 of 4 steps in flight"))
        // The mean of the stages' shares is a half.
        #expect(text.contains("bubble 50%") && text.contains("20 of 100 blocks in use, 5"))
        if width == 200 {
            let header = lines.first { $0.text.contains("compute ms") }?.text ?? ""
            for name in ["layers", "stage", "busy", "wait", "wire", "queue", "queued"] {
                #expect(header.contains(name))
            }
            // Of a hundred steps a second each takes 2 ms on the wire.
            #expect(text.contains("  2.00  "))
        }
        #expect(text.contains("decode  9       300        25.0"))
        for height in 0...12 { #expect(Self.view(stages: stages).lines(width: width, height: height).count <= height) }
    }

    @Test("What does not fit is counted")
    func room() {
        let low = Self.view(stages: 12).lines(width: 80, height: 12).map(\.text)
        #expect(low.contains { $0.hasSuffix("more stages") } && low.contains { $0.contains("tokens/s") })
        let status = Self.status(stages: 1, seconds: 3, requests: 50)
        let many = StatusView(status: status).lines(width: 80, height: 24).map(\.text)
        #expect(many.count == 24)
        let shown = many.filter { $0.contains("decode") }.count
        #expect(shown > 3 && many.last == "\(50 - shown) more requests")
    }

    @Test("Without an earlier state of the same plan shares are of the last seconds or the plan's time")
    func differences() {
        func share(_ view: StatusView) -> String? {
            view.lines(width: 80, height: 40).first { $0.text.hasPrefix("0-1 ") }?.text
        }
        let only = StatusView(status: Self.status(stages: 1, seconds: 12))
        #expect(share(only)?.contains(" 11%") == true)
        #expect(only.plainLine().contains("serving, - tokens/s, busy 11%"))
        // A coordinator that began anew has an age and counts below those before.
        let restarted = StatusView(
            status: Self.status(stages: 1, seconds: 2), previous: Self.status(stages: 1, seconds: 12))
        #expect(share(restarted)?.contains(" 11%") == true)
        // Few steps in flight say nothing about so short a time.
        let rough = StatusView(
            status: Self.status(stages: 1, seconds: 12.02), previous: Self.status(stages: 1, seconds: 12))
        #expect(share(rough)?.contains(" 11%") == true)
        // A new plan counts from nothing: all 6 of 12 seconds came within the 2 between the states.
        #expect(share(Self.view(stages: 1, epochs: (7, 8)))?.contains("100%") == true)
    }

    @Test("Nothing that others say of themselves moves the cursor, and a failure is told beside the last state")
    func strangers() {
        let host = "h\u{1B}[2J\nx"
        var view = StatusView(status: Self.status(stages: 2, seconds: 1, host: host))
        view.failure = "no coordinator answers\u{7}"
        let lines = view.lines(width: 120, height: 30)
        let text = StatusText.text(Self.status(stages: 2, seconds: 1, host: host))
        let escapes = lines.map(\.text).joined() + view.plainLine() + text
        #expect(escapes.split(separator: "\n").allSatisfy { String($0).printable == String($0) })
        #expect(lines.contains { $0.text == "no coordinator answers " } && lines.contains { $0.text.hasPrefix("2-3 ") })
        #expect(lines.contains { $0.coloured.contains("\u{1B}[31m") })
        var unasked = StatusView()
        #expect(unasked.lines(width: 80, height: 24).map(\.text) == ["asking the coordinator"])
        unasked.failure = "no coordinator answers"
        #expect(unasked.lines(width: 10, height: 24).map(\.text) == ["no coordi~"])
    }

    @Test("A cluster that only pretends says so in all forms")
    func simulated() throws {
        var view = Self.view(stages: 1)
        view.status?.pipeline.isSimulated = true
        #expect(view.lines(width: 100, height: 24).contains { $0.text.contains("only pretend to compute") })
        #expect(view.plainLine().hasSuffix(", simulated"))
        #expect(StatusText.text(try #require(view.status)).contains("only pretend to compute"))
    }

    @Test("Bars are as long as their share, to an eighth of a letter, and never longer than asked")
    func bars() {
        #expect(bar(0.5, width: 4) == ("##", ".."))
        #expect(bar(0.999, width: 4) == ("###", "."))
        #expect(
            bar(1.5, width: 3) == ("###", "") && bar(.nan, width: 2) == ("", "..") && bar(-1, width: 1) == ("", "."))
        #expect(bar(0.5, width: 3, isFine: true) == ("█▌", "░"))
        #expect(bar(0.125, width: 1, isFine: true) == ("▏", "") && bar(0.875, width: 1, isFine: true) == ("▉", ""))
        #expect(bar(1, width: 2, isFine: true) == ("██", ""))
    }
}
