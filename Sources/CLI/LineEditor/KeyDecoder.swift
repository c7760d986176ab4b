// Responsible for: the bytes that a terminal sends as keys: UTF-8, control characters, the sequences of ECMA-48 that
// xterm and its likes send, and pastes between marks. Must not know: files, clocks.

/// Decodes bytes as they come; what is not complete waits for more.
struct KeyDecoder {
    private var pending: [UInt8] = []
    private var pasted: [UInt8]?

    private static let escape: UInt8 = 0x1B
    private static let pasteEnd = Array("\u{1B}[201~".utf8)
    /// No key has a longer sequence.
    private static let longestSequence = 64

    /// Whether what came last is the beginning of a sequence, or the escape key itself: only time can tell.
    var isInSequence: Bool { pasted == nil && pending.first == Self.escape }

    /// The keys that are complete now.
    mutating func decode(_ bytes: some Sequence<UInt8>) -> [TypedKey] {
        pending += bytes
        var keys: [TypedKey] = []
        var position = 0
        while position < pending.count, let used = next(at: position, into: &keys) { position += used }
        pending.removeFirst(position)
        return keys
    }

    /// Nothing more follows: an escape that waits was the escape key.
    mutating func endSequence() -> [TypedKey] {
        guard isInSequence else { return [] }
        defer { pending = [] }
        return pending.count == 1 ? [.escape] : []
    }

    /// Takes what stands at `position`; nil where it is not complete.
    private mutating func next(at position: Int, into keys: inout [TypedKey]) -> Int? {
        if pasted != nil { return nextOfPaste(at: position, into: &keys) }
        let byte = pending[position]
        if byte == Self.escape { return sequence(at: position, into: &keys) }
        if byte < 0x20 || byte == 0x7F {
            // A line break of two bytes, as some programs type them, is one.
            if byte == 0x0A && position > 0 && pending[position - 1] == 0x0D { return 1 }
            if let key = Self.control(byte) { keys.append(key) }
            return 1
        }
        let run = pending[position...].prefix { $0 >= 0x20 && $0 != 0x7F }
        let isAtEnd = run.endIndex == pending.endIndex
        let count = run.count - (isAtEnd ? Self.incompleteTail(run) : 0)
        guard count > 0 else { return nil }
        keys.append(.text(String(decoding: run.prefix(count), as: UTF8.self)))
        return count
    }

    private mutating func nextOfPaste(at position: Int, into keys: inout [TypedKey]) -> Int? {
        let rest = pending[position...]
        // Ctrl-C gets out of a paste that a terminal never ends.
        guard let stop = rest.firstIndex(where: { $0 == Self.escape || $0 == 0x03 }) else {
            pasted? += rest
            return rest.count
        }
        pasted? += rest[..<stop]
        let tail = pending[stop...].prefix(Self.pasteEnd.count)
        if tail.elementsEqual(Self.pasteEnd) || tail.first == 0x03 {
            keys.append(.paste(Self.text(ofPaste: pasted ?? [])))
            pasted = nil
            return stop - position + (tail.first == 0x03 ? 0 : tail.count)
        }
        if Self.pasteEnd.starts(with: tail) { return stop > position ? stop - position : nil }
        pasted?.append(Self.escape)
        return stop - position + 1
    }

    /// Terminals send the line breaks of a paste as carriage returns.
    private static func text(ofPaste bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            if byte == 0x0A && index > 0 && bytes[index - 1] == 0x0D { continue }
            text.append(byte == 0x0D ? 0x0A : byte)
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// How many bytes at the end begin a scalar whose rest has not come.
    private static func incompleteTail(_ bytes: ArraySlice<UInt8>) -> Int {
        for (distance, byte) in bytes.reversed().prefix(3).enumerated() where byte & 0xC0 != 0x80 {
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > distance + 1 ? distance + 1 : 0
        }
        return 0
    }

    private static func control(_ byte: UInt8) -> TypedKey? {
        switch byte {
        case 0x01: .home
        case 0x02: .left
        case 0x03: .interrupt
        case 0x04: .endOfInput
        case 0x05: .end
        case 0x06: .right
        case 0x07: .abandon
        case 0x08, 0x7F: .backspace
        case 0x09: .text("\t")
        case 0x0A, 0x0D: .enter
        case 0x0B: .cutToEnd
        case 0x0C: .clearScreen
        case 0x0E: .down
        case 0x10: .up
        case 0x12: .searchBackward
        case 0x13: .searchForward
        case 0x14: .swap
        case 0x15: .cutToStart
        case 0x17: .deleteBlankWordLeft
        case 0x19: .yank
        case 0x1A: .suspend
        default: nil
        }
    }

    // MARK: Sequences

    /// An escape and what follows.
    private mutating func sequence(at position: Int, into keys: inout [TypedKey]) -> Int? {
        guard position + 1 < pending.count else { return nil }
        switch pending[position + 1] {
        case UInt8(ascii: "["): return controlSequence(at: position, into: &keys)
        case UInt8(ascii: "O"):
            guard position + 2 < pending.count else { return nil }
            if let key = Self.key(final: pending[position + 2], parameters: []) { keys.append(key) }
            return 3
        case Self.escape: return 1  // Alt with a sequence: the same as without
        case 0x0A, 0x0D: keys.append(.newline)
        case UInt8(ascii: "b"), UInt8(ascii: "B"): keys.append(.wordLeft)
        case UInt8(ascii: "f"), UInt8(ascii: "F"): keys.append(.wordRight)
        case UInt8(ascii: "d"), UInt8(ascii: "D"): keys.append(.deleteWordRight)
        case 0x08, 0x7F: keys.append(.deleteWordLeft)
        case 0x03: return 1
        case 0x80...:
            // Alt with a letter beyond ASCII: the letter.
            return 1
        default: break
        }
        return 2
    }

    /// CSI: parameters, a final letter.
    private mutating func controlSequence(at position: Int, into keys: inout [TypedKey]) -> Int? {
        let body = pending[(position + 2)...].prefix { (0x20...0x3F).contains($0) }
        guard body.endIndex < pending.endIndex else {
            return body.count > Self.longestSequence ? body.count + 2 : nil
        }
        let final = pending[body.endIndex]
        guard (0x40...0x7E).contains(final) else { return body.count + 2 }
        let parameters = String(decoding: body, as: UTF8.self).split(separator: ";", omittingEmptySubsequences: false)
            .map { Int($0) ?? 0 }
        // Answers to questions that nobody asked begin with one of these.
        if let mark = body.first, (0x3C...0x3F).contains(mark) { return body.count + 3 }
        if final == UInt8(ascii: "~") && parameters.first == 200 {
            pasted = []
        } else if let key = Self.key(final: final, parameters: parameters) {
            keys.append(key)
        }
        return body.count + 3
    }

    private static func key(final: UInt8, parameters: [Int]) -> TypedKey? {
        // The second parameter is 1 and a bit for each of Shift, Alt, Ctrl.
        let modifiers = max(0, (parameters.count > 1 ? parameters[1] : 1) - 1)
        let isWord = modifiers & 6 != 0 || parameters.first == 5
        switch final {
        case UInt8(ascii: "A"): return .up
        case UInt8(ascii: "B"): return .down
        case UInt8(ascii: "C"): return isWord ? .wordRight : .right
        case UInt8(ascii: "D"): return isWord ? .wordLeft : .left
        case UInt8(ascii: "c"): return .wordRight
        case UInt8(ascii: "d"): return .wordLeft
        case UInt8(ascii: "H"): return .home
        case UInt8(ascii: "F"): return .end
        case UInt8(ascii: "M"): return .enter
        case UInt8(ascii: "u") where parameters.first == 13: return modifiers == 0 ? .enter : .newline
        case UInt8(ascii: "~"): break
        default: return nil
        }
        switch parameters.first {
        case 1, 7: return .home
        case 4, 8: return .end
        case 3: return modifiers & 4 != 0 ? .deleteWordRight : .delete
        case 27 where parameters.count == 3 && parameters[2] == 13: return modifiers == 0 ? .enter : .newline
        default: return nil
        }
    }
}
