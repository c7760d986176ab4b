// Responsible for: messages that people write in a terminal: shows what the editor holds, and keeps the history.
// Must not know: what becomes of messages.
import Foundation
import Sequences

/// The terminal as a place where messages are written. Used by one task at a time.
final class EditorSession {
    /// What somebody did at the prompt.
    enum Entry: Equatable {
        case message(String)
        /// Ctrl-C; `wasEmpty`: nothing was written.
        case interrupted(wasEmpty: Bool)
        case ended
    }

    private let keyboard: Keyboard
    private let prompt: String
    private let output: Int32
    private let file: HistoryFile?
    private var editor: LineEditor
    private var painter = EditorPainter()
    private var bell: AsyncStream<Void>.Iterator
    /// What was typed ahead.
    private var keys: ArraySlice<TypedKey> = []
    private var hasComplained = false

    /// nil where stdin is no terminal, or one that cannot move its cursor. The terminal is ours from here on until
    /// `leave`.
    init?(
        prompt: String, historyName: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        guard Terminal.isInputInteractive, Terminal.isInteractive || Terminal.isOutputInteractive,
            !["", "dumb"].contains(environment["TERM"] ?? "")
        else { return nil }
        self.prompt = prompt
        output = Terminal.isInteractive ? STDERR_FILENO : STDOUT_FILENO
        file = HistoryFile(name: historyName, environment: environment)
        editor = LineEditor(history: History(file?.read() ?? []))
        keyboard = Keyboard(output: output)
        bell = keyboard.bell.makeAsyncIterator()
    }

    /// Gives the terminal back.
    func leave() { RawMode.leave() }

    /// Lets somebody write until there is something to do.
    func next() async -> Entry {
        painter.forget()
        while true {
            while let key = keys.popFirst() {
                if let entry = handle(key) { return entry }
            }
            draw()
            guard let event = await nextEvent() else { return .ended }
            switch event {
            case .keys(let more): keys = more[...]
            case .interrupted: keys = [.interrupt]
            case .suspended: keys = [.suspend]
            case .resized: painter.resize(width: RawMode.size.width)
            case .resumed: put("\r")
            case .ended:
                put("\r\n")
                return .ended
            }
        }
    }

    /// While `body` runs, Ctrl-C calls `action`, also one that was typed ahead of it.
    func withInterrupt<Value>(
        _ action: @escaping @Sendable () -> Void, _ body: () async throws -> Value
    ) async rethrows -> Value {
        if let place = keys.firstIndex(of: .interrupt) {
            keys = keys[(place + 1)...]
            action()
        }
        return try await keyboard.withInterrupt(action, body)
    }

    private func nextEvent() async -> Keyboard.Event? {
        while true {
            if let event = keyboard.take() { return event }
            guard await bell.next() != nil else { return keyboard.take() }
        }
    }

    private func handle(_ key: TypedKey) -> Entry? {
        let before = editor.text
        switch editor.handle(key) {
        case .edited: return nil
        case .sent(let message):
            put(painter.finish(layout(of: before)))
            remember(message)
            return .message(message)
        case .interrupted(let wasEmpty):
            put(painter.finish(layout(of: before)))
            return .interrupted(wasEmpty: wasEmpty)
        case .ended:
            put(painter.finish(layout(of: before)))
            return .ended
        case .suspended:
            put(painter.finish(layout(of: editor.text)))
            keyboard.suspend()
        case .cleared:
            put("\u{1B}[H\u{1B}[2J")
            painter.forget()
        }
        return nil
    }

    private func remember(_ message: String) {
        guard message.contains(where: { !$0.isWhitespace }) else { return }
        guard editor.remember(message), let file, !hasComplained else { return }
        do { try file.append(message) } catch {
            hasComplained = true
            if let error = error as? TandemError { Terminal.say("(\(error.message.spelled))") }
        }
    }

    private func layout(of text: EditedText, searching search: HistorySearch? = nil) -> EditorLayout {
        EditorLayout(prompt: search?.prompt ?? prompt, text: text, width: RawMode.size.width)
    }

    private func draw() {
        let layout = layout(of: editor.text, searching: editor.search)
        put(painter.frame(layout, height: RawMode.size.height))
    }

    private func put(_ text: String) {
        if output == STDOUT_FILENO { Terminal.put(text) } else { Terminal.sayPart(text) }
    }
}
