// Responsible for: which requests run, with which KV blocks, and who must give way. Must not know: steps in flight, how
// steps are made up.
//
// Requests run in the order of their turns (Turns.swift). One runs as soon as there are blocks for its tokens; those of its
// answer are taken as it grows. Where none is left, the last in order gives all of its own up and waits again: the first
// never does, and there are blocks for one whole context, so every request ends. What is too little for the first that
// waits is lent to those behind it.

import Sequences
import Wire

/// Unfinished requests in the order of their turns, and the KV blocks of those that run. Where one gives way, it is
/// returned as it was while it ran: stages hold something for it.
struct SequenceTable: Sendable {
    private let rules: Scheduler.Rules
    private(set) var sequences: [SequenceState] = []
    private(set) var pool = BlockPool(count: 0)
    private var lastSequence: UInt64 = 0
    private var turns = Turns()

    init(_ rules: Scheduler.Rules) { self.rules = rules }

    var waitingCount: Int { sequences.count { $0.phase == .waiting } }
    var runningCount: Int { sequences.count - waitingCount }

    func index(of request: RequestID) -> Int? { sequences.firstIndex { $0.request == request } }

    /// nil: it runs no more, or runs anew under another id.
    func runningIndex(of sequence: SequenceID) -> Int? {
        sequences.firstIndex { $0.id == sequence && $0.phase == .running }
    }

    // MARK: Coming and going

    mutating func insert(_ task: GenerationTask, _ now: Moment) {
        sequences.append(SequenceState(task: task, lengthRule: rules.lengthRule, now: now))
        turns.deal(&sequences)
    }

    /// Waiting requests of a client.
    func waitingCount(of client: ClientID) -> Int {
        sequences.count { $0.phase == .waiting && $0.task.client == client }
    }

    /// Waiting requests that have their turns before this one.
    func waitingCount(before request: RequestID) -> Int {
        sequences.prefix { $0.request != request }.count { $0.phase == .waiting }
    }

    /// Of all that wait, have never run and were accepted here, the last one of the client that has most of them waiting, where that is at least
    /// two more than `client` has.
    func displaceable(by client: ClientID) -> RequestID? {
        var most = waitingCount(of: client) + 1
        var last: RequestID?
        var seen: Set<ClientID> = []
        for sequence in sequences.reversed()
        where sequence.phase == .waiting && !sequence.hasStarted && !sequence.task.isAccepted
            && seen.insert(sequence.task.client).inserted
        {
            let count = waitingCount(of: sequence.task.client)
            if count > most { (most, last) = (count, sequence.request) }
        }
        return last
    }

    /// Stages hold nothing any more, and have `blockCount` blocks from now on: all requests wait.
    mutating func reset(blockCount: Int) {
        pool = BlockPool(count: blockCount)
        for index in sequences.indices { sequences[index].rewind() }
    }

    /// Nothing has run yet, and stages have these blocks from before: how many positions are in them.
    mutating func adopt(_ blocks: [Holding.Block], blockCount: Int) -> Int {
        reset(blockCount: blockCount)
        guard rules.keepsPrefixes else { return 0 }
        let count = pool.adopt(blocks, rules.lengthRule)
        // What is asked for now is not given up for others, that of the first last of all.
        for sequence in sequences.reversed() {
            pool.touch(sequence.tokens, after: sequence.prefix, limit: sequence.reusable)
        }
        return count
    }

    /// Of each block, stages may or may not have what was sent for its positions from `doubtful` [blocks] on: sequences go
    /// back to what they certainly have, in the blocks that they have.
    mutating func goBack(toBefore doubtful: [Int]) {
        pool.forgetContents { doubtful[Int($0)] < $1 }
        for index in sequences.indices where sequences[index].phase == .running {
            let blocks = sequences[index].blocks
            let place = blocks.firstIndex { doubtful[Int($0)] < KeyValueBlock.positions }
            let end = place.map { $0 * KeyValueBlock.positions + doubtful[Int(blocks[$0])] }
            sequences[index].goBack(to: end ?? .max)
        }
    }

    /// Stages go on with the blocks as they are. Where they lack some layers of them, running sequences are not whole, and
    /// blocks that nobody holds are given up.
    mutating func goOn(lackingLayers: Bool) {
        if lackingLayers { pool.forgetContents { _, _ in true } }
        for index in sequences.indices where sequences[index].phase == .running {
            settle(index, isWhole: !lackingLayers)
        }
    }

    /// Whether stages have the keys and values of a sequence. Its blocks can be found again where they have.
    mutating func settle(_ index: Int, isWhole: Bool) {
        sequences[index].settle(isWhole: isWhole)
        if sequences[index].isWhole { noteBlocks(index) }
    }

    /// The request is over; nil: it did not run.
    mutating func remove(_ index: Int) -> SequenceState? {
        let sequence = giveUp(index)
        sequences.remove(at: index)
        return sequence
    }

    /// Frees what a sequence holds; it waits again. Its keys and values can be found as long as nobody needs the room.
    /// nil: it did not run.
    mutating func giveUp(_ index: Int, restarting: Bool = false) -> SequenceState? {
        guard sequences[index].phase == .running else { return nil }
        if sequences[index].isWhole { noteBlocks(index) }
        let sequence = sequences[index]
        let whole = sequence.notedPositions
        if rules.keepsPrefixes && sequence.isWhole && sequence.certain > whole {
            _ = pool.note(
                sequence.blocks[sequence.notedBlocks], after: sequence.prefix,
                tokens: sequence.tokens[whole..<sequence.certain])
        }
        pool.release(sequence.blocks)
        sequences[index].rewind(restarting: restarting)
        return sequence
    }

    private mutating func preempt(_ index: Int, _ counts: inout PipelineCounts) -> [SequenceState] {
        counts.preemptions += 1
        return giveUp(index).map { [$0] } ?? []
    }

    // MARK: Admission

    /// Lets requests run as long as there is room; those that gave way.
    ///
    /// One that finds no room holds up nobody who does: what is free is lent to those behind it, and taken back once that
    /// makes room for it.
    mutating func admit(_ counts: inout PipelineCounts) -> [SequenceState] {
        var gaveWay: [SequenceState] = []
        var running = runningCount
        var someoneIsHeld = false
        var index = 0
        while index < sequences.count {
            if sequences[index].phase == .waiting {
                if running < rules.maximumRunning, !someoneIsHeld || fits(index, beside: running),
                    start(index, beside: running, &counts)
                {
                    running += 1
                } else if !someoneIsHeld, let last = giveWay(to: index, of: running) {
                    gaveWay += preempt(last, &counts)
                    running -= 1
                    continue
                } else {
                    someoneIsHeld = true
                }
            }
            index += 1
        }
        return gaveWay
    }

    /// There are blocks for all tokens of a sequence, with one to grow into for each that runs.
    private func fits(_ index: Int, beside running: Int, freeing freed: Int = 0) -> Bool {
        KeyValueBlock.count(forPositions: sequences[index].tokens.count) + running <= pool.availableCount + freed
    }

    /// Who gives way to the first that waits; nil: nobody. It is the last in order, if those behind the first hold what
    /// that needs; where as many run as may, only to an earlier round or a higher priority.
    private func giveWay(to index: Int, of running: Int) -> Int? {
        guard let last = sequences.lastIndex(where: { $0.phase == .running }), last > index else { return nil }
        guard running < rules.maximumRunning || sequences[index].turn.isBetter(than: sequences[last].turn) else {
            return nil
        }
        let behind = sequences[index...].filter { $0.phase == .running }.map(\.blocks)
        let others = running - behind.count
        // Those that share blocks hold fewer than the sum: the sum is looked at first, as it costs nothing.
        guard fits(index, beside: others, freeing: behind.reduce(0) { $0 + $1.count }),
            fits(index, beside: others, freeing: pool.heldOnly(by: behind))
        else { return nil }
        return last
    }

    /// Finds what is there of a sequence's keys and values and takes blocks for the rest of its tokens. False (and no
    /// change): there are not enough, with one to grow into for each sequence that runs.
    private mutating func start(_ index: Int, beside running: Int, _ counts: inout PipelineCounts) -> Bool {
        let tokens = sequences[index].tokens
        var prefix = sequences[index].prefix
        var blocks: [Int32] = []
        while (blocks.count + 1) * KeyValueBlock.positions <= tokens.count,
            let (block, longer) = pool.share(after: prefix, tokens: sequences[index].content(ofBlock: blocks.count))
        {
            blocks.append(block)
            prefix = longer
        }
        let noted = blocks.count
        let whole = noted * KeyValueBlock.positions
        let needed = KeyValueBlock.count(forPositions: tokens.count)
        guard needed - noted + running <= pool.availableCount else {
            pool.release(blocks)
            return false
        }
        let reusable = sequences[index].reusable
        var reused = min(whole, reusable)
        if whole < reusable, let tail = pool.takeOver(after: prefix, tokens: tokens[whole..<reusable]) {
            blocks.append(tail.block)
            reused = whole + tail.count
        }
        guard let more = pool.take(needed - blocks.count) else { preconditionFailure("available blocks are not") }
        lastSequence += 1
        sequences[index].run(
            as: SequenceID(lastSequence), blocks + more, notedBlocks: noted, prefix, reused: reused)
        counts.reusedTokens += reused
        return true
    }

    // MARK: Blocks

    /// Blocks for all tokens of a sequence, taken from those behind it where need be: those that gave way, itself among
    /// them where there was nobody behind.
    mutating func grow(_ index: Int, _ counts: inout PipelineCounts) -> [SequenceState] {
        var gaveWay: [SequenceState] = []
        while sequences[index].phase == .running, sequences[index].room < sequences[index].tokens.count {
            if let block = pool.take() {
                sequences[index].append(block)
                continue
            }
            guard let last = sequences.lastIndex(where: { $0.phase == .running }) else { break }
            gaveWay += preempt(last, &counts)
        }
        return gaveWay
    }

    /// Blocks for the positions of a sequence before `end`, as far as there are some that nobody needs.
    mutating func grow(_ index: Int, sparinglyTo end: Int) {
        while sequences[index].room < end, pool.availableCount > runningCount, let block = pool.take() {
            sequences[index].append(block)
        }
    }

    /// Takes up what others have computed since it began to run, where it is about to compute the same.
    mutating func adopt(_ index: Int, _ counts: inout PipelineCounts) {
        let start = sequences[index].dispatched
        while sequences[index].dispatched < sequences[index].reusable,
            sequences[index].dispatched == sequences[index].notedPositions,
            sequences[index].dispatched + KeyValueBlock.positions <= sequences[index].tokens.count
        {
            let content = sequences[index].content(ofBlock: sequences[index].notedBlocks)
            guard let (block, prefix) = pool.share(after: sequences[index].prefix, tokens: content) else { break }
            pool.release([sequences[index].adopt(block, prefix)])
        }
        counts.reusedTokens += sequences[index].dispatched - start
    }

    /// Makes the blocks that are full by now known.
    private mutating func noteBlocks(_ index: Int) {
        guard rules.keepsPrefixes else { return }
        while sequences[index].notedPositions + KeyValueBlock.positions <= sequences[index].certain {
            let place = sequences[index].notedBlocks
            let prefix = pool.note(
                sequences[index].blocks[place], after: sequences[index].prefix,
                tokens: sequences[index].content(ofBlock: place))
            sequences[index].noteBlock(prefix)
        }
    }

    /// What there is in blocks, of all that runs or can be found: so many positions of each. [blocks]
    var contents: [Int] {
        var contents = pool.knownPositions
        for sequence in sequences where sequence.phase == .running {
            for (place, block) in sequence.blocks.enumerated() {
                let count = min(KeyValueBlock.positions, sequence.certain - place * KeyValueBlock.positions)
                contents[Int(block)] = max(contents[Int(block)], count)
            }
        }
        return contents
    }

    /// What there is in blocks, token for token: of all that runs, and of what can be found. In ascending order.
    var texts: [Holding.Block] {
        /// [blocks]
        var texts: [Holding.Block?] = Array(repeating: nil, count: pool.count)
        for block in pool.knownContents(restartLength: { rules.lengthRule.restartLength(ofClass: $0) }) {
            texts[Int(block.block)] = block
        }
        for sequence in sequences where sequence.phase == .running && sequence.isWhole {
            for (place, block) in sequence.blocks.enumerated() {
                let start = place * KeyValueBlock.positions
                let end = min(start + KeyValueBlock.positions, sequence.certain)
                guard end > start, end - start > texts[Int(block)]?.tokens.count ?? 0 else { continue }
                texts[Int(block)] = Holding.Block(
                    block: block, parent: place == 0 ? nil : sequence.blocks[place - 1],
                    restartLength: sequence.restartLength, tokens: Array(sequence.tokens[start..<end]))
            }
        }
        return texts.compactMap { $0 }
    }

    // MARK: Steps

    /// The first of a sequence's tokens is sent. False: it has been before.
    mutating func start(_ index: Int) -> Bool { sequences[index].start() }

    /// The next `count` tokens of a sequence, and `guesses` after them, as an item of a step.
    mutating func nextItem(_ index: Int, _ count: Int, guesses: [Int32] = []) -> ForwardItem {
        sequences[index].nextItem(count, guesses: guesses)
    }

    /// An item of a sequence is in this step.
    mutating func noteSent(_ item: ForwardItem, in step: StepID, of epoch: Epoch) {
        guard let index = runningIndex(of: item.sequence) else {
            preconditionFailure("what is sent belongs to a sequence that runs")
        }
        sequences[index].noteSent(in: step)
        pool.noteBegun(item.blocks[KeyValueBlock.count(forPositions: item.position)...], in: epoch)
        noteBlocks(index)
    }

    /// The epoch since which all that stages have of a sequence was computed.
    func epoch(of sequence: SequenceState) -> Epoch {
        pool.epoch(of: sequence.blocks.prefix(KeyValueBlock.count(forPositions: sequence.dispatched)))
    }

    /// See `SequenceState`.
    mutating func guesses(_ index: Int, count: Int) -> [Int32] { sequences[index].guesses(count: count) }

    /// See `SequenceState`.
    mutating func expect(_ guess: Int32?, _ index: Int) { sequences[index].expect(guess) }

    // MARK: Results

    /// The next token of an answer.
    mutating func take(_ token: Int32, _ index: Int) -> SequenceState.Verdict {
        let verdict = sequences[index].take(token)
        noteBlocks(index)
        return verdict
    }

    /// Log-probabilities of the next `count` tokens of a prompt that is scored.
    mutating func noteScores(_ count: Int, _ index: Int) { sequences[index].noteScores(count) }
}
