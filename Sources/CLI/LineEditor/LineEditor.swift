// Responsible for: a message while it is written: keys in, changes of the text or an end out.
// Must not know: terminals, files.

/// One editor of many messages.
struct LineEditor {
    private(set) var text = EditedText()
    private(set) var history: History

    /// What a key led to.
    enum Outcome: Equatable {
        case edited
        /// The message is complete, and the text empty again.
        case sent(String)
        /// Ctrl-C; what stood there is gone. `wasEmpty`: nothing stood there.
        case interrupted(wasEmpty: Bool)
        /// Ctrl-D where nothing stands.
        case ended
        case suspended, cleared
    }

    init(history: History = History()) { self.history = history }

    /// Adds what was sent to what can be recalled; true where it is new.
    mutating func remember(_ message: String) -> Bool { history.add(message) }

    mutating func handle(_ key: TypedKey) -> Outcome {
        switch key {
        case .text(let more), .paste(let more): text.insert(more)
        case .newline: text.insert("\n")
        case .enter:
            guard text.before.hasSuffix("\\") && text.after.isEmpty else { return .sent(takeAll()) }
            text.deleteLeft()
            text.insert("\n")
        case .interrupt:
            let wasEmpty = text.isEmpty
            _ = takeAll()
            history.leave()
            return .interrupted(wasEmpty: wasEmpty)
        case .endOfInput where text.isEmpty: return .ended
        case .suspend: return .suspended
        case .clearScreen: return .cleared
        case .up:
            if !text.moveUp(), let older = history.older(than: text.text) { text.replace(with: older) }
        case .down:
            if !text.moveDown(), let newer = history.newer(than: text.text) { text.replace(with: newer) }
        default: edit(key)
        }
        return .edited
    }

    private mutating func edit(_ key: TypedKey) {
        switch key {
        case .left: text.moveLeft()
        case .right: text.moveRight()
        case .home: text.moveToLineStart()
        case .end: text.moveToLineEnd()
        case .wordLeft: text.moveWordLeft()
        case .wordRight: text.moveWordRight()
        case .backspace: text.deleteLeft()
        case .delete, .endOfInput: text.deleteRight()
        case .deleteWordLeft: text.deleteWordLeft()
        case .deleteBlankWordLeft: text.deleteBlankWordLeft()
        case .deleteWordRight: text.deleteWordRight()
        case .cutToStart: text.cutToLineStart()
        case .cutToEnd: text.cutToLineEnd()
        case .yank: text.yank()
        default: break
        }
    }

    private mutating func takeAll() -> String {
        let all = text.text
        text.replace(with: "")
        return all
    }
}
