// Responsible for: numbers, names and texts that no honest peer sends are refused or made harmless. Must not know: sockets.

import FoundationEssentials
import Sequences
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("Numbers and names of peers")
struct NumberTests {
    private func refusal<Message: WireMessage>(_ type: Message.Type, _ frame: some SwiftProtobuf.Message) -> String {
        do throws(WireError) {
            _ = try Message(decoding: encodeFrame(frame))
            return "accepted"
        } catch {
            return error.message
        }
    }

    private func request(_ change: (inout PControlRequest) -> Void) -> String {
        var frame = PControlRequest()
        change(&frame)
        return refusal(ControlRequest.self, frame)
    }

    private static func join(_ change: (inout PJoin) -> Void) -> PControlRequest {
        var join = PJoin()
        join.version = protocolVersion
        join.dataEndpoint = "tcp://h:1"
        change(&join)
        var frame = PControlRequest()
        frame.join = join
        return frame
    }

    @Test("A load of more bytes than there are, or of more than any machine has, is refused")
    func loading() {
        #expect(request { ($0.loading.bytesDone, $0.loading.bytesTotal) = (.max, 1) }.contains("Loading.bytesDone"))
        #expect(request { $0.loading.bytesTotal = .max }.contains("Loading.bytesTotal"))
        #expect(request { $0.ready.transferredBytes = .max }.contains("Ready.transferredBytes"))
        #expect(request { $0.ready.cachedBytes = Limits.memoryBytes + 1 }.contains("Ready.cachedBytes"))
        #expect(request { $0.heartbeat.residentBytes = .max }.contains("residentBytes"))
        #expect(request { $0.heartbeat.busyMilliseconds = .max }.contains("busyMilliseconds"))
        #expect(request { $0.heartbeat.stepsCompleted = .max }.contains("stepsCompleted"))
        #expect(request { ($0.loading.bytesDone, $0.loading.bytesTotal) = (1, 1) } == "accepted")
    }

    @Test("What a link is said to carry, and what a clock says, is within what links and clocks can be")
    func measurements() {
        #expect(request { $0.measured.clockMicroseconds = .max }.contains("Measured.clockMicroseconds"))
        #expect(request { $0.measured.roundTripMicroseconds = .max }.contains("Measured.roundTripMicroseconds"))
        for rate in [-1, 1e13, .nan, .infinity] {
            #expect(request { $0.measured.bytesPerSecond = rate }.contains("Measured.bytesPerSecond"))
        }
        #expect(request { $0.measured.bytesPerSecond = 1 } == "accepted")
        func command(_ change: (inout PMeasure) -> Void) -> String {
            var frame = PCoordinatorMessage()
            change(&frame.measure)
            return refusal(CoordinatorMessage.self, frame)
        }
        #expect(command { $0.bytes = UInt32(Limits.measuringBytes + 1) }.contains("Measure.bytes"))
        #expect(command { $0.link = NodeLink.previous.rawValue }.contains("Measure.link"))
        #expect(command { $0.link = 9 }.contains("Measure.link"))
        #expect(command { $0.link = 1 } == "accepted")
        func reply(_ change: (inout PMeasurements) -> Void) -> String {
            var frame = PClientReply()
            change(&frame.measurements)
            return refusal(ClientReply.self, frame)
        }
        func clock(_ ahead: Int64) -> String {
            var clock = PWorkerClock()
            clock.aheadMicroseconds = ahead
            return reply { $0.clocks = [clock] }
        }
        #expect(clock(.min).contains("aheadMicroseconds") && clock(.max).contains("aheadMicroseconds"))
        #expect(clock(-5) == "accepted")
        #expect(reply { $0.links = [PLinkMeasurement()] }.contains("LinkMeasurement.link"))
        let many = Array(repeating: PWorkerClock(), count: Limits.workers + 1)
        #expect(reply { $0.clocks = many }.contains("Measurements.clocks"))
    }

    @Test("Terms, keys and lists of keys are what they can be")
    func succession() {
        #expect(request { $0.superseded = 1 << 16 }.contains("superseded is 65536"))
        #expect(request { $0.granted = .max }.contains("granted"))
        #expect(refusal(ControlRequest.self, Self.join { $0.term = 1 << 16 }).contains("Join.term"))
        #expect(request { $0.follow.model = .init(Samples.hash.bytes) }.contains("Follow.endpoint is empty"))
        func command(_ change: (inout PStandbyCommand) -> Void) -> String {
            var frame = PStandbyCommand()
            change(&frame)
            return refusal(StandbyCommand.self, frame)
        }
        #expect(command { $0.electors.keys = .init(repeating: 1, count: 33) }.contains("electors has 33 bytes"))
        let many = NodeKey.byteCount * (Limits.electors + 1)
        #expect(command { $0.electors.keys = .init(repeating: 1, count: many) }.contains("electors has \(many)"))
        #expect(command { $0.succession.term = 3 }.contains("StandbyCommand.ownerKey is empty"))
        #expect(
            command { frame in
                frame.succession.ownerKey = .init(Samples.hash.bytes)
                frame.succession.admissions = .init(count: Limits.admissionsBytes + 1)
            }.contains("Succession.admissions"))
        var candidate = PCoordinatorMessage()
        candidate.candidate.term = 1
        #expect(refusal(CoordinatorMessage.self, candidate).contains("Candidate.key is empty"))
        var place = PClientReply()
        place.elsewhere.key = .init(Samples.hash.bytes)
        #expect(refusal(ClientReply.self, place).contains("CoordinatorPlace.endpoint is empty"))
    }

    @Test("What a worker offers is within what machines have", arguments: [-1, 1, 1e13, .nan, .infinity, -.infinity])
    func speeds(_ speed: Double) {
        #expect(
            refusal(ControlRequest.self, Self.join { $0.readBytesPerSecond = speed }).contains("readBytesPerSecond"))
        let other = speed == 1e13 ? 1e17 : speed
        #expect(
            refusal(ControlRequest.self, Self.join { $0.int8OperationsPerSecond = other }).contains("int8Operations"))
    }

    @Test("Nobody has more of a processor than there is", arguments: [-1, 1.1, .nan, .infinity])
    func share(_ share: Double) {
        var heartbeat = PControlRequest()
        heartbeat.heartbeat.processorShare = share
        #expect(refusal(ControlRequest.self, heartbeat).contains("processorShare"))
    }

    @Test("Memory, cores and threads have limits, and what an honest worker has beyond is clipped")
    func offers() throws {
        #expect(refusal(ControlRequest.self, Self.join { $0.memoryBytes = .max }).contains("memoryBytes"))
        #expect(refusal(ControlRequest.self, Self.join { $0.cores = 4097 }).contains("cores"))
        #expect(refusal(ControlRequest.self, Self.join { $0.threads = .max }).contains("threads"))
        #expect(refusal(ControlRequest.self, Self.join { $0.processID = -1 }).contains("processID"))
        #expect(refusal(ControlRequest.self, Self.join { _ in }) == "accepted")
        var join = Samples.join
        join.readBytesPerSecond = 1e15
        join.int8OperationsPerSecond = .infinity
        join.cores = 1 << 20
        join.memoryBytes = .max
        join.hostName = String(repeating: "é", count: 300) + "\u{1B}[2J"
        guard case .worker(.join(let read)) = try ControlRequest(decoding: ControlRequest.worker(.join(join)).encode())
        else { return #expect(Bool(false), "no join") }
        #expect(read.readBytesPerSecond == 1e12 && read.int8OperationsPerSecond == 1e16)
        #expect(read.cores == 4096 && read.memoryBytes == Limits.memoryBytes)
        #expect(read.hostName.utf8.count == 254)
    }

    @Test(
        "A name that moves a cursor, breaks a line, turns the direction of writing or is long is refused",
        arguments: ["\u{1B}[2J", "a\nb", "a\u{202E}b", "\u{9B}2J", "\u{7F}", String(repeating: "x", count: 256)])
    func names(_ name: String) {
        #expect(refusal(ControlRequest.self, Self.join { $0.hostName = name }).contains("Join.hostName"))
        #expect(refusal(ControlRequest.self, Self.join { $0.instructionLevel = name }).contains("instructionLevel"))
        #expect(refusal(ControlRequest.self, Self.join { $0.build = name }).contains("Join.build"))
        #expect(request { $0.generate.build = name }.contains("Generate.build"))
        #expect(request { $0.statusQuery.build = name }.contains("StatusQuery.build"))
        if name.utf8.count < 256 {
            #expect(refusal(ControlRequest.self, Self.join { $0.dataEndpoint = name }).contains("dataEndpoint"))
        }
    }

    @Test("A sentence of a peer stays a line: what would be a command to a terminal is a space")
    func sentences() throws {
        var frame = PControlRequest()
        frame.failed.message = "disk\u{1B}[31m full\nerror: all is lost"
        guard case .worker(.failed(let failure)) = try ControlRequest(decoding: encodeFrame(frame)) else {
            return #expect(Bool(false), "no failure")
        }
        #expect(failure.message == "disk [31m full error: all is lost")
        frame.failed.message = String(repeating: "x", count: Limits.reasonBytes + 1)
        #expect(refusal(ControlRequest.self, frame).contains("LoadFailure.message"))
        var command = PCoordinatorMessage()
        command.refusal = "no\u{7}"
        #expect(try CoordinatorMessage(decoding: encodeFrame(command)) == .refusal(Refusal(reason: "no ")))
        var role = PControlRequest()
        role.generate.version = protocolVersion
        role.generate.conversation.messages = [.with { $0.role = "\u{1B}c" }]
        #expect(!refusal(ControlRequest.self, role).contains("\u{1B}"))
    }

    @Test("Timings near 2^64 are refused in steps and in results, and sums stop growing")
    func timings() {
        let timing = PStageMicroseconds.with { $0.compute = .max - 300_000 }
        #expect(refusal(StepResult.self, PStepResult.with { $0.timings = [timing] }).contains("timings.compute"))
        #expect(refusal(Forward.self, PForward.with { $0.timings = [timing] }).contains("timings.compute"))
        #expect(refusal(StepResult.self, PStepResult.with { $0.sentMicroseconds = .max }).contains("sentMicroseconds"))
        #expect(refusal(Forward.self, PForward.with { $0.sentMicroseconds = .max }).contains("sentMicroseconds"))
        var total = StageMicroseconds(wire: .max, queue: Limits.total, compute: 1, wait: .max - 1)
        total += StageMicroseconds(wire: .max, queue: 1, compute: 1, wait: 1)
        #expect(total == StageMicroseconds(wire: Limits.total, queue: Limits.total, compute: 2, wait: Limits.total))
    }

    @Test("A log-probability is one that a sampler can give", arguments: [Float.nan, .infinity, 1, 0.5])
    func logProbabilities(_ value: Float) {
        func sample(_ change: (inout PSampledToken) -> Void) -> String {
            var entry = PSequenceSample()
            change(&entry.sample)
            return refusal(StepResult.self, PStepResult.with { $0.samples = [entry] })
        }
        #expect(sample { $0.logProbability = value }.contains("no log-probability"))
        #expect(sample { ($0.topTokens, $0.topLogProbabilities) = ([1], [value]) }.contains("no log-probability"))
        #expect(sample { $0.token = -1 }.contains("token is -1"))
        #expect(sample { $0.logProbability = -.infinity } == "accepted")
        let scores = PSequenceScores.with { $0.logProbabilities = [-1, value] }
        #expect(refusal(StepResult.self, PStepResult.with { $0.scores = [scores] }).contains("no log-probability"))
        let told = PClientReply.with { $0.scores.logProbabilities = [value] }
        #expect(refusal(ClientReply.self, told).contains("no log-probability"))
    }

    @Test("A step samples by parameters that a request may have")
    func sampling() {
        func start(_ change: (inout PSampling) -> Void) -> String {
            var item = PForwardItem()
            (item.tokens, item.blocks, item.restartLength) = ([1], [0], 1)
            change(&item.begin.sampling)
            return refusal(Forward.self, PForward.with { $0.items = [item] })
        }
        #expect(start { $0.temperature = 0.5 } == "accepted")
        #expect(start { $0.temperature = -1 }.contains("temperature"))
        #expect(start { $0.topP = 7 }.contains("top_p"))
        #expect(start { $0.repeatPenalty = 0 }.contains("repeat_penalty"))
        #expect(start { $0.presencePenalty = .nan }.contains("presencePenalty"))
    }

    @Test("A coordinator's numbers are no larger than they can be", arguments: [-0.1, 1.1, Double.nan, .infinity])
    func replies(_ share: Double) {
        func status(_ change: (inout PStatusReply) -> Void) -> String {
            refusal(ClientReply.self, PClientReply.with { change(&$0.status) })
        }
        #expect(status { $0.pipeline.bubble = share }.contains("bubble"))
        #expect(status { $0.stages = [.with { $0.recentBusy = share }] }.contains("recentBusy"))
        #expect(status { $0.workers = [.with { $0.memoryBytes = .max }] }.contains("memoryBytes"))
        #expect(status { $0.uptimeMilliseconds = .max }.contains("uptimeMilliseconds"))
        #expect(status { $0.generatedTokens = .max }.contains("generatedTokens"))
        #expect(status { _ in } == "accepted")
        let seconds = PClientReply.with { ($0.finished.reason, $0.finished.decodeSeconds) = (1, share > 1 ? 1e10 : -1) }
        #expect(refusal(ClientReply.self, seconds).contains("decodeSeconds"))
    }

    @Test("A content larger than any is refused before anything is fetched of it")
    func chunks() {
        let chunk = PChunk.with {
            $0.content = .init(Samples.hash.bytes)
            $0.total = .max
        }
        #expect(refusal(Chunk.self, chunk).contains("Chunk.total"))
    }
}
