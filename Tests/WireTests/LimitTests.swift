// Responsible for: what exceeds a limit or contradicts itself is refused by name. Must not know: sockets.

import Sequences
import Testing

@testable import Wire

@Suite struct LimitTests {
    private func refusal<Message: WireMessage>(_ type: Message.Type, _ bytes: [UInt8]) -> String {
        do throws(WireError) {
            _ = try Message(decoding: bytes)
            return "accepted"
        } catch {
            return error.message
        }
    }

    @Test("A join of another version is decoded as far as its version, whatever else it says")
    func otherVersion() throws {
        var frame = PControlRequest()
        frame.join.version = 99
        frame.join.build = "7.0"
        frame.join.cores = .max
        guard case .worker(.join(let join)) = try ControlRequest(decoding: encodeFrame(frame)) else {
            Issue.record("no join")
            return
        }
        #expect(join.version == 99)
        let refusal = Refusal.version(join.version, build: join.build, ourBuild: "0.1").reason
        #expect(refusal.contains("version 99 (tandem 7.0)"))
        #expect(refusal.contains("version \(protocolVersion) (tandem 0.1)"))
    }

    @Test("Fields that come again and again, known or not, are refused before they are decoded")
    func repetitions() throws {
        func refused(_ frame: [UInt8]) -> Bool { refusal(ControlRequest.self, frame).contains("more than") }
        func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
            [number << 3 | 2, UInt8(content.count)] + content
        }
        // Field 500, a number.
        func unknown(_ count: Int) -> [UInt8] { Array((0..<count).map { _ in [0xA0, 0x1F, 1] }.joined()) }
        let ping = ControlRequest.client(.ping).encode()
        #expect(try ControlRequest(decoding: ping + unknown(FrameScan.mostFields)) == .client(.ping))
        #expect(refused(ping + unknown(FrameScan.mostFields + 1)))
        #expect(refused(ping + ping))
        let loading = ControlRequest.worker(.loading(Loading(epoch: Epoch(1), bytesDone: 1, bytesTotal: 2))).encode()
        #expect(refused(loading + loading))
        // Packed numbers, one at a time.
        let piece = field(1, [7])
        let pieces = Array((0...FrameScan.mostFields).map { _ in piece }.joined())
        var length = pieces.count
        var prompt: [UInt8] = [6 << 3 | 2]
        while length >= 0x80 {
            prompt.append(UInt8(length & 0x7F) | 0x80)
            length >>= 7
        }
        prompt += [UInt8(length)] + pieces
        let head: [UInt8] = [0x82, 0x01, UInt8(prompt.count & 0x7F) | 0x80, UInt8(prompt.count >> 7)]
        #expect(refused(head + prompt))
    }

    @Test("A block table that does not fit the positions is refused")
    func blockTable() {
        var forward = Samples.forward
        forward.items[1].blocks = []
        #expect(refusal(Forward.self, forward.encode()).contains("has 0 blocks, but its 1 positions need 1"))
    }

    @Test("What is kept or rebuilt of other layers than there are is refused")
    func keptLayers() {
        var assign = Samples.assign(isLast: false)
        assign.keptSince = [Epoch(1)]
        #expect(
            refusal(CoordinatorMessage.self, CoordinatorMessage.assign(assign).encode()).contains("keeps 1 layers of 4")
        )
        assign = Samples.assign(isLast: false)
        for layer in [0, 5] {
            assign.outputs = [KeptOutputs(layer: layer, since: Epoch(1))]
            #expect(
                refusal(CoordinatorMessage.self, CoordinatorMessage.assign(assign).encode())
                    .contains("outputsLayers is \(layer)"))
        }
        assign.outputs = [KeptOutputs(layer: 3, since: Epoch(1)), KeptOutputs(layer: 3, since: Epoch(1))]
        #expect(
            refusal(CoordinatorMessage.self, CoordinatorMessage.assign(assign).encode())
                .contains("outputsLayers is 3, but must be 4 to 4"))
        var order = Samples.copyBlocks
        order.outputs = [1]
        #expect(
            refusal(CoordinatorMessage.self, CoordinatorMessage.copyBlocks(order).encode())
                .contains("CopyBlocks.outputs is 1"))
        var contents = Samples.contents
        contents.offset = 1
        #expect(refusal(BlockContents.self, contents.encode()).contains("a part of layers 2..<4"))
        contents = Samples.partOfOutputs
        contents.offset += 1
        #expect(refusal(BlockContents.self, contents.encode()).contains("offset"))
        var forward = Samples.forward
        forward.rebuilt = 0..<Limits.layers + 1
        #expect(refusal(Forward.self, forward.encode()).contains("endLayer is \(Limits.layers + 1)"))
    }

    @Test("Layers on a disk that do not ascend, or have no end, are refused")
    func cachedLayers() {
        func refusal(_ layers: Range<Int>...) -> String {
            let message = CachedLayers(model: Samples.hash, layers: layers)
            return self.refusal(ControlRequest.self, ControlRequest.worker(.cached(message)).encode())
        }
        #expect(refusal(0..<2, 3..<Limits.layers) == "accepted" && refusal() == "accepted")
        #expect(refusal(0..<2, 2..<3).contains("firstLayers do not ascend"))
        #expect(refusal(4..<5, 0..<2).contains("firstLayers do not ascend"))
        #expect(refusal(3..<3).contains("endLayer is 3"))
        #expect(refusal(3..<Limits.layers + 1).contains("endLayer is"))
        var frame = PControlRequest()
        frame.cached.firstLayers = [1, 3]
        frame.cached.endLayers = [2]
        #expect(self.refusal(ControlRequest.self, encodeFrame(frame)).contains("2 beginnings and 1 ends"))
    }

    @Test("Blocks that are held of others than there are, twice, or with too many or too few tokens, are refused")
    func heldBlocks() {
        func refusal(_ change: (inout Holding) -> Void) -> String {
            var holding = Samples.holding
            change(&holding)
            return self.refusal(ControlRequest.self, ControlRequest.worker(.holding(holding)).encode())
        }
        #expect(refusal { _ in } == "accepted")
        #expect(refusal { $0.blocks[1].block = 40 }.contains("Holding.blocks is 40"))
        #expect(refusal { $0.blocks[1].block = 3 }.contains("Holding.blocks do not ascend"))
        #expect(refusal { $0.blocks[0].parent = 40 }.contains("Holding.parents is 41"))
        #expect(refusal { $0.blocks[0].tokens = [] }.contains("Holding.tokenCounts is 0"))
        #expect(refusal { $0.blocks[1].tokens.append(1) }.contains("Holding.tokenCounts is 33"))
        #expect(refusal { $0.blocks[1].tokens[3] = -1 }.contains("Holding.tokens has -1"))
        #expect(refusal { $0.blocks[1].restartLength = 0 }.contains("Holding.restartLengths is 0"))
        #expect(refusal { $0.since.removeLast() }.contains("2 entries for 3 layers"))
        let outputs = KeptOutputs(layer: 2, since: Epoch(7))
        #expect(refusal { $0.outputs = [outputs] }.contains("Holding.outputsLayers is 2"))
        #expect(refusal { $0.keyValueBlockCount = Limits.keyValueBlocks + 1 }.contains("keyValueBlockCount"))
        var frame = PControlRequest()
        frame.holding = Samples.holding.proto
        frame.holding.tokenCounts[1] = 31
        #expect(self.refusal(ControlRequest.self, encodeFrame(frame)).contains("1 more than its blocks"))
        frame.holding.tokens.removeLast(2)
        #expect(self.refusal(ControlRequest.self, encodeFrame(frame)).contains("too few for its blocks"))
        frame.holding.parents = []
        #expect(self.refusal(ControlRequest.self, encodeFrame(frame)).contains("parents has 0 entries for 2"))
        frame.holding.blocks = Array(repeating: 0, count: Limits.heldBlocks + 1)
        #expect(self.refusal(ControlRequest.self, encodeFrame(frame)).contains("at most \(Limits.heldBlocks)"))
    }

    @Test("A request's identity of another length is refused")
    func identity() {
        var frame = PControlRequest()
        frame.generate = Samples.generate(.tokens([1])).proto
        frame.generate.identity.removeLast()
        #expect(refusal(ControlRequest.self, encodeFrame(frame)).contains("identity has 15 bytes, not 16"))
    }

    @Test("Activations that are not a whole number of tokens are refused")
    func activations() {
        var forward = Samples.forward
        forward.activationCount = 7
        #expect(refusal(Forward.self, forward.encode()).contains("not a multiple of its 6 tokens"))
    }

    @Test("A restart length of 0 or beyond the longest sequence, and more targets than tokens, are refused")
    func lengthsAndTargets() {
        for length in [0, RequestLimits.sequenceTokens + 1] {
            var forward = Samples.forward
            forward.items[1].restartLength = length
            #expect(refusal(Forward.self, forward.encode()).contains("restartLength is \(length)"))
        }
        var forward = Samples.forward
        forward.items[1].targets = [1, 2]
        #expect(refusal(Forward.self, forward.encode()).contains("ForwardItem.targets has 2 entries; at most 1"))
        forward.items[1].targets = [-4]
        #expect(refusal(Forward.self, forward.encode()).contains("ForwardItem.targets has -4"))
    }

    @Test("More lists of scores than a step may have items are refused before they are decoded")
    func manyScores() {
        let bytes = Array(repeatElement([0x2a, 0x00] as [UInt8], count: Limits.stepItems + 1).joined())
        #expect(refusal(StepResult.self, bytes) == "StepResult.scores occurs more than 1024 times")
    }

    @Test("A negative token id is refused")
    func negativeToken() {
        var forward = Samples.forward
        forward.items[1].tokens = [-1]
        #expect(refusal(Forward.self, forward.encode()).contains("ForwardItem.tokens has -1"))
    }

    @Test("More items than a step may have are refused before they are decoded")
    func manyItems() {
        let item: [UInt8] = [0x1a, 0x00]  // field 3, empty
        let bytes = Array(repeatElement(item, count: Limits.stepItems + 1).joined())
        #expect(refusal(Forward.self, bytes) == "Forward.items occurs more than 1024 times")
        #expect(refusal(Forward.self, [0x0b, 0x0c] + bytes) == "Forward.items occurs more than 1024 times")
    }

    @Test("A frame longer than its limit is refused unread")
    func longFrame() {
        let bytes = [UInt8](repeating: 0, count: Limits.weightHeaderBytes + 1)
        #expect(refusal(Fetch.self, bytes).contains("at most \(Limits.weightHeaderBytes) are allowed"))
    }

    @Test("A chunk beyond the end of its content is refused, also where the sum overflows")
    func chunkBounds() {
        let chunk = Chunk(content: Samples.hash, offset: .max - 1, length: 6, total: 10)
        #expect(refusal(Chunk.self, chunk.encode()).contains("beyond its total"))
    }

    @Test("Layers outside the model are refused")
    func layers() {
        var frame = PCoordinatorMessage()
        frame.assign.firstLayer = 3
        frame.assign.endLayer = 3
        #expect(refusal(CoordinatorMessage.self, encodeFrame(frame)).contains("Assign.endLayer is 3"))
        frame.assign.endLayer = .max
        #expect(refusal(CoordinatorMessage.self, encodeFrame(frame)).contains("Assign.endLayer is 4294967295"))
    }

    @Test("A plan's figures, stages and workers are refused beyond their limits")
    func plans() {
        func reply(_ change: (inout PPlanPreview) -> Void) -> String {
            var frame = PClientReply()
            frame.planPreview = Samples.planPreview.proto
            change(&frame.planPreview)
            return refusal(ClientReply.self, encodeFrame(frame))
        }
        #expect(reply { _ in } == "accepted")
        #expect(reply { $0.stages[1].endLayer = 4 }.contains("PlannedStage.endLayer is 4"))
        #expect(reply { $0.stages[0].weightBytes = .max }.contains("PlannedStage.weightBytes is"))
        #expect(reply { $0.stages[0].promptMicroseconds = .nan }.contains("PlannedStage.promptMicroseconds is nan"))
        #expect(reply { $0.figures.oneAnswer = -1 }.contains("PlanFigures.oneAnswer is -1"))
        #expect(reply { $0.figures.promptBottleneck = 2 }.contains("PlanFigures.promptBottleneck is 2"))
        #expect(reply { $0.move.keyValueSeconds = .infinity }.contains("PlanPreview.keyValueSeconds is inf"))
        #expect(reply { $0.keyValueBlockCount = .max }.contains("PlanPreview.keyValueBlockCount is"))
        #expect(reply { $0.idle = Array(repeating: "w", count: Limits.workers + 1) }.contains("more than 256 times"))
        var frame = PControlRequest()
        frame.planQuery.version = protocolVersion
        frame.planQuery.workerCount = 257
        #expect(refusal(ControlRequest.self, encodeFrame(frame)).contains("PlanQuery.workerCount is 257"))
        frame.planQuery.workerCount = 0
        frame.planQuery.without = ["a\nb"]
        #expect(refusal(ControlRequest.self, encodeFrame(frame)).contains("cannot be shown"))
        frame.planQuery.without = Array(repeating: "w", count: Limits.workers + 1)
        #expect(refusal(ControlRequest.self, encodeFrame(frame)).contains("PlanQuery.without occurs more than 256"))
    }

    @Test("An empty frame is no message")
    func empty() {
        #expect(refusal(ControlRequest.self, []).contains("empty or of an unknown kind"))
        #expect(refusal(CoordinatorMessage.self, []).contains("empty or of an unknown kind"))
        #expect(refusal(ClientReply.self, []).contains("empty or of an unknown kind"))
    }

    @Test("A skipped step has no items, and no activations either")
    func skipped() {
        var frame = PForward()
        #expect(refusal(Forward.self, encodeFrame(frame)) == "accepted")
        frame.activationCount = 4
        #expect(refusal(Forward.self, encodeFrame(frame)).contains("Forward.activationCount is 4"))
    }
}
