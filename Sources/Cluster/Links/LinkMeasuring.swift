// Responsible for: what one link carries, found out over the link itself: some round trips, then a train of large hellos
// that ends after so many bytes or so long. Must not know: who asked, how a link is proven.

import Wire

/// A measuring under way. Its pieces follow their answers, ever more at once, so that a slow link is not filled.
struct LinkMeasuring: Sendable {
    /// What is to be said next.
    enum Step: Sendable, Equatable {
        case small
        /// So many large ones; 0: an answer is awaited first.
        case large(Int)
        case done(LinkFigures)
    }

    private static let roundTrips = 5
    private static let firstWindow = 2
    private static let largestWindow = 16
    /// A train ends after so long.
    private static let trainTime = Duration.seconds(1)
    /// All of it does.
    static let patience = Duration.seconds(3)

    /// Names the question.
    let number: UInt64
    private let pieceBytes: Int
    private let pieces: Int
    private let begunAt: Moment
    private var roundTripsLeft = Self.roundTrips
    private var shortest: Duration?
    /// Since when large ones are said; nil: not yet.
    private var trainSince: Moment?
    private var said = 0
    private var answered = 0
    private var window = Self.firstWindow
    private var firstAnswerAt: Moment?
    private var lastAnswerAt: Moment?

    /// For the question with this number; at most `bytes` travel in large pieces of `pieceBytes`.
    init(_ number: UInt64, bytes: Int, pieceBytes: Int, _ now: Moment) {
        self.number = number
        self.pieceBytes = pieceBytes
        pieces = bytes / max(1, pieceBytes)
        begunAt = now
    }

    /// An answer came, so long after what was said last. `isNewest`: to that.
    mutating func hear(isNewest: Bool, after time: Duration, _ now: Moment) -> Step {
        if roundTripsLeft > 0 {
            guard isNewest else { return .large(0) }
            shortest = min(shortest ?? time, time)
            roundTripsLeft -= 1
            if roundTripsLeft > 0 { return .small }
            guard pieces > 1 else { return .done(figures) }
            trainSince = now
            return goOn(now)
        }
        answered += 1
        if firstAnswerAt == nil { firstAnswerAt = now }
        lastAnswerAt = now
        window = min(window + 1, Self.largestWindow)
        return answered == pieces ? .done(figures) : goOn(now)
    }

    private mutating func goOn(_ now: Moment) -> Step {
        guard let trainSince, now - trainSince < Self.trainTime else {
            return answered == said ? .done(figures) : .large(0)
        }
        let count = max(0, min(pieces, answered + window) - said)
        said += count
        return .large(count)
    }

    /// Whether nothing more is to be waited for.
    func isOverdue(_ now: Moment) -> Bool { now - begunAt >= Self.patience }

    /// What is known so far. The rate is that at which answers came after the first.
    var figures: LinkFigures {
        var figures = LinkFigures(roundTripMicroseconds: shortest?.wholeMicroseconds)
        if let firstAnswerAt, let lastAnswerAt, answered > 1 {
            let time = max((lastAnswerAt - firstAnswerAt) / .seconds(1), 1e-5)
            figures.bytesPerSecond = Double((answered - 1) * pieceBytes) / time
        }
        return figures
    }
}
