// Responsible for: which lines of a log are written, so that nobody fills a disk by making a node talk: repetitions are
// counted instead, and there is a limit to all of it. Must not know: clocks, how lines look.

/// Decides about lines from what they say and when.
struct LogLimiter: Sendable {
    /// What makes lines repetitions of each other.
    struct Template: Hashable, Sendable {
        /// Where in the sources it is said.
        var place: String
        /// The message without what tells one from another: numbers and ids.
        var words: String

        init(place: String, message: String) {
            self.place = place
            let letters = message.prefix(LogLimiter.comparedCharacters).split { $0.isNumber || $0.isWhitespace }
            words = letters.joined(separator: " ")
        }

        /// All that there is no room to tell apart.
        static let others = Template(place: "", message: "")
    }

    /// Lines that were left out.
    struct Summary: Equatable, Sendable {
        /// The last of them; nil: they were of all kinds, and too many at once.
        var message: String?
        var count: Int
        var seconds: Int
    }

    private struct Window {
        var end: Duration
        var shown = 0
        var omitted = 0
        var last = ""
    }

    /// Of one template, so many are written in each window.
    static let repetitions = 5
    static let windowSeconds = 10
    /// Templates told apart at one time.
    static let mostTemplates = 64
    /// Bytes written at once, and then in each second.
    static let burstBytes = 256.0 * 1024
    static let bytesPerSecond = 8.0 * 1024
    fileprivate static let comparedCharacters = 80
    /// Of a message that stands for others, and bytes around it.
    private static let shownCharacters = 200
    private static let summaryBytes = 120

    private var windows: [Template: Window] = [:]
    private var bytes = LogLimiter.burstBytes
    private var lastFilled = Duration.zero
    private var omitted = 0
    private var omittedSince = Duration.zero

    /// Whether a line of so many bytes is written now, and what is to be told before. `template` nil: it is no repetition
    /// of anything. Times count from any moment on.
    mutating func admit(
        _ template: Template?, _ message: String, bytes count: Int, at now: Duration
    ) -> (isWritten: Bool, before: [Summary]) {
        fill(now)
        let before = due(now)
        if let template, !isNew(template, message, now) { return (false, before) }
        guard bytes >= Double(count) else {
            if omitted == 0 { omittedSince = now }
            omitted += 1
            return (false, before)
        }
        bytes -= Double(count)
        return (true, before + tellOmitted(now))
    }

    /// What is to be told of the windows that have ended.
    mutating func due(_ now: Duration) -> [Summary] {
        let ended = windows.filter { $0.value.end <= now }
        for template in ended.keys { windows[template] = nil }
        let told = ended.values.filter { $0.omitted > 0 }.sorted { ($0.end, $0.last) < ($1.end, $1.last) }
        // They are few, and always told: later lines pay for them.
        for window in told { bytes -= Double(Self.summaryBytes + window.last.utf8.count) }
        return told.map { Summary(message: $0.last, count: $0.omitted, seconds: Self.windowSeconds) }
    }

    /// When there will be something to tell; nil: there is nothing.
    var nextDue: Duration? { windows.values.filter { $0.omitted > 0 }.map(\.end).min() }

    private mutating func isNew(_ template: Template, _ message: String, _ now: Duration) -> Bool {
        let isKnown = windows[template] != nil || windows.count < Self.mostTemplates
        let template = isKnown ? template : .others
        var window = windows[template] ?? Window(end: now + .seconds(Self.windowSeconds))
        let isShown = window.shown < Self.repetitions
        if isShown {
            window.shown += 1
        } else {
            window.omitted += 1
            window.last = String(message.prefix(Self.shownCharacters))
        }
        windows[template] = window
        return isShown
    }

    private mutating func fill(_ now: Duration) {
        let passed = max(.zero, now - lastFilled) / .seconds(1)
        lastFilled = max(now, lastFilled)
        bytes = min(Self.burstBytes, bytes + passed * Self.bytesPerSecond)
    }

    private mutating func tellOmitted(_ now: Duration) -> [Summary] {
        guard omitted > 0 else { return [] }
        defer { omitted = 0 }
        return [Summary(message: nil, count: omitted, seconds: Int((now - omittedSince) / .seconds(1)))]
    }
}
