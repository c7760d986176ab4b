// Responsible for: a text with a cursor in it, and how keys change it. Must not know: terminals, history.

/// A text as two: what stands before the cursor, and what behind. The cursor is between characters as people see them.
struct EditedText: Equatable {
    private(set) var before = ""
    private(set) var after = ""
    /// What was cut last.
    private(set) var cut = ""

    /// The cursor stands at its end.
    init(_ text: String = "") { before = text }

    /// All of it.
    var text: String { before + after }
    var isEmpty: Bool { before.isEmpty && after.isEmpty }

    /// What is around the cursor up to the line breaks.
    private var lineBefore: Substring {
        before[(before.lastIndex(where: \.isNewline).map(before.index(after:)) ?? before.startIndex)...]
    }
    private var lineAfter: Substring { after.prefix { !$0.isNewline } }

    /// All of it anew; what was cut stays.
    mutating func replace(with text: String) { (before, after) = (text, "") }

    /// All of it anew, with the cursor at `place`.
    mutating func replace(with text: String, cursor place: String.Index) {
        (before, after) = (String(text[..<place]), String(text[place...]))
    }

    mutating func insert(_ text: String) { before += text }

    mutating func moveLeft() {
        if let last = before.popLast() { after.insert(last, at: after.startIndex) }
    }

    mutating func moveRight() {
        if !after.isEmpty { before.append(after.removeFirst()) }
    }

    mutating func moveToLineStart() { move(by: -lineBefore.count) }
    mutating func moveToLineEnd() { move(by: lineAfter.count) }
    mutating func moveWordLeft() { move(by: -Self.wordLength(before.reversed(), where: Self.isWord)) }
    mutating func moveWordRight() { move(by: Self.wordLength(after, where: Self.isWord)) }

    /// To the line above, as far from its start; false where there is none.
    mutating func moveUp() -> Bool {
        let column = lineBefore.count
        guard lineBefore.startIndex > before.startIndex else { return false }
        move(by: -column - 1)
        let length = lineBefore.count
        if length > column { move(by: column - length) }
        return true
    }

    /// To the line below; false where there is none.
    mutating func moveDown() -> Bool {
        let column = lineBefore.count
        guard lineAfter.endIndex < after.endIndex else { return false }
        move(by: lineAfter.count + 1)
        move(by: min(column, lineAfter.count))
        return true
    }

    mutating func deleteLeft() { _ = before.popLast() }
    mutating func deleteRight() { if !after.isEmpty { after.removeFirst() } }
    mutating func deleteWordLeft() { cutLeft(Self.wordLength(before.reversed(), where: Self.isWord)) }
    mutating func deleteWordRight() { cutRight(Self.wordLength(after, where: Self.isWord)) }

    /// Ctrl-W: back to a blank.
    mutating func deleteBlankWordLeft() { cutLeft(Self.wordLength(before.reversed()) { !$0.isWhitespace }) }

    /// Ctrl-U; at the start of a line the line break.
    mutating func cutToLineStart() { cutLeft(max(lineBefore.count, 1)) }

    /// Ctrl-K; at the end of a line the line break.
    mutating func cutToLineEnd() { cutRight(max(lineAfter.count, 1)) }

    /// Ctrl-Y: what was cut last.
    mutating func yank() { before += cut }

    /// Ctrl-T: what stands on both sides of the cursor, at the end of a line the last two, in the other order.
    mutating func swap() {
        guard let last = lineBefore.last else { return }
        if let next = lineAfter.first {
            before.removeLast()
            after.removeFirst()
            before += String([next, last])
        } else if lineBefore.count > 1 {
            before.removeLast()
            before.insert(last, at: before.index(before: before.endIndex))
        }
    }

    private mutating func move(by count: Int) {
        if count < 0 {
            let tail = before.suffix(-count)
            after = tail + after
            before.removeLast(tail.count)
        } else {
            let head = after.prefix(count)
            before += head
            after = String(after[head.endIndex...])
        }
    }

    private mutating func cutLeft(_ count: Int) {
        let tail = before.suffix(count)
        guard !tail.isEmpty else { return }
        cut = String(tail)
        before.removeLast(tail.count)
    }

    private mutating func cutRight(_ count: Int) {
        let head = after.prefix(count)
        guard !head.isEmpty else { return }
        cut = String(head)
        after = String(after[head.endIndex...])
    }

    private static func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber }

    /// Characters up to the end of the next word: first those that belong to none.
    private static func wordLength(_ text: some Sequence<Character>, where isWord: (Character) -> Bool) -> Int {
        var (count, isInside) = (0, false)
        for character in text {
            if isWord(character) { isInside = true } else if isInside { break }
            count += 1
        }
        return count
    }
}
