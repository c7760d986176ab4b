// Responsible for: a message while it is written: keys in, changes of the text or an end out.
// Must not know: terminals, files.

/// One editor of many messages.
struct LineEditor {
    private(set) var text = EditedText()
    private(set) var history: History
    /// nil: nothing is searched for.
    private(set) var search: HistorySearch?
    private var lastQuery = ""

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
        if search(on: key) { return .edited }
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
            return .interrupted(wasEmpty: wasEmpty)
        case .endOfInput where text.isEmpty: return .ended
        case .suspend: return .suspended
        case .clearScreen: return .cleared
        case .searchBackward: search = HistorySearch(from: text, history: history)
        case .up:
            if !text.moveUp(), let older = history.older(than: text.text) { text.replace(with: older) }
        case .down:
            if !text.moveDown(), let newer = history.newer(than: text.text) { text.replace(with: newer) }
        default: edit(key)
        }
        return .edited
    }

    /// While something is searched for: false where the key is not for the search. Such a key ends it, and goes on
    /// with what was found.
    private mutating func search(on key: TypedKey) -> Bool {
        guard var current = search else { return false }
        switch key {
        case .text(let more), .paste(let more): current.extend(by: more, in: history)
        case .backspace: current.shorten(in: history)
        case .searchBackward where current.query.isEmpty: current.extend(by: lastQuery, in: history)
        case .searchBackward: current.move(by: -1, in: history)
        case .searchForward: current.move(by: 1, in: history)
        case .abandon:
            (text, search) = (current.original, nil)
            return true
        default:
            if !current.query.isEmpty { lastQuery = current.query }
            if let place = current.place { _ = history.recall(place, leaving: current.original.text) }
            search = nil
            return key == .escape
        }
        if let found = current.found(in: history) { text.replace(with: found.entry, cursor: found.place) }
        search = current
        return true
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
        case .swap: text.swap()
        default: break
        }
    }

    private mutating func takeAll() -> String {
        let all = text.text
        text.replace(with: "")
        history.leave()
        return all
    }
}
